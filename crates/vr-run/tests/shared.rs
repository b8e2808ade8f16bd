//! Several processes on one run: the same bytes as one, and never two on a cell.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::json;
use vr_core::{Evaluation, FlatVector, NormLayer, Normalization, Oracle, ParameterSpace};
use vr_files::FileError;
use vr_optim::{FixedBatches, StepDecay, Svrg, Training};
use vr_run::run_folder::at_rest;
use vr_run::status::{CellState, status};
use vr_run::{CellError, Execution, Observer, RunError, RunFolder, SharedRun, Silent, Trial, TrialEvent};

/// The mean of ½(x − b)² over the numbers b of a minibatch.
struct Squares {
    space: Arc<ParameterSpace>,
    layers: Arc<[NormLayer]>,
}

impl Oracle for Squares {
    type Scalar = f64;
    type Batch = Vec<f64>;
    type Error = std::convert::Infallible;

    fn space(&self) -> &Arc<ParameterSpace> {
        &self.space
    }

    fn norm_layers(&self) -> &Arc<[NormLayer]> {
        &self.layers
    }

    fn gradient(
        &self,
        x: &FlatVector<f64>,
        norm: Normalization<'_, f64>,
        batch: &Vec<f64>,
        out: &mut FlatVector<f64>,
    ) -> Result<Evaluation<f64>, Self::Error> {
        out[0] = batch.iter().map(|b| x[0] - b).sum::<f64>() / batch.len() as f64;
        self.evaluate(x, norm, batch)
    }

    fn evaluate(
        &self,
        x: &FlatVector<f64>,
        _norm: Normalization<'_, f64>,
        batch: &Vec<f64>,
    ) -> Result<Evaluation<f64>, Self::Error> {
        let loss = batch.iter().map(|b| 0.5 * (x[0] - b).powi(2)).sum::<f64>() / batch.len() as f64;
        Ok(Evaluation {
            loss,
            correct: None,
            correct_top5: None,
            samples: batch.len(),
            statistics: None,
            unused: Vec::new(),
        })
    }
}

type Squared = Training<Squares, FixedBatches<Vec<f64>>>;

fn begin(seed: u64) -> Result<Squared, CellError> {
    let space = Arc::new(ParameterSpace::new([("x", vec![1])])?);
    let oracle = Squares { space, layers: [].into() };
    let batches = FixedBatches::new(vec![vec![1.0, 2.0], vec![3.0, 4.0], vec![5.0]], seed);
    let training = Training::new(oracle, batches, FlatVector::zeros(1), Svrg::stored())?;
    Ok(training.with_schedule(StepDecay::constant(0.1)))
}

macro_rules! trials {
    ($seeds:expr) => {
        $seeds
            .map(|seed| {
                Trial::new(format!("squares-{seed}"), json!({ "seed": seed }), 6, move || begin(seed))
                    .with_test(|training: &Squared| Ok(vec![("x", training.iterate()[0])]))
            })
            .collect::<Vec<_>>()
    };
}

/// Results, logs and settings by path.
fn files(out: &Path) -> BTreeMap<String, Vec<u8>> {
    let cells = vr_files::list(out.join("cells")).unwrap();
    let inside = cells.iter().flat_map(|cell| vr_files::list(cell).unwrap());
    let kept = inside.chain([out.join("metrics.jsonl")]).filter(|path| path.is_file());
    kept.filter(|path| !path.ends_with("timing.jsonl") && !path.ends_with("lock"))
        .map(|path| (path.strip_prefix(out).unwrap().display().to_string(), std::fs::read(&path).unwrap()))
        .collect()
}

fn begun(out: &Path) -> Vec<bool> {
    RunFolder::open(out, "squares").unwrap().begin(&trials!(0..6_u64)).unwrap()
}

#[test]
fn many_hands_leave_the_bytes_of_one() {
    let folder = tempfile::tempdir().unwrap();
    let [alone, shared] = ["alone", "shared"].map(|name| folder.path().join(name));
    let expected =
        RunFolder::open(&alone, "squares").unwrap().run(&trials!(0..6_u64), Execution::default(), &Silent).unwrap();
    assert_eq!(begun(&shared), [false; 6]);
    std::thread::scope(|scope| {
        for hand in 0..3 {
            let shared = &shared;
            scope.spawn(move || {
                let cells = trials!(2 * hand..2 * hand + 2);
                SharedRun::join(shared, "squares").unwrap().run(&cells, Execution::default(), &Silent).unwrap()
            });
        }
    });
    assert_eq!(begun(&shared), [true; 6]);
    let gathered =
        RunFolder::open(&shared, "squares").unwrap().run(&trials!(0..6_u64), Execution::default(), &Silent).unwrap();
    // Times differ.
    assert!(gathered.iter().map(|cell| &cell.found).eq(expected.iter().map(|cell| &cell.found)));
    assert_eq!(files(&shared), files(&alone));
}

/// Holds the first cell until it is let go.
struct Held {
    entered: AtomicBool,
    free: AtomicBool,
}

impl Observer<TrialEvent> for Held {
    fn tick(&self, _cell: &str, _epoch: usize, _step: usize, _steps: usize) {
        self.entered.store(true, Ordering::SeqCst);
        while !self.free.load(Ordering::SeqCst) {
            std::thread::yield_now();
        }
    }
}

#[test]
fn a_cell_and_a_run_that_are_worked_on_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("run");
    assert!(matches!(SharedRun::join(&out, "squares"), Err(RunError::NoRun(_))));
    begun(&out);
    assert!(matches!(SharedRun::join(&out, "cubes"), Err(RunError::Occupied { .. })));
    at_rest(&out).unwrap();
    let held = Held { entered: false.into(), free: false.into() };
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let cells = trials!(0..2_u64);
            SharedRun::join(&out, "squares").unwrap().run(&cells, Execution::default(), &held).unwrap()
        });
        while !held.entered.load(Ordering::SeqCst) {
            std::thread::yield_now();
        }
        let states: Vec<_> = status(&out).unwrap().cells.iter().map(|cell| cell.state).collect();
        assert_eq!(states, [[CellState::Running; 2].as_slice(), &[CellState::Waiting; 4]].concat());
        let is_locked = |error: RunError| matches!(error, RunError::File(FileError::Locked { .. }));
        assert!(is_locked(at_rest(&out).unwrap_err()));
        assert!(is_locked(RunFolder::open(&out, "squares").unwrap_err()));
        let other = SharedRun::join(&out, "squares").unwrap();
        assert!(is_locked(other.run(&trials!(1..3_u64), Execution::default(), &Silent).unwrap_err()));
        other.run(&trials!(2..4_u64), Execution::default(), &Silent).unwrap();
        held.free.store(true, Ordering::SeqCst);
    });
    at_rest(&out).unwrap();
    assert_eq!(begun(&out), [true, true, true, true, false, false]);
}
