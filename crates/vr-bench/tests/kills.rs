//! Whole commands on a disk that dies at every operation in turn: no folder is wedged, what is found looks like no damage,
//! nothing of anybody else's goes, and the same command then ends in the same bytes.

mod common;

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use common::files;
use vr_bench::BenchError;
use vr_bench::cells::observer::Silent;
use vr_bench::config::TrainConfig;
use vr_bench::experiments::{self, locking};
use vr_bench::run_dir::{Record, Task};
use vr_bench::settings::{DataChoice, Settings};
use vr_data::{SyntheticConfig, cifar10, import_cifar10, synthetic};
use vr_files::fault::{Fault, inject};
use vr_run::checkpoint::CheckpointPolicy;
use vr_run::run_folder::is_run;
use vr_run::status::status;

const POLICY: CheckpointPolicy = CheckpointPolicy { every_steps: Some(1), every: None, latest: 2, keep_epochs: None };

/// What is nobody's but the user's, by path in the run's folder.
const FOREIGN: [&str; 3] = ["examined.txt", "cells/notes", "figures/mine.svg"];

/// A small set, and a thread on which faults are injected.
struct Ground {
    folder: tempfile::TempDir,
    pool: rayon::ThreadPool,
    _turn: MutexGuard<'static, ()>,
}

/// One test at a time: a child process, such as git, holds the locks of all until it is under way.
static TURN: Mutex<()> = Mutex::new(());

/// In memory where that can be had: thousands of kills wait for no disk.
fn fast_folder() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

type Work<'a> = &'a (dyn Fn(&Ground, &Path) -> Result<(), BenchError> + Sync);

impl Ground {
    fn new() -> Self {
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let folder = fast_folder();
        let set = synthetic(&SyntheticConfig { train: 24, test: 10, ..SyntheticConfig::default() });
        cifar10::write(folder.path().join("set"), &set, false).unwrap();
        Self { folder, pool: rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap(), _turn: turn }
    }

    fn data(&self) -> DataChoice {
        DataChoice::Cifar10(self.folder.path().join("set"))
    }

    /// Two cells of one epoch of two steps; nothing is measured, so nothing is drawn.
    fn repro(&self, out: &Path, forgotten: bool) -> Result<(), BenchError> {
        let settings = Settings {
            data: self.data(),
            batch_size: 12,
            epochs: 1,
            every: 2,
            checkpoints: POLICY,
            ..Settings::default()
        };
        experiments::run(&locking::EXPERIMENT, &settings, out, forgotten, &Silent).map(drop)
    }

    /// One cell, with a figure.
    fn train(&self, out: &Path, forgotten: bool) -> Result<(), BenchError> {
        let config =
            TrainConfig { data: self.data(), batch_size: 12, epochs: 1, checkpoints: POLICY, ..TrainConfig::default() };
        experiments::train::run(&config, out, forgotten, &Silent).map(drop)
    }

    fn with(&self, fault: Fault, out: &Path, work: Work<'_>) -> (Result<(), BenchError>, bool) {
        self.pool.install(|| inject(fault, || work(self, out)))
    }
}

/// What `cargo xtask resume` does.
fn resume(out: &Path) -> Result<(), BenchError> {
    let record = Record::read(out)?.unwrap();
    match record.task {
        Task::Settings(settings) => {
            let settings = Settings { checkpoints: POLICY, ..*settings };
            experiments::run(experiments::find(&record.experiment).unwrap(), &settings, out, false, &Silent).map(drop)
        }
        Task::Config(config) => experiments::train::run(&config, out, false, &Silent).map(drop),
    }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let to = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &to);
        } else {
            std::fs::copy(&path, &to).unwrap();
        }
    }
}

/// Kills `work` at every operation, in folders that begin as `before`, and goes on with `again`; says how often.
fn killed(ground: &Ground, kind: fn(u64) -> Fault, before: Option<&Path>, work: Work<'_>, again: Work<'_>) -> u64 {
    let whole = ground.folder.path().join("whole");
    again(ground, &whole).unwrap();
    let expected = files(&whole);
    let out = ground.folder.path().join("run");
    for n in 0.. {
        if let Some(before) = before {
            copy(before, &out);
        }
        let foreign: Vec<_> = FOREIGN.iter().map(|name| std::fs::read(out.join(name)).ok()).collect();
        let (outcome, struck) = ground.with(kind(n), &out, work);
        if is_run(&out) {
            status(&out).unwrap();
            let found = experiments::verify(&out, 0).unwrap();
            assert!(found.is_sound(), "after {:?}: {found:?}", kind(n));
        }
        if !struck {
            outcome.unwrap();
        }
        again(ground, &out).unwrap_or_else(|error| panic!("after {:?}: {error}", kind(n)));
        assert_eq!(files(&out), expected, "after {:?}", kind(n));
        let found = experiments::verify(&out, 0).unwrap();
        assert!(found.is_sound() && found.files > 8, "after {:?}: {found:?}", kind(n));
        assert!(FOREIGN.iter().map(|name| std::fs::read(out.join(name)).ok()).eq(foreign), "{:?}", kind(n));
        let left = hidden(&out);
        assert!(left.is_empty(), "after {:?}: {left:?}", kind(n));
        std::fs::remove_dir_all(&out).unwrap();
        if !struck {
            return n;
        }
    }
    unreachable!("the operations end");
}

