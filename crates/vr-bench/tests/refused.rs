//! What cannot be run is refused before anything is written, whatever asks for it.

use std::path::Path;

use vr_bench::cells::observer::Silent;
use vr_bench::config::TrainConfig;
use vr_bench::experiments;
use vr_bench::run_dir::Record;
use vr_bench::settings::{DataChoice, Model, Settings};
use vr_data::{Dataset, ImageSet, SyntheticConfig, cifar10, synthetic};

/// As many classes as CIFAR-10's format has room for in a set of ours.
fn twelve_classes(folder: &Path) -> DataChoice {
    let Dataset { name, train, test } =
        synthetic(&SyntheticConfig { train: 48, test: 12, ..SyntheticConfig::default() });
    let classes: Vec<String> = (0..12).map(|class| format!("class {class}")).collect();
    let relabelled = |set: ImageSet| {
        let labels = (0..set.len()).map(|i| (i % 12) as u16).collect();
        ImageSet::new(cifar10::SHAPE, set.pixels().unwrap().to_vec(), labels, classes.clone()).unwrap()
    };
    let set = Dataset { name, train: relabelled(train), test: relabelled(test) };
    cifar10::write(folder.join("set"), &set, false).unwrap();
    DataChoice::Cifar10(folder.join("set"))
}

#[track_caller]
fn refused(experiment: &str, settings: &Settings, said: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("run");
    let error = experiments::run(experiments::find(experiment).unwrap(), settings, &out, false, &Silent).unwrap_err();
    let error = error.to_string();
    assert!(said.iter().all(|part| error.contains(part)), "{error}");
    assert!(!out.exists(), "{error}");
}

#[test]
fn seeds_and_numbers_that_make_no_sense() {
    let settings = Settings { train_size: Some(40), batch_size: 16, epochs: 1, ..Settings::default() };
    refused("locking", &Settings { seeds: vec![3, 1, 3], ..settings.clone() }, &["`seeds[2]`", "twice"]);
    refused("locking", &Settings { train_size: Some(usize::MAX), ..settings.clone() }, &["`train-size`", "1000000"]);
    refused("locking", &Settings { epochs: usize::MAX, ..settings.clone() }, &["`epochs`", "1000000"]);
    refused("locking", &Settings { learning_rate: Some(f64::NAN), ..settings.clone() }, &["`learning_rate`"]);
    refused("locking", &Settings { batch_size: usize::MAX, ..settings }, &["`batch_size`"]);
}

/// Geometry asks about LeNet beside the network that is named.
#[test]
fn a_second_network_that_does_not_fit() {
    let folder = tempfile::tempdir().unwrap();
    let model: Model = "densenet-40-36:classes=12".parse().unwrap();
    let settings =
        Settings { data: twelve_classes(folder.path()), model, batch_size: 16, epochs: 1, ..Settings::default() };
    settings.load().unwrap();
    refused("geometry", &settings, &["lenet", "12"]);
}

#[test]
fn names_that_no_folder_can_have() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("run");
    for (method, said) in
        [("x".repeat(300), "300 bytes"), ("a\u{7}b".into(), "control character"), ("a\nb".into(), "control")]
    {
        let config =
            TrainConfig { method: Some(method), train_size: Some(40), batch_size: 16, ..TrainConfig::default() };
        let error = experiments::train::run(&config, &out, false, &Silent).unwrap_err().to_string();
        assert!(error.contains("`method`") && error.contains(said), "{error}");
        assert!(!out.exists(), "{error}");
    }
}

#[test]
fn records_with_numbers_without_end() {
    let record = serde_json::to_string(&Record::of_experiment("locking", &Settings::default())).unwrap();
    Record::parse(record.as_bytes()).unwrap();
    for (key, value) in [
        ("\"epochs\":3", "\"epochs\":9007199254740993"),
        ("\"schedule_epochs\":250", "\"schedule_epochs\":9007199254740993"),
        ("\"seeds\":[0]", "\"seeds\":[]"),
        ("\"batch_size\":128", "\"batch_size\":18446744073709551615"),
        ("\"every\":1", "\"every\":0"),
        ("\"learning_rate\":null", "\"learning_rate\":-1.0"),
    ] {
        let changed = record.replace(key, value);
        assert_ne!(changed, record);
        Record::parse(changed.as_bytes()).expect_err(&changed);
    }
}
