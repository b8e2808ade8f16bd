//! Grids: what a list in a configuration stands for, and which lists make no sense.

mod common;

use std::collections::BTreeSet;
use std::path::Path;

use toml::Value;
use vr_bench::cells::observer::Silent;
use vr_bench::config::{TrainConfig, parse};
use vr_bench::experiments::{prepare, train};
use vr_bench::results::ranking::Measure;
use vr_bench::run_dir::Record;
use vr_run::config::ConfigError;

use common::Stop;

fn of(text: &str, set: &[&str]) -> Result<TrainConfig, ConfigError> {
    parse(Path::new("train.toml"), text, &set.iter().map(|&text| text.to_owned()).collect::<Vec<_>>())
}

/// Rates and networks of the cells, with their names.
fn cells(config: &TrainConfig) -> Vec<(String, f64, u64)> {
    config.cells().unwrap().into_iter().map(|cell| (cell.method, cell.schedule.base, cell.seed)).collect()
}

#[test]
fn every_combination_is_a_cell_with_each_seed() {
    let text = "seeds = [0, 1]\n[schedule]\nbase = [0.01, 0.1]\n\
                [rule.sgd-momentum]\nmomentum = [0.0, 0.9]\nweight-decay = 0.0\nnesterov = false";
    let config = of(text, &[]).unwrap();
    let found = cells(&config);
    assert_eq!(found.len(), 8);
    assert_eq!(found[0], ("sgd momentum=0.0 learning-rate=0.01".into(), 0.01, 0));
    assert_eq!(found[7], ("sgd momentum=0.9 learning-rate=0.1".into(), 0.1, 1));
    assert_eq!(found.iter().map(|cell| &cell.0).collect::<BTreeSet<_>>().len(), 4);
    // One value is a grid of one, and no list is none.
    assert_eq!(cells(&of("schedule.base = [0.2]", &[]).unwrap()), [("sgd learning-rate=0.2".into(), 0.2, 0)]);
    assert_eq!(cells(&of("", &[]).unwrap()), [("sgd".into(), 0.1, 0)]);
}

#[test]
fn a_list_goes_before_a_value_and_a_value_before_a_list() {
    let text = "[schedule]\nbase = [0.01, 0.1]";
    assert_eq!(of(text, &["schedule.base=0.5"]).unwrap(), of("schedule.base = 0.5", &[]).unwrap());
    let list = of(text, &["schedule.base=[0.5, 0.25]"]).unwrap();
    assert_eq!(list.grid["schedule.base"], [Value::Float(0.5), Value::Float(0.25)]);
    // So in what the run records, too.
    let whole = list.to_toml().unwrap();
    assert_eq!(of(&whole, &[]).unwrap(), list, "{whole}");
    assert!(of(&whole, &["schedule.base=0.5"]).unwrap().grid.is_empty(), "{whole}");
    let record = serde_json::to_vec(&Record::of_training(&list)).unwrap();
    let back = Record::parse(&record).unwrap();
    assert_eq!(serde_json::to_vec(&back).unwrap(), record);
}

#[test]
fn lists_of_lists_and_of_tables_are_values() {
    let config = of("policies = [['reset'], ['naive', 'reset']]\nschedule.drops = [1, 2]", &[]).unwrap();
    let policies: Vec<usize> = config.cells().unwrap().iter().map(|cell| cell.policies.len()).collect();
    assert_eq!((policies, config.grid.len()), (vec![1, 2], 1));
    let config = of("estimator = ['sgd', { svrg = {} }, { svrg = { start = 40, interval = 5 } }]", &[]).unwrap();
    let names: Vec<String> = cells(&config).into_iter().map(|cell| cell.0).collect();
    assert_eq!(names, ["sgd estimator=sgd", "svrg-recomputed estimator={svrg={}}", "svrg-recomputed estimator=#3"]);
    // Keys with the same last name are said whole.
    let text = "schedule.shape.cosine.last = [0.0, 0.01]\nschedule.warm-up.first = [0.0, 0.5]\n\
                schedule.warm-up.epochs = [1, 2]\nepochs = [1, 2]";
    let config = of(text, &[]).unwrap();
    let name = &cells(&config)[0].0;
    assert_eq!(name, "sgd epochs=1 last=0.0 schedule.warm-up.epochs=1 first=0.0");
    assert_eq!(config.settings(Path::new("")).epochs, 2, "the longest");
}

#[track_caller]
fn refused(text: &str, set: &[&str], parts: &[&str]) {
    let error = of(text, set).expect_err(text).to_string();
    assert!(parts.iter().all(|part| error.contains(part)), "{text:?}: {error}");
}