/// Hidden names below a folder.
fn hidden(folder: &Path) -> Vec<PathBuf> {
    let paths = vr_files::list(folder).unwrap();
    let below = paths.iter().filter(|path| path.is_dir()).flat_map(|path| hidden(path));
    let own = paths.iter().filter(|path| path.file_name().unwrap().to_string_lossy().starts_with('.'));
    own.cloned().chain(below).collect()
}

/// A finished run with what somebody else put there.
fn finished(ground: &Ground, work: Work<'_>) -> PathBuf {
    let out = ground.folder.path().join("before");
    work(ground, &out).unwrap();
    for name in FOREIGN {
        vr_files::write_atomic(out.join(name), b"years of work").unwrap();
    }
    out
}

#[test]
fn an_experiment_from_its_beginning() {
    let ground = Ground::new();
    let work: Work<'_> = &|ground, out| ground.repro(out, false);
    let kills = killed(&ground, Fault::From, None, work, work);
    assert!(kills > 200, "{kills}");
}

#[test]
fn an_experiment_once_more_with_force() {
    let ground = Ground::new();
    let before = finished(&ground, &|ground, out| ground.repro(out, false));
    let again: Work<'_> = &|ground, out| ground.repro(out, false);
    let kills = killed(&ground, Fault::From, Some(&before), &|ground, out| ground.repro(out, true), again);
    assert!(kills > 250, "{kills}");
}

#[test]
fn a_training_run_on_a_disk_whose_last_write_is_torn() {
    let ground = Ground::new();
    let work: Work<'_> = &|ground, out| ground.train(out, false);
    let kills = killed(&ground, Fault::Torn, None, work, work);
    assert!(kills > 100, "{kills}");
}

#[test]
fn a_training_run_once_more_with_force_goes_on_with_force() {
    let ground = Ground::new();
    let before = finished(&ground, &|ground, out| ground.train(out, false));
    let work: Work<'_> = &|ground, out| ground.train(out, true);
    let kills = killed(&ground, Fault::Torn, Some(&before), work, work);
    assert!(kills > 150, "{kills}");
}

#[test]
fn a_run_that_goes_on() {
    let ground = Ground::new();
    let before = ground.folder.path().join("before");
    // In the middle of the second cell.
    let (_, struck) = ground.with(Fault::From(140), &before, &|ground, out| ground.repro(out, false));
    assert!(struck && is_run(&before));
    let kills = killed(&ground, Fault::Torn, Some(&before), &|_, out| resume(out), &|ground, out| {
        if is_run(out) { resume(out) } else { ground.repro(out, false) }
    });
    assert!(kills > 80, "{kills}");
}

#[test]
fn a_finished_run_that_is_gone_on_with() {
    let ground = Ground::new();
    let before = finished(&ground, &|ground, out| ground.train(out, false));
    let work: Work<'_> = &|ground, out| if is_run(out) { resume(out) } else { ground.train(out, false) };
    let kills = killed(&ground, Fault::From, Some(&before), work, work);
    assert!(kills > 60, "{kills}");
}

/// What a killed import leaves is gone after the next one.
#[test]
fn an_import() {
    let ground = Ground::new();
    let (from, outer) = (ground.folder.path().join("set"), ground.folder.path().join("imported"));
    let dest = outer.join("set");
    for n in 0.. {
        let (outcome, struck) = inject(Fault::Torn(n), || import_cifar10(&from, &dest, false).map(drop));
        if !dest.exists() {
            assert!(outcome.is_err());
            import_cifar10(&from, &dest, false).unwrap_or_else(|error| panic!("after {n}: {error}"));
        }
        assert!(vr_data::verify::verify(&dest).unwrap().is_good(), "after {n}");
        assert_eq!(vr_files::list(&outer).unwrap(), [dest.as_path()], "after {n}");
        std::fs::remove_dir_all(&outer).unwrap();
        if !struck {
            outcome.unwrap();
            assert!(n > 20, "{n}");
            return;
        }
    }
}
