//! A run that was interrupted, wherever, leaves the same bytes as one that was not.

mod common;

use std::time::Duration;

use common::{Stop, cells, data, files, final_state, methods_under, run, settings};
use vr_bench::BenchError;
use vr_bench::cell::Cell;
use vr_bench::cells::observer::Silent;
use vr_bench::measure::{Kind, Measures, Places};
use vr_bench::paper::methods;
use vr_bench::results::CellResult;
use vr_bench::settings::{Model, Settings};
use vr_data::{Loader, LoaderConfig};
use vr_models::{CpuEngine, initialize};
use vr_optim::{AdamWConfig, Locking, RuleConfig, SgdMomentumConfig, Training};
use vr_run::RunError;
use vr_run::checkpoint::{CheckpointPolicy, encode};

/// Runs a cell, stopping at every chance or every second one, in the middle of an epoch, inside a
/// snapshot pass, at the end of an epoch, and going on each time.
fn stop_everywhere(settings: &Settings, cell: &Cell, phase: usize) {
    let (data, cells) = (data(), std::slice::from_ref(cell));
    let whole = tempfile::tempdir().unwrap();
    let results = run(settings, &data, cells, whole.path(), &Silent).unwrap();
    assert!(results[0].diverged.is_none(), "{} diverged", cell.method);
    let parts = tempfile::tempdir().unwrap();
    let mut stops = 0;
    // The first chance of a pass comes before its first window: every second time it goes further.
    while let Err(error) = run(settings, &data, cells, parts.path(), &Stop::after(1 + (stops + phase) % 2)) {
        assert!(matches!(error, BenchError::Run(RunError::Interrupted(_))), "{error}");
        stops += 1;
    }
    let steps = cell.epochs * data.train.len().div_ceil(settings.batch_size);
    assert!(2 * stops >= steps, "{}: {stops} stops in {steps} steps", cell.method);
    assert_eq!(files(parts.path()), files(whole.path()), "{}", cell.method);
    assert_eq!(final_state(parts.path()), final_state(whole.path()), "{}", cell.method);
}

fn stop_every_method(rule: RuleConfig, phase: usize) {
    methods_under(rule).iter().for_each(|cell| stop_everywhere(&settings(), cell, phase));
}

#[test]
fn every_estimator_resumes_to_the_bit_with_momentum() {
    stop_every_method(RuleConfig::default(), 0);
}

#[test]
fn every_estimator_resumes_to_the_bit_with_nesterov() {
    stop_every_method(
        RuleConfig::SgdMomentum(SgdMomentumConfig { momentum: 0.9, weight_decay: 1e-4, nesterov: true }),
        1,
    );
}

#[test]
fn every_estimator_resumes_to_the_bit_with_adamw() {
    stop_every_method(
        RuleConfig::AdamW(AdamWConfig { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weight_decay: 0.01 }),
        1,
    );
}

#[test]
fn every_measurement_resumes_to_the_bit() {
    let measured = |kind, places, cell| Cell { measures: Measures { kind, places, every: 1 }, ..cell };
    let settings = settings();
    let geometry = measured(Kind::Geometry, Places::Deciles, methods::stored(&settings, Locking::Locked, 3));
    let positions = measured(Kind::Positions { size: 4 }, Places::Paper, methods::scsg(&settings, 3));
    stop_everywhere(&settings, &geometry, 0);
    stop_everywhere(&settings, &positions, 0);
    // Fifteen steps an epoch, room for the steps that are compared.
    let settings = Settings { batch_size: 2, epochs: 1, ..settings };
    let successive = measured(Kind::Successive, Places::Paper, methods::recomputed(&settings, 3));
    stop_everywhere(&settings, &successive, 0);
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
fn cells_at_once_find_what_cells_in_turn_find() {
    let (settings, data) = (settings(), data());
    let (turn, once) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let results = run(&settings, &data, &cells(), turn.path(), &Silent).unwrap();
    let settings = Settings { jobs: 2, ..settings };
    let stopped = run(&settings, &data, &cells(), once.path(), &Stop::after(12));
    assert!(matches!(stopped, Err(BenchError::Run(RunError::Interrupted(_)))));
    let again = run(&settings, &data, &cells(), once.path(), &Silent).unwrap();
    assert_eq!(files(once.path()), files(turn.path()));
    let methods = |results: &[CellResult]| results.iter().map(|r| r.epochs[0].method.clone()).collect::<Vec<_>>();
    assert_eq!(methods(&again), methods(&results));
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
    assert!(matches!(error, BenchError::Run(RunError::Twice(_))), "{error}");
}

/// Diagnostics off, cheap (the variance at a few places of every second epoch) and full (everything there is to measure at
/// every tenth of every epoch).
fn diagnostics() -> Vec<Measures> {
    let full = [Kind::Variance, Kind::Geometry, Kind::Successive, Kind::Positions { size: 2 }];
    let full = full.map(|kind| Measures { kind, places: Places::Deciles, every: 1 });
    [Measures::NONE, Measures::variance(Places::Paper, 2)].into_iter().chain(full).collect()
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
        let often = CheckpointPolicy { every: Some(Duration::ZERO), ..CheckpointPolicy::default() };
        let often = Settings { checkpoints: often, ..settings() };
        assert_eq!(weights(&often, &cell, 2).1, all, "{} saved at every chance", cell.method);
        for measures in diagnostics() {
            let measured = Cell { measures, ..cell.clone() };
            assert_eq!(weights(&settings(), &measured, 2).0, expected, "{} measured otherwise", cell.method);
        }
    }
}

/// With no thread that prepares minibatches, and with one that is 1 or 4 minibatches ahead, on 1 and 4 cores: the same
/// run state to the bit, whatever the estimator and the transforms.
#[test]
fn preparing_minibatches_ahead_does_not_matter() {
    let data = data();
    for cell in cells() {
        let state = |prefetch_depth, threads| {
            let graph = Model::LENET.graph().unwrap();
            let config = LoaderConfig { batch_size: 8, prefetch_depth, ..LoaderConfig::default() };
            let loader = Loader::new(data.train.clone(), config).unwrap();
            let x = initialize(&graph, 1);
            let run = Training::new(CpuEngine::new(graph), loader, x, cell.estimator.build()).unwrap();
            let mut run = run.with_locking(cell.locking).with_norm_policies(&cell.policies).in_parallel();
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| (0..2).for_each(|_| _ = run.epoch().unwrap()));
            encode(&run.save().unwrap()).unwrap()
        };
        let expected = state(0, 1);
        for (depth, threads) in [(0, 4), (1, 1), (1, 4), (4, 1), (4, 4)] {
            assert!(state(depth, threads) == expected, "{}, {depth} ahead on {threads} threads", cell.method);
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
