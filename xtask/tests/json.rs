//! What `--json` prints has the keys that docs/json.md lists, and no others.
#![cfg(unix)]

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use vr_bench::timing::loading::LoadingTime;
use vr_data::{PassedOver, SyntheticConfig, cifar10, synthetic};

const DOCUMENT: &str = include_str!("../../docs/json.md");

/// The keys of a section's table.
fn documented(section: &str) -> BTreeSet<String> {
    let (_, text) = DOCUMENT.split_once(&format!("## `{section}`\n")).unwrap_or_else(|| panic!("{section}"));
    let rows = text.split("\n## ").next().unwrap().lines().filter(|line| line.starts_with("| `"));
    let keys = rows.flat_map(|row| row.split(" | ").next().unwrap().split('`').skip(1).step_by(2));
    keys.map(str::to_owned).collect()
}

/// All keys of objects within a value.
fn keys(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(object) => {
            found.extend(object.keys().cloned());
            object.values().for_each(|inner| keys(inner, found));
        }
        Value::Array(values) => values.iter().for_each(|inner| keys(inner, found)),
        _ => {}
    }
}

#[track_caller]
fn same(section: &str, printed: &[Value]) {
    let mut found = BTreeSet::new();
    printed.iter().for_each(|value| keys(value, &mut found));
    assert_eq!(found, documented(section), "{section}");
}

/// What a command prints: whole, or an object a line.
#[track_caller]
fn printed(command: &mut Command, code: i32) -> Vec<Value> {
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{command:?}: {said}");
    let values = serde_json::Deserializer::from_slice(&output.stdout).into_iter();
    values.collect::<Result<Vec<Value>, _>>().unwrap_or_else(|error| panic!("{command:?}: {error}"))
}

fn xtask(arguments: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
    command.args(arguments.split(' '));
    command
}

fn results(name: &str) -> String {
    format!("{}/../docs/results/{name}", env!("CARGO_MANIFEST_DIR"))
}

/// A program of Slurm's.
fn program(folder: &Path, name: &str, script: &str) {
    std::fs::write(folder.join(name), format!("#!/bin/sh\n{script}\n")).unwrap();
    std::fs::set_permissions(folder.join(name), std::fs::Permissions::from_mode(0o755)).unwrap();
}

/// A queue with one task, as `squeue` tells it, and what ended before, as `sacct` does.
fn slurm(folder: &Path, run: &Path) {
    program(folder, "squeue", "echo '17|3|PENDING|Resources|'");
    program(
        folder,
        "sacct",
        "echo '17_2|OUT_OF_MEMORY|0:125|node1'; echo '17_1|COMPLETED|0:0|node1'; echo '17_3|FAILED|1:0|node1'",
    );
    std::fs::create_dir(run.join("slurm")).unwrap();
    let jobs = json!({ "submissions": [{ "array": "17", "report": "18", "cells_per_task": 1, "tasks": [1, 2, 3] }] });
    std::fs::write(run.join("slurm/jobs.json"), jobs.to_string()).unwrap();
}

#[test]
fn status_and_verify() {
    let folder = tempfile::tempdir().unwrap();
    let runs = folder.path().join("runs");
    let run = runs.join("run");
    let train = "train TRAIN --set epochs=1 --set train-size=64 --set batch-size=16 --set measures.places=none --out";
    let train = train.replace("TRAIN", concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/train.toml"));
    assert!(xtask(&format!("{train} {}", run.display())).output().unwrap().status.success());
    same("verify --json", &printed(&mut xtask(&format!("verify {} --json", run.display())), 0));

    slurm(folder.path(), &run);
    // One that cannot be read, one of a cluster that does not answer, one of a cluster without accounting.
    std::fs::create_dir(runs.join("torn")).unwrap();
    std::fs::write(runs.join("torn/run.json"), "{").unwrap();
    let status = |how: &str| xtask(&format!("status {}{how}", runs.display()));
    let path = format!("{}:/usr/bin:/bin", folder.path().display());
    std::fs::remove_file(run.join("result.json")).unwrap();
    let mut all = printed(status(" --json").env("PATH", &path), 1);
    let of_run = |all: &[Value]| all.iter().find(|line| line.get("slurm").is_some()).unwrap().clone();
    let ended = of_run(&all)["ended"].clone();
    assert_eq!((ended.as_array().unwrap().len(), &ended[0]["task"]), (1, &json!(2)), "one waits again: {ended}");
    all.extend(printed(status(" --json").env("PATH", "/nowhere"), 1));
    for cell in std::fs::read_dir(run.join("cells")).unwrap() {
        std::fs::remove_file(cell.unwrap().path().join("result.json")).unwrap();
    }
    let told = status("").env("PATH", &path).output().unwrap().stdout;
    assert!(String::from_utf8_lossy(&told).contains("task 2 (job 17) out of memory on node1: it needs more"));
    program(folder.path(), "squeue", "true");
    program(folder.path(), "sacct", "echo 'Slurm accounting storage is disabled' >&2; exit 1");
    all.extend(printed(status(" --json").env("PATH", &path), 1));
    same("status --json", &all);
}

#[test]
fn verdict_and_compare() {
    let folder = tempfile::tempdir().unwrap();
    let verdict = format!("verdict {} --json --out {}", results("correlation-lenet"), folder.path().display());
    same("verdict --json", &printed(&mut xtask(&verdict), 0));
    let compare = format!("compare {} {} --json", results("locking-lenet"), results("locking-lenet-20000"));
    same("compare --json", &printed(&mut xtask(&compare), 0));
}

#[test]
fn bench() {
    same("bench step --json", &printed(&mut xtask("bench step --batch 4 --json"), 0));
    let epoch = "bench epoch --train-size 64 --rounds 1 --json";
    same("bench epoch --json", &printed(&mut xtask(epoch), 0));
    let time = LoadingTime {
        isa: String::new(),
        picture_size: 1,
        pictures: 1,
        threads: 1,
        epochs: 1,
        pictures_per_second: 1.0,
        pictures_per_core_second: None,
    };
    same("bench loading --json", &[serde_json::to_value(time).unwrap()]);
}

#[test]
fn data() {
    let folder = tempfile::tempdir().unwrap();
    let (set, again) = (folder.path().join("set"), folder.path().join("again"));
    let pictures = synthetic(&SyntheticConfig { train: 40, test: 10, ..SyntheticConfig::default() });
    cifar10::write(&set, &pictures, false).unwrap();
    let info = printed(&mut xtask(&format!("data info cifar10 --dir {}", set.display())), 0);
    same("data info", &info);
    let import = format!("data import cifar10 --from {} --dir {}", set.display(), again.display());
    let mut imported = printed(&mut xtask(&import), 0);
    let mut verified = printed(&mut xtask(&format!("data verify cifar10 --dir {}", again.display())), 0);
    // What is told of the set itself is documented once.
    for key in info[0].as_object().unwrap().keys() {
        assert!(imported[0].as_object_mut().unwrap().remove(key).is_some(), "{key}");
    }
    assert_eq!(verified[0]["info"].take(), info[0]);
    // Of binary files none is passed over.
    let passed_over = PassedOver { reason: String::new(), count: 1, examples: Vec::new() };
    imported[0]["passed_over"] = json!([passed_over]);
    same("data import", &imported);
    // CIFAR-10's check has no pictures that cannot be read.
    verified[0]["faults"] = json!([]);
    same("data verify", &verified);
}
