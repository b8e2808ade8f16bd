//! Pictures that are held out of the training set: never trained on, and tested on by themselves.

use vr_bench::cells::observer::Silent;
use vr_bench::config::TrainConfig;
use vr_bench::experiments::train;
use vr_bench::results::ExperimentResult;
use vr_bench::settings::Settings;
use vr_data::ImageSet;
use vr_run::config::Config;

fn pictures(set: &ImageSet) -> Vec<String> {
    (0..set.len()).map(|index| set.select(&[index]).digest().to_string()).collect()
}

#[test]
fn what_is_held_out_is_balanced_and_not_trained_on() {
    let settings = |train_size| Settings { train_size, validation: Some(100), ..Settings::default() };
    let (all, few) = (settings(None).load().unwrap(), settings(Some(300)).load().unwrap());
    let held_out = all.validation.as_ref().unwrap();
    assert_eq!((all.info.train_size, all.info.validation_size, all.whole), (9_900, 100, 10_000));
    assert_eq!(held_out.class_counts(), [10; 10]);
    // The same whatever subset is trained on.
    assert_eq!(few.info.train_size, 300);
    assert!(few.validation.as_deref() == Some(&**held_out));
    assert!(few.info.digest.ends_with(&format!(" validation {}", held_out.digest())));
    let held_out = pictures(held_out);
    let whole = pictures(&Settings::default().load().unwrap().train);
    assert!(held_out.iter().all(|picture| whole.contains(picture)));
    assert!(pictures(&all.train).iter().all(|picture| !held_out.contains(picture)));
}

#[test]
fn each_epoch_has_an_error_on_what_is_held_out() {
    let folder = tempfile::tempdir().unwrap();
    let config =
        TrainConfig { validation: Some(50), train_size: Some(64), batch_size: 16, epochs: 2, ..TrainConfig::default() };
    let out = folder.path().join("with");
    let result = train::run(&config, &out, false, &Silent).unwrap().result;
    let errors: Vec<f64> = result.epochs.iter().map(|row| row.validation_error.unwrap()).collect();
    // Of 50 pictures, an error is a multiple of 2 %.
    assert!(errors.len() == 2 && errors.iter().all(|error| (error / 2.0).fract().abs() < 1e-9), "{errors:?}");
    assert!(result.epochs.iter().all(|row| row.validation_loss.is_some_and(|loss| loss > 0.0)));
    assert_eq!(result.final_validation_errors("sgd").len(), 1);
    let text = std::fs::read_to_string(out.join("result.json")).unwrap();
    assert_eq!(ExperimentResult::from_json(&text).unwrap().epochs, result.epochs);
    assert!(std::fs::read_to_string(out.join("report.html")).unwrap().contains("validation error (%)"));

    // Without one, nothing of it is written: older runs go on.
    let plain = train::run(&TrainConfig { validation: None, ..config }, &folder.path().join("without"), false, &Silent);
    let plain = plain.unwrap().result;
    assert!(plain.epochs.iter().all(|row| row.validation_error.is_none()));
    for file in ["result.json", "run.json", "cells/lenet-sgd-seed-0/settings.json"] {
        let text = std::fs::read_to_string(folder.path().join("without").join(file)).unwrap();
        assert!(!text.contains("validation"), "{file}");
    }
}

#[test]
fn a_split_that_does_not_fit_is_refused() {
    let refused = |config: TrainConfig, key: &str| {
        let fault = config.check().unwrap_err();
        assert_eq!(fault.key, key, "{fault}");
    };
    refused(TrainConfig { validation: Some(0), ..TrainConfig::default() }, "validation");
    refused(TrainConfig { validation: Some(10_000), ..TrainConfig::default() }, "validation");
    refused(TrainConfig { validation: Some(9_000), train_size: Some(2_000), ..TrainConfig::default() }, "train-size");
}
