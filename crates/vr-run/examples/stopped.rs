//! A training that is stopped in the middle and goes on to the same bytes as one that was not.
//! `cargo run --release -p vr-run --example stopped`

#![allow(clippy::print_stdout, reason = "it shows what it found")]

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use vr_optim::conformance::problem::{Loss, Regression, Samples, start};
use vr_optim::{StepDecay, Svrg, Training};
use vr_run::{Execution, Observer, RunError, RunFolder, Silent, Trial, TrialEvent};

const EPOCHS: usize = 10;

/// Asks for a stop once an epoch is over.
struct StopAfter(usize, AtomicBool);

impl Observer<TrialEvent> for StopAfter {
    fn event(&self, _cell: &str, event: &TrialEvent, _seconds: f64) {
        if matches!(event, TrialEvent::Epoch(row) if row.epoch == self.0) {
            self.1.store(true, Ordering::Relaxed);
        }
    }

    fn stop(&self) -> bool {
        self.1.load(Ordering::Relaxed)
    }
}

fn run(folder: &Path, observer: &dyn Observer<TrialEvent>) -> Result<Vec<u8>, Box<dyn std::error::Error>> {
    let begin = || {
        let oracle = Regression::new(Loss::Logistic);
        let training = Training::new(oracle, Samples::with_jitter(0.1), start(), Svrg::recomputed())?;
        Ok(training.with_schedule(StepDecay::constant(0.1)))
    };
    // The settings say everything that the result depends on: a folder of other settings is refused.
    let trials = [Trial::new("logistic-svrg", serde_json::json!({ "rate": 0.1, "jitter": 0.1 }), EPOCHS, begin)];
    RunFolder::open(folder, "logistic")?.run(&trials, Execution::default(), observer)?;
    Ok(std::fs::read(folder.join("cells/logistic-svrg/metrics.jsonl"))?)
}

pub(crate) fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let (stopped, whole) = (folder.path().join("stopped"), folder.path().join("whole"));
    let asked = run(&stopped, &StopAfter(EPOCHS / 2, AtomicBool::new(false))).err();
    let interrupted = asked.is_some_and(|error| matches!(error.downcast_ref(), Some(RunError::Interrupted(_))));
    assert!(interrupted, "the run was asked to stop");

    let log = run(&stopped, &Silent)?;
    assert_eq!(log, run(&whole, &Silent)?);
    println!("{} bytes of log, the same with and without the stop", log.len());
    Ok(())
}
