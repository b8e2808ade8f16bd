//! `train` with lists: a grid of trainings in one run, and which of them is the best.

mod common;

use common::{EXAMPLE, check};

const SMALL: [&str; 6] = ["--set", "train-size=64", "--set", "batch-size=16", "--set", "measures.places=none"];

#[test]
fn the_best_setting_is_named_and_the_record_trains_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let out = at("grid");
    let grid = ["--set", "learning-rate=[0.001,0.05]", "--set", "rule.sgd-momentum.nesterov=[true,false]"];
    let more = ["--validation", "40", "--seeds", "0..2", "--jobs", "2", "--out", &out];
    let arguments = [&["train", EXAMPLE], &SMALL[..], &grid, &more].concat();
    let text = check(&arguments, 0, &["best by final validation error (%): svrg-recomputed nesterov="]);
    let read = |folder: &str, name: &str| std::fs::read_to_string(format!("{folder}/{name}")).unwrap();
    let result: serde_json::Value = serde_json::from_str(&read(&out, "result.json")).unwrap();
    assert_eq!(result["cells"].as_object().unwrap().len(), 8, "{text}");
    let settings = result["ranking"]["settings"].as_array().unwrap();
    let means: Vec<f64> = settings.iter().map(|row| row["mean"].as_f64().unwrap()).collect();
    assert!(means.len() == 4 && means.is_sorted(), "{text}");
    let best = settings[0]["method"].as_str().unwrap();
    assert!(text.contains(&format!("final validation error (%): {best}\n")), "{text}");
    check(&["status", &out], 0, &["lenet-svrg-recomputed_nesterov=true_learning-rate=0.05-seed-1"]);
    check(&["verify", &out], 0, &["sound"]);
    check(&["resume", &out], 0, &["best by"]);
    let again = at("again");
    check(&["train", &format!("{out}/config.toml"), "--out", &again], 0, &["best by"]);
    assert!(read(&out, "result.json") == read(&again, "result.json"));
    // A grid can grow; what it has is kept, and must be the same.
    let more = [&arguments[..], &["--set", "learning-rate=[0.001,0.05,0.1]"]].concat();
    let text = check(&more, 0, &["nesterov=true learning-rate=0.1  "]);
    assert!(!text.contains("nesterov=true learning-rate=0.05 epoch"), "trained again: {text}");
    check(&[&arguments[..], &["--set", "epochs=1"]].concat(), 1, &["cell.epochs is 2 there and 1 here"]);
}

/// Nothing is chosen by the test set.
#[test]
fn without_what_is_held_out_nothing_is_called_the_best() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let train = |out: &str, more: &[&str], code, said: &[&str]| {
        let grid = ["train", EXAMPLE, "--set", "epochs=[1,2]", "--out", out];
        check(&[&grid[..], &SMALL, more].concat(), code, said)
    };
    let text = train(&at("a"), &[], 0, &["No setting is called the best", "--validation", "--best-by"]);
    assert!(!text.contains("best by"), "{text}");
    train(&at("b"), &["--best-by", "train-loss"], 0, &["best by last training loss (nats): svrg-recomputed epochs="]);
    train(&at("c"), &["--best-by", "validation-error"], 1, &["`best-by`", "no pictures are held out"]);
    train(&at("c"), &["--best-by", "test-error"], 2, &["validation-error", "train-loss"]);
    train(&at("c"), &["--set", "batch-size=[8,16]"], 1, &["`batch-size`", "expected one value"]);
    train(&at("c"), &["--set", "learning-rate=[0.1,-1.0]"], 1, &["`schedule.base`", "is -1"]);
    train(&at("c"), &["--set", "modle=[1,2]"], 1, &["`modle`", "`model`"]);
    train(&at("c"), &["--seeds", "0..0"], 1, &["--seeds"]);
    assert!(!folder.path().join("c").exists());
}

/// The cells of a grid are the tasks of a job array.
#[test]
fn a_grid_goes_to_a_cluster() {
    let grid =
        ["train", EXAMPLE, "--set", "learning-rate=[0.001,0.05]", "--seeds", "0..2", "--on", "slurm", "--dry-run"];
    check(&[&grid[..], &SMALL].concat(), 0, &["--array=0,1,2,3"]);
}
