//! A run that is shared out over ranks leaves the bytes of one process, also where it is stopped, within passes too, and goes
//! on on another number of ranks each time.

mod common;

use std::path::Path;
use std::sync::Arc;

use common::{Stop, cells, data, files, final_state, methods_under, run, settings};
use vr_bench::BenchError;
use vr_bench::cell::Cell;
use vr_bench::cells::observer::{Observer, Silent};
use vr_bench::cells::serve_cells;
use vr_bench::experiments::{Prepared, find, locking};
use vr_bench::results::CellResult;
use vr_bench::settings::Settings;
use vr_optim::ranks::{Dismissal, threads};
use vr_optim::{Ranks, RuleConfig};
use vr_run::RunError;

/// The threads of one rank.
fn pool() -> rayon::ThreadPool {
    rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap()
}

/// As [`run`], on so many ranks.
fn run_on(
    size: usize,
    settings: &Settings,
    cells: &[Cell],
    out: &Path,
    observer: &dyn Observer,
) -> Result<Vec<CellResult>, BenchError> {
    let data = data();
    let mut ranks = threads(size).into_iter().map(|rank| Ranks(Arc::new(rank)));
    let root = ranks.next().unwrap();
    let settings = Settings { ranks: Some(root.clone()), ..settings.clone() };
    std::thread::scope(|scope| {
        for rank in ranks {
            let (data, settings) = (&data, &settings);
            scope.spawn(move || pool().install(|| serve_cells(&rank, settings, data, cells).unwrap()));
        }
        let _dismissal = Dismissal(root);
        pool().install(|| run(&settings, &data, cells, out, observer))
    })
}

/// In memory where that can be had: every stop waits for the disk.
fn folder() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

#[test]
fn every_estimator_has_the_bytes_of_one_process_whatever_the_number_of_ranks() {
    let (settings, data) = (settings(), data());
    for cell in methods_under(RuleConfig::default()) {
        let cells = std::slice::from_ref(&cell);
        let (alone, parts) = (folder(), folder());
        run(&settings, &data, cells, alone.path(), &Silent).unwrap();
        let mut stops = 0;
        while let Err(error) = run_on(1 + stops % 4, &settings, cells, parts.path(), &Stop::after(2 + stops % 2)) {
            assert!(matches!(error, BenchError::Run(RunError::Interrupted(_))), "{error}");
            stops += 1;
        }
        assert!(stops >= 3, "{}: {stops} stops", cell.method);
        assert_eq!(files(parts.path()), files(alone.path()), "{}", cell.method);
        assert_eq!(final_state(parts.path()), final_state(alone.path()), "{}", cell.method);
    }
}

#[test]
fn several_cells_follow_each_other_on_the_same_ranks() {
    let (settings, data, cells) = (settings(), data(), cells());
    let alone = tempfile::tempdir().unwrap();
    let expected = run(&settings, &data, &cells, alone.path(), &Silent).unwrap();
    let shared = tempfile::tempdir().unwrap();
    let found = run_on(3, &settings, &cells, shared.path(), &Silent).unwrap();
    assert_eq!(files(shared.path()), files(alone.path()));
    assert_eq!(found.len(), expected.len());
}

/// The first epochs of SVRG from epoch 2, 4, 6 and 8 on are SGD's.
#[test]
fn a_beginning_is_taken_over_on_ranks() {
    let settings = Settings { epochs: 9, schedule_epochs: 9, ..settings() };
    let data = data();
    let cells = (find("fine-tuning").unwrap().cells)(&settings, data.train.len().div_ceil(settings.batch_size));
    let (alone, shared) = (folder(), folder());
    run(&settings, &data, &cells, alone.path(), &Silent).unwrap();
    run_on(3, &settings, &cells, shared.path(), &Silent).unwrap();
    assert_eq!(files(shared.path()), files(alone.path()));
}

#[test]
fn ranks_that_read_other_pictures_are_refused() {
    let (settings, data, cells) = (settings(), data(), cells());
    let [root, rank] = threads(2).try_into().unwrap_or_else(|_| panic!("two ranks"));
    let (root, rank) = (Ranks(Arc::new(root)), Ranks(Arc::new(rank)));
    let out = tempfile::tempdir().unwrap();
    let error = std::thread::scope(|scope| {
        let settings = Settings { ranks: Some(root.clone()), ..settings };
        let mut other = common::data();
        other.info.digest = "another".into();
        let (cells, theirs) = (&cells, settings.clone());
        scope.spawn(move || pool().install(|| serve_cells(&rank, &theirs, &other, cells).unwrap()));
        let _dismissal = Dismissal(root);
        pool().install(|| run(&settings, &data, cells, out.path(), &Silent)).unwrap_err().to_string()
    });
    assert!(error.ends_with("rank 1: its settings or pictures are not those of the root"), "{error}");
}

#[test]
fn ranks_work_on_one_cell_at_a_time() {
    let settings = Settings { jobs: 2, train_size: Some(100), test_size: Some(100), ..Settings::default() };
    let prepared = Prepared::experiment(&locking::EXPERIMENT, &settings).unwrap();
    let ranks = Ranks(Arc::new(threads(1).remove(0)));
    let error = prepared.on_ranks(ranks).err().unwrap().to_string();
    assert!(error.contains("is 2; expected 1, since ranks work on one cell at a time"), "{error}");
}
