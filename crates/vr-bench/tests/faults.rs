//! Real LeNet cells on a disk that fails at every operation in turn: nothing is lost, and the run goes
//! on to the same bytes.

mod common;

use std::path::Path;

use common::{cells, data, files, run, settings};
use vr_bench::cell::Cell;
use vr_bench::cells::observer::Silent;
use vr_bench::data::LoadedData;
use vr_bench::settings::Settings;
use vr_files::fault::{Fault, inject};
use vr_run::checkpoint::CheckpointPolicy;

/// One epoch of recomputed SVRG, three minibatches, saved after the second step and at the end.
struct Small {
    settings: Settings,
    data: LoadedData,
    cells: Vec<Cell>,
    /// A run inside a pool stays on the thread where a fault is injected.
    pool: rayon::ThreadPool,
}

impl Small {
    fn new() -> Self {
        let checkpoints = CheckpointPolicy { every_steps: Some(2), every: None, ..CheckpointPolicy::default() };
        let cells = cells().into_iter().filter(|cell| cell.method == "svrg-recomputed");
        let cells = cells.map(|cell| Cell { epochs: 1, ..cell }).collect();
        let settings = Settings { epochs: 1, batch_size: 12, checkpoints, ..settings() };
        let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
        Self { settings, data: data(), cells, pool }
    }

    fn run(&self, out: &Path) -> Result<(), vr_bench::BenchError> {
        run(&self.settings, &self.data, &self.cells, out, &Silent).map(|_| ())
    }

    /// The run with a fault; also says whether it struck.
    fn run_with(&self, fault: Fault, out: &Path) -> (Result<(), vr_bench::BenchError>, bool) {
        self.pool.install(|| inject(fault, || self.run(out)))
    }
}

/// Prepares a folder, runs there with each fault in turn, then without; returns how many struck.
fn check(kinds: &[fn(u64) -> Fault], prepare: impl Fn(&Small, &Path)) -> u64 {
    let small = Small::new();
    let whole = tempfile::tempdir().unwrap();
    small.run(whole.path()).unwrap();
    let expected = files(whole.path());
    let mut strikes = 0;
    for kind in kinds {
        for n in 0.. {
            let folder = tempfile::tempdir().unwrap();
            prepare(&small, folder.path());
            let (outcome, struck) = small.run_with(kind(n), folder.path());
            if outcome.is_ok() {
                assert_eq!(files(folder.path()), expected, "{:?} was hushed up", kind(n));
            }
            if !struck {
                outcome.unwrap();
                break;
            }
            small.run(folder.path()).unwrap_or_else(|error| panic!("after {:?}: {error}", kind(n)));
            assert_eq!(files(folder.path()), expected, "after {:?}", kind(n));
            strikes += 1;
        }
    }
    strikes
}

#[test]
fn from_the_beginning() {
    let strikes = check(&[Fault::Once, Fault::Torn], |_, _| {});
    assert!(strikes > 120, "{strikes}");
}

#[test]
fn while_it_recovers_from_a_kill() {
    let strikes = check(&[Fault::From], |small, out| {
        // In the middle of the second checkpoint.
        let (outcome, struck) = small.run_with(Fault::Torn(70), out);
        assert!(struck && outcome.is_err());
    });
    assert!(strikes > 40, "{strikes}");
}

#[test]
fn on_a_disk_that_fills_up() {
    // In strides, since a disk has more bytes than operations.
    let strikes = check(&[|n| Fault::Full(40_009 * n)], |_, _| {});
    assert!(strikes > 10, "{strikes}");
}
