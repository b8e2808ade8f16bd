//! `status` and `verify` only read, whatever they find; `resume` writes in its own run alone.
#![cfg(unix)]

mod common;

use std::collections::BTreeMap;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

use common::check;

const SMALL: &str = "repro locking --train-size 40 --batch-size 16 --epochs 1 --save-steps 1 --out";

#[track_caller]
fn repro(out: &Path) {
    check(&SMALL.split(' ').chain([out.to_str().unwrap()]).collect::<Vec<_>>(), 0, &[]);
}

/// Every path below a folder with its content and the time of its last change.
fn snapshot(folder: &Path) -> BTreeMap<PathBuf, (Vec<u8>, SystemTime)> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let changed = path.symlink_metadata().unwrap().modified().unwrap();
        let content = if path.is_file() { std::fs::read(&path).unwrap() } else { Vec::new() };
        if path.is_dir() && !path.is_symlink() {
            found.extend(snapshot(&path));
        }
        found.insert(path, (content, changed));
    }
    found
}

fn pipe(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

#[test]
fn one_bad_run_does_not_end_the_listing_and_nothing_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let runs = folder.path().join("runs");
    let at = |name: &str| {
        let path = runs.join(name);
        std::fs::create_dir_all(&path).unwrap();
        path
    };
    repro(&at("sound"));
    let out = runs.join("sound");
    std::fs::write(at("torn").join("run.json"), "{\"experiment\": \"lock").unwrap();
    pipe(&at("pipe").join("run.json"));
    let run = |name: &str| {
        std::fs::copy(out.join("run.json"), at(name).join("run.json")).unwrap();
        runs.join(name)
    };
    pipe(&run("pipe-lock").join("lock"));
    let victim = folder.path().join("victim");
    std::fs::write(&victim, "thesis").unwrap();
    symlink(&victim, run("link-lock").join("lock")).unwrap();
    symlink(&victim, at("link-record").join("run.json")).unwrap();
    let cells = run("pipe-log").join("cells");
    std::fs::create_dir(&cells).unwrap();
    assert!(
        Command::new("cp")
            .arg("-r")
            .arg(out.join("cells/lenet-svrg-locked-seed-0"))
            .arg(&cells)
            .status()
            .unwrap()
            .success()
    );
    let timing = cells.join("lenet-svrg-locked-seed-0/timing.jsonl");
    std::fs::remove_file(&timing).unwrap();
    pipe(&timing);

    let before = snapshot(folder.path());
    let path = runs.to_str().unwrap();
    let told = [
        "done",
        "torn: ",
        "run.json` is damaged",
        "pipe: ",
        "pipe-lock: ",
        "link-lock: ",
        "link-record: ",
        "unreadable lenet-svrg-locked-seed-0",
        "5 of 7 runs cannot be read",
    ];
    check(&["status", path], 1, &told);
    let text = check(&["status", path, "--json"], 1, &["\"state\":\"done\"", "\"error\":"]);
    assert_eq!(text.lines().filter(|line| line.starts_with('{')).count(), 7);
    check(&["verify", out.to_str().unwrap()], 0, &["sound"]);
    for name in ["torn", "pipe", "pipe-lock", "link-lock", "link-record"] {
        check(&["verify", runs.join(name).to_str().unwrap()], 1, &[name]);
    }
    assert!(snapshot(folder.path()) == before, "something was written");
}

/// The example's data went elsewhere, or the command is given in another folder.
#[test]
fn a_run_whose_data_moved_is_not_called_damaged() {
    let folder = tempfile::tempdir().unwrap();
    let (out, config) = (folder.path().join("run"), folder.path().join("config.toml"));
    std::fs::create_dir(&out).unwrap();
    std::fs::write(&config, "epochs = 1").unwrap();
    let record = r#"{"experiment": "train", "config": {"data": {"cifar10": "elsewhere/cifar10"}, "train-size": 40}}"#;
    std::fs::write(out.join("run.json"), record).unwrap();
    let out = out.to_str().unwrap();
    check(&["status", out], 0, &["train"]);
    let said = check(&["resume", out], 1, &["`data.cifar10`", "`elsewhere/cifar10` is no folder"]);
    assert!(!said.contains("damaged"), "{said}");
}

#[test]
fn a_copy_that_cannot_be_written_to_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("run");
    repro(&out);
    let writable = |yes: &str| {
        assert!(Command::new("chmod").args(["-R", yes]).arg(&out).status().unwrap().success());
    };
    writable("a-w");
    check(&["status", out.to_str().unwrap()], 0, &["done"]);
    check(&["verify", out.to_str().unwrap()], 0, &["sound"]);
    writable("u+w");
}

#[test]
fn nothing_is_written_through_a_link() {
    let folder = tempfile::tempdir().unwrap();
    let elsewhere = folder.path().join("elsewhere");
    let cell = "cells/lenet-svrg-locked-seed-0";
    for linked in ["cells", cell, "cells/lenet-svrg-locked-seed-0/checkpoints", "figures"] {
        let out = folder.path().join("run");
        repro(&out);
        std::fs::remove_file(out.join(cell).join("result.json")).unwrap();
        std::fs::rename(out.join(linked), &elsewhere).unwrap();
        symlink(&elsewhere, out.join(linked)).unwrap();
        std::fs::write(elsewhere.join(".mine.1-2.tmp"), "mine").unwrap();
        let before = snapshot(&elsewhere);
        check(&["resume", out.to_str().unwrap()], 1, &[linked, "a folder was expected"]);
        assert!(snapshot(&elsewhere) == before, "{linked}");
        std::fs::remove_dir_all(&elsewhere).unwrap();
        std::fs::remove_dir_all(&out).unwrap();
    }
    // A folder that is itself a link was chosen so.
    let real = folder.path().join("real");
    std::fs::create_dir(&real).unwrap();
    symlink(&real, folder.path().join("run")).unwrap();
    repro(&folder.path().join("run"));
    assert!(real.join("result.json").exists());
}

/// Results of older versions have no digests: what can be checked is, and what cannot is said.
#[test]
fn committed_results_of_older_versions_are_read() {
    let results = |name: &str| format!("{}/../docs/results/{name}", env!("CARGO_MANIFEST_DIR"));
    check(&["verify", &results("bn-reset-lenet")], 0, &["a result on its own"]);
    let told = ["sound", "lenet-sgd-seed-3", "of an older version", "no step was taken again"];
    check(&["verify", &results("test-error-lenet")], 0, &told);
    check(&["verify", &results("test-error-lenet-ten-seeds")], 0, &["sound", "lenet-sgd-seed-1"]);

    let folder = tempfile::tempdir().unwrap();
    assert!(
        Command::new("cp").arg("-r").arg(results("test-error-lenet")).arg(folder.path()).status().unwrap().success()
    );
    let copy = folder.path().join("test-error-lenet");
    let result = copy.join("result.json");
    let text = std::fs::read_to_string(&result).unwrap();
    let changed = text.replacen("[1,391,\"sgd\",0,50.42,", "[1,391,\"sgd\",0,50.43,", 1);
    assert_ne!(changed, text);
    std::fs::write(&result, changed).unwrap();
    check(&["verify", copy.to_str().unwrap()], 1, &["other numbers of sgd, seed 0"]);
}
