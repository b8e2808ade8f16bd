//! `train`: a file in, a run like any other out; and nothing at all for a file that is wrong.

mod common;

use std::path::{Path, PathBuf};
use std::process::Command;

use common::{EXAMPLE, check, xtask};

fn train(config: &Path, out: &Path, set: &[&str]) -> Vec<String> {
    let mut arguments = vec!["train".into(), config.display().to_string(), "--out".into(), out.display().to_string()];
    set.iter().for_each(|set| arguments.extend(["--set".into(), (*set).into()]));
    arguments
}

#[track_caller]
fn check_train(config: &Path, out: &Path, set: &[&str], code: i32, said: &[&str]) {
    let arguments = train(config, out, set);
    check(&arguments.iter().map(String::as_str).collect::<Vec<_>>(), code, said);
}

fn results(run: &Path) -> Vec<Vec<u8>> {
    ["result.json", "metrics.jsonl"].map(|name| std::fs::read(run.join(name)).unwrap()).into()
}

#[test]
fn the_example_trains_and_its_record_trains_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let (first, again) = (folder.path().join("first"), folder.path().join("again"));
    let out = first.to_str().unwrap();
    check_train(EXAMPLE.as_ref(), &first, &["seeds=[4]"], 0, &["svrg-recomputed", "epoch   2", "report: "]);
    let manifest: serde_json::Value =
        serde_json::from_slice(&std::fs::read(first.join("manifest.json")).unwrap()).unwrap();
    assert_eq!(manifest["experiment"], "train");
    assert_eq!(manifest["config"]["seeds"], serde_json::json!([4]));
    assert!(first.join("figures/variance-ratio.svg").is_file() && first.join("report.html").is_file());

    check_train(&first.join("config.toml"), &again, &["threads=1"], 0, &[]);
    assert!(results(&first) == results(&again));

    // A run like any other: it is known to be done, sound, and is not run again.
    let status: serde_json::Value = serde_json::from_slice(&xtask(&["status", out, "--json"]).stdout).unwrap();
    assert_eq!((&status["experiment"], &status["cells"][0]["state"]), (&"train".into(), &"done".into()));
    check(&["verify", out], 0, &["sound", "lenet-svrg-recomputed-seed-4"]);
    check(&["resume", out], 0, &["report: "]);
    assert!(results(&first) == results(&again));
    check_train(EXAMPLE.as_ref(), &first, &["seeds=[4]", "epochs=1"], 1, &["cell.epochs is 2 there and 1 here"]);
    check(&["repro", "quick", "--out", out], 1, &["already holds a run of train"]);
}

#[cfg(unix)]
#[test]
fn a_run_that_is_stopped_goes_on_to_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let (whole, part) = (folder.path().join("whole"), folder.path().join("part"));
    let set = ["train-size=800", "batch-size=16", "measures.places=none", "estimator.svrg.gradients=stored"];
    check_train(EXAMPLE.as_ref(), &whole, &set, 0, &[]);
    // A table of 12 MiB goes to a file, which changes nothing.
    let set = [&set[..], &["table-limit-mib=1"]].concat();
    let mut child =
        Command::new(env!("CARGO_BIN_EXE_xtask")).args(train(EXAMPLE.as_ref(), &part, &set)).spawn().unwrap();
    let logs: PathBuf = part.join("cells/lenet-svrg-recomputed-seed-0/metrics.jsonl");
    while !logs.exists() {
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
    assert!(Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(75));
    let out = part.to_str().unwrap();
    check(&["status", out], 0, &["stopped"]);
    check(&["verify", out], 0, &["sound"]);
    check(&["resume", out, "--save-steps", "20"], 0, &["MiB of disk"]);
    assert!(results(&whole) == results(&part));
    check(&["verify", out], 0, &["sound"]);
}

#[test]
fn what_is_wrong_is_said_before_anything_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("run");
    let refused = |set: &str, said: &[&str]| {
        check_train(EXAMPLE.as_ref(), &out, &[set], 1, said);
        assert!(!out.exists(), "{set}");
    };
    refused("epoch=3", &["`epoch`", "the nearest is `epochs`"]);
    refused("model=lennet", &["`model`", "the nearest is `lenet`"]);
    refused("batch-size=2000", &["`batch-size`", "the nearest is `1000`"]);
    refused("schedule.base=inf", &["`schedule.base`", "finite"]);
    refused("estimator={saga={weight=0.5}}", &["`locking`", "the nearest is `unlocked`"]);
    refused("data.cifar10=nowhere", &["`data.cifar10`", "`nowhere` is no folder"]);
    let empty = tempfile::tempdir().unwrap();
    refused(&format!("data.cifar10={}", empty.path().display()), &["`data`", "data_batch_1.bin"]);
    let file = folder.path().join("bad.toml");
    std::fs::write(&file, "batch-size = 8\n[estimator.svrg]\ngradient = \"stored\"\n").unwrap();
    check_train(&file, &out, &[], 1, &["bad.toml`, line 3, column 1: `estimator.svrg.gradient`", "`gradients`"]);
    check_train(&folder.path().join("absent.toml"), &out, &[], 1, &["absent.toml"]);
    assert!(!out.exists());
}
