//! A run that was interrupted, wherever, leaves the same bytes as one that was not.

mod common;

use common::{Stop, cells, data, files, final_state, run, settings};
use vr_bench::BenchError;
use vr_bench::cell::Cell;
use vr_bench::checkpoint::CheckpointPolicy;
use vr_bench::measure::{Measures, Places};
use vr_bench::observer::Silent;
use vr_bench::settings::Settings;

/// Stops at every chance there is, in the middle of an epoch, inside a snapshot pass, at the end of an
/// epoch, and goes on each time.
fn stop_everywhere(cell: &Cell) {
    let (settings, data) = (settings(), data());
    let cells = std::slice::from_ref(cell);
    let whole = tempfile::tempdir().unwrap();
    run(&settings, &data, cells, whole.path(), &Silent).unwrap();
    let parts = tempfile::tempdir().unwrap();
    let mut stops = 0;
    // The first chance of a pass comes before its first window: waiting for one or two more makes progress.
    while let Err(error) = run(&settings, &data, cells, parts.path(), &Stop::after(1 + stops % 3)) {
        assert!(matches!(error, BenchError::Interrupted), "{error}");
        stops += 1;
    }
    let steps = cell.epochs * data.train.len().div_ceil(settings.batch_size);
    assert!(stops > steps, "{}: {stops} stops in {steps} steps", cell.method);
    assert_eq!(files(parts.path()), files(whole.path()), "{}", cell.method);
    assert_eq!(final_state(parts.path()), final_state(whole.path()), "{}", cell.method);
}

#[test]
fn every_method_resumes_to_the_bit() {
    cells().iter().for_each(stop_everywhere);
}

#[test]
fn finished_cells_stay_and_a_grown_matrix_runs_what_is_new() {
    let (settings, data) = (settings(), data());
    let cells = cells();
    let folder = tempfile::tempdir().unwrap();
    run(&settings, &data, &cells[..1], folder.path(), &Silent).unwrap();
    let old = files(folder.path());
    // Stops at the first chance: there is none in a finished cell.
    run(&settings, &data, &cells[..1], folder.path(), &Stop::after(0)).unwrap();
    run(&settings, &data, &cells[..2], folder.path(), &Stop::after(0)).unwrap_err();
    run(&settings, &data, &cells[..2], folder.path(), &Silent).unwrap();
    let grown = files(folder.path());
    for (name, content) in &old {
        assert!(name == "metrics.jsonl" || grown[name] == *content, "{name}");
    }
    assert!(grown.len() > old.len());
}

#[test]
fn a_cell_with_other_settings_is_refused_before_any_work() {
    let (settings, data) = (settings(), data());
    let cells = cells();
    let folder = tempfile::tempdir().unwrap();
    run(&settings, &data, &cells[..1], folder.path(), &Silent).unwrap();
    let before = files(folder.path());
    let other = Cell { epochs: 3, ..cells[0].clone() };
    let error = run(&settings, &data, &[cells[1].clone(), other], folder.path(), &Silent).unwrap_err();
    assert!(error.to_string().contains("cell.epochs is 2 there and 3 here"), "{error}");
    let after = files(folder.path());
    assert!(before.iter().all(|(name, content)| after[name] == *content));
    let twice = [cells[1].clone(), cells[1].clone()];
    let error = run(&settings, &data, &twice, folder.path(), &Silent).unwrap_err();
    assert!(matches!(error, BenchError::Twice(_)), "{error}");
}

/// Weights do not depend on what is measured, on the number of threads or on how often a run saves.
#[test]
fn nothing_but_the_settings_matters() {
    let data = data();
    for cell in cells() {
        let weights = |settings: &Settings, cell: &Cell, threads: usize| {
            let folder = tempfile::tempdir().unwrap();
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| run(settings, &data, std::slice::from_ref(cell), folder.path(), &Silent)).unwrap();
            let found = files(folder.path());
            let result = found.iter().find(|(name, _)| name.ends_with("/result.json")).unwrap().1;
            let result: serde_json::Value = serde_json::from_slice(result).unwrap();
            (result["weights"].as_str().unwrap().to_owned(), found)
        };
        let (expected, all) = weights(&settings(), &cell, 1);
        for threads in 2..=4 {
            assert_eq!(weights(&settings(), &cell, threads).1, all, "{} on {threads} threads", cell.method);
        }
        let often = CheckpointPolicy { every_steps: Some(1), ..CheckpointPolicy::default() };
        let often = Settings { checkpoints: often, ..settings() };
        assert_eq!(weights(&often, &cell, 2).1, all, "{} saved after every step", cell.method);
        for measures in [Measures::NONE, Measures::variance(Places::Deciles, 1)] {
            let measured = Cell { measures, ..cell.clone() };
            assert_eq!(weights(&settings(), &measured, 2).0, expected, "{} measured otherwise", cell.method);
        }
    }
}

#[test]
fn a_run_that_diverges_is_a_result_and_no_success() {
    let (settings, data) = (settings(), data());
    let mut cells = cells();
    cells[0].schedule.base = 1e9;
    let folder = tempfile::tempdir().unwrap();
    let often = CheckpointPolicy { every_steps: Some(1), ..CheckpointPolicy::default() };
    let settings = Settings { checkpoints: often, ..settings };
    let results = run(&settings, &data, &cells[..2], folder.path(), &Silent).unwrap();
    assert!(results[0].diverged.is_some());
    assert!(results[0].epochs.iter().all(|row| row.train_loss.is_finite()));
    assert!(results[1].diverged.is_none());
    assert_eq!(results[1].epochs.len(), cells[1].epochs);
    // It is not run again.
    let again = run(&settings, &data, &cells[..2], folder.path(), &Stop::after(0)).unwrap();
    assert_eq!(again[0].diverged, results[0].diverged);
}