#[test]
fn a_list_that_makes_no_sense_is_named() {
    refused("[schedule]\nbase = []", &[], &["`train.toml`, line 2", "`schedule.base`", "empty list"]);
    refused("", &["schedule.base=[]"], &["`--set schedule.base=[]`", "empty list"]);
    refused("schedule.base = [0.1, 0.2, 1e-1]", &[], &["`schedule.base[2]`", "0.1 stands there twice"]);
    refused("schedule.base = [0.1, 'much']", &[], &["line 1, column 23", "`schedule.base[1]`", "expected f64"]);
    refused("schedule.base = [0.1, -1.0]", &[], &["`schedule.base`", "is -1"]);
    refused("schedule.base = [0.1, inf]", &[], &["`schedule.base[1]`", "finite"]);
    refused("schedule.basis = [0.1, 0.2]", &[], &["`schedule.basis`", "nearest is `base`"]);
    refused("[estimator.svrg]\nstart = [0, 1]\nstrat = [1]", &[], &["`estimator.svrg.strat`", "nearest is `start`"]);
    refused("estimator = ['sgd', 'svgr']", &[], &["`estimator[1]`", "`svgr`", "`svrg`"]);
    for key in ["batch-size", "train-size", "validation", "threads", "jobs", "classes"] {
        refused(&format!("{key} = [1, 2]"), &[], &[&format!("`{key}`"), "expected one value"]);
    }
    refused("data = ['synthetic', { cifar10 = '.' }]", &[], &["`data`", "expected one value"]);
    refused("measures.every = [1, 2]", &[], &["`measures.every`", "expected one value"]);
    refused("seeds = [[0], [1]]", &[], &["`seeds`", "expected one value"]);
    let many: Vec<String> = (1..=1001).map(|rate| rate.to_string()).collect();
    refused(&format!("schedule.base = [{}]", many.join(",")), &[], &["`schedule.base`", "1001", "at most 1000"]);
    let some = many[..100].join(",");
    refused(
        &format!("estimator.svrg.start = [{some}]\nschedule.base = [{some}]"),
        &[],
        &["`schedule.base`", "10000 settings", "at most 1000"],
    );
    refused(
        &format!("method = '{}'\nschedule.base = [1, 2]", "m".repeat(90)),
        &[],
        &["`method`", "values of a setting"],
    );
    // A grid is held to what goes with what, setting by setting.
    refused("epochs = [1, 300]", &[], &["`epochs`", "ends after 250"]);
}

#[test]
fn what_settings_are_ranked_by_is_never_the_test_set() {
    let of = |text: &str| of(text, &[]).unwrap().ranked_by();
    let grid = "schedule.base = [0.1, 0.2]";
    assert_eq!(of(grid), None);
    assert_eq!(of(&format!("validation = 100\n{grid}")), Some(Measure::ValidationError));
    assert_eq!(of(&format!("validation = 100\nbest-by = 'validation-loss'\n{grid}")), Some(Measure::ValidationLoss));
    assert_eq!(of(&format!("best-by = 'train-loss'\n{grid}")), Some(Measure::TrainLoss));
    assert_eq!(of("validation = 100"), None, "no grid");
    refused("best-by = 'test-error'", &[], &["`best-by`", "validation-error"]);
    refused("best-by = 'validation-error'", &[], &["`best-by`", "no pictures are held out", "`validation`"]);
}

/// A grid of four cells in miniature.
fn small() -> TrainConfig {
    let text = "seeds = [0, 1]\ntrain-size = 64\nbatch-size = 16\nepochs = 1\nvalidation = 50\njobs = 2\n\
                schedule.base = [0.0001, 0.05]";
    of(text, &[]).unwrap()
}

#[test]
fn a_grid_is_ranked_and_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("grid");
    let concluded = train::run(&small(), &out, false, &Silent).unwrap();
    let ranking = concluded.result.ranking.as_ref().unwrap();
    assert_eq!((ranking.by, ranking.settings.len()), (Measure::ValidationError, 2));
    assert!(ranking.settings[0].mean <= ranking.settings[1].mean);
    assert!(ranking.settings.iter().all(|row| row.seeds == 2 && row.standard_error.is_some()));
    let read = |name: &str| std::fs::read_to_string(out.join(name)).unwrap();
    let report = read("report.html");
    assert!(report.contains(">Ranking of the settings</h2>") && report.contains("learning-rate=0.05"));
    let result: serde_json::Value = serde_json::from_str(&read("result.json")).unwrap();
    assert_eq!(result["ranking"]["settings"][0]["method"], ranking.settings[0].method);
    assert_eq!(result["epochs_run"], 1);

    // Stopped in its midst, its record is enough to go on: here with the last cell alone, as a task of a cluster does.
    let part = folder.path().join("part");
    train::run(&small(), &part, false, &Stop::after(6)).unwrap_err();
    let prepared = prepare(&Record::read(&part).unwrap().unwrap(), &part).unwrap();
    assert_eq!(prepared.unbegun(&part).finished.len(), 4);
    prepared.work(&part, 3..4, &Silent).unwrap();
    assert!(part.join("cells/lenet-sgd_learning-rate=0.05-seed-1/result.json").exists());
    train::run(&small(), &part, false, &Silent).unwrap();
    assert!(std::fs::read_to_string(part.join("result.json")).unwrap() == read("result.json"));
    assert!(vr_bench::experiments::verify(&part, 100).unwrap().is_sound());
}
