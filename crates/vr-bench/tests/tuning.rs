//! Learning rates are chosen by runs of their own, and what is reported runs at the chosen ones alone.

mod common;

use std::collections::BTreeSet;
use std::path::Path;

use common::Stop;
use vr_bench::BenchError;
use vr_bench::cells::observer::Silent;
use vr_bench::experiments::{find, run};
use vr_bench::results::ExperimentResult;
use vr_bench::settings::{Comparison, Settings};
use vr_run::RunError;

const TUNING: u64 = 7;

fn settings() -> Settings {
    let comparison = Comparison {
        methods: vec!["sgd".into(), "svrg-stored".into()],
        rates: "0.01,1".parse().unwrap(),
        tuning_seeds: vec![TUNING],
        // Two epochs of SGD and a half.
        budget: Some(10),
    };
    Settings {
        comparison,
        train_size: Some(64),
        validation: Some(50),
        test_size: Some(20),
        batch_size: 16,
        seeds: vec![0, 1],
        ..Settings::default()
    }
}

fn compare(settings: &Settings, out: &Path) -> ExperimentResult {
    run(find("compare").unwrap(), settings, out, false, &Silent).unwrap().result
}

#[test]
fn the_reported_seeds_run_at_the_chosen_rates_alone() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("run");
    let result = compare(&settings(), &out);
    assert_eq!(result.epochs_run, 2, "whole epochs of SGD");
    let runs = |wanted: fn(u64) -> bool| -> BTreeSet<&str> {
        result.epochs.iter().filter(|row| wanted(row.seed)).map(|row| &*row.method).collect()
    };
    assert_eq!(runs(|seed| seed == TUNING), ["sgd-x0.01", "sgd-x1", "svrg-stored-x0.01", "svrg-stored-x1"].into());
    let reported = runs(|seed| seed != TUNING);
    assert_eq!(reported.len(), 2, "{reported:?}");
    // Four that choose, and two methods with two seeds.
    assert_eq!((result.cells.len(), std::fs::read_dir(out.join("cells")).unwrap().count()), (8, 8));
    let error = |method: &str| {
        let row = result.epochs.iter().rfind(|row| row.seed == TUNING && row.method == method);
        row.and_then(|row| row.validation_error).unwrap()
    };
    for method in ["sgd", "svrg-stored"] {
        let [low, high] = ["x0.01", "x1"].map(|rate| format!("{method}-{rate}"));
        let (chosen, other) = if reported.contains(&*low) { (low, high) } else { (high, low) };
        assert!(error(&chosen) <= error(&other), "{chosen}");
    }

    // Gone on with, nothing changes.
    let text = std::fs::read_to_string(out.join("result.json")).unwrap();
    assert_eq!(compare(&settings(), &out).epochs, result.epochs);
    assert_eq!(std::fs::read_to_string(out.join("result.json")).unwrap(), text);
}

/// Wherever it is stopped, among the runs that choose or among those that are reported, it goes on to the same result.
#[test]
fn a_run_that_is_stopped_chooses_as_a_whole_one_does() {
    let folder = tempfile::tempdir().unwrap();
    let [whole, parts] = ["whole", "parts"].map(|name| folder.path().join(name));
    compare(&settings(), &whole);
    let mut stops = Vec::new();
    while let Err(error) = run(find("compare").unwrap(), &settings(), &parts, false, &Stop::after(6 + stops.len() % 5))
    {
        assert!(matches!(error, BenchError::Run(RunError::Interrupted(_))), "{error}");
        stops.push(std::fs::read_dir(parts.join("cells")).unwrap().count());
    }
    // Four cells choose.
    assert!(stops.contains(&4) && stops.iter().any(|&cells| cells > 4), "{stops:?}");
    let [whole, parts] = [whole, parts].map(|run| std::fs::read_to_string(run.join("result.json")).unwrap());
    assert_eq!(parts, whole);
}

#[test]
fn a_budget_below_an_epoch_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut settings = settings();
    settings.comparison.budget = Some(3);
    let error = run(find("compare").unwrap(), &settings, &folder.path().join("run"), false, &Silent).unwrap_err();
    assert!(error.to_string().contains("at least the 4 of an epoch of SGD"), "{error}");
    assert!(!folder.path().join("run").exists());
}
