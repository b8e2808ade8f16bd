//! Where runs go that are given no folder, and how they are gone on with.
#![cfg(unix)]

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use vr_data::{SyntheticConfig, cifar10, synthetic};

/// A folder to work in, with a small set.
fn work() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let set = synthetic(&SyntheticConfig { train: 40, test: 10, ..SyntheticConfig::default() });
    cifar10::write(folder.path().join("set"), &set, false).unwrap();
    folder
}

fn xtask(folder: &Path, arguments: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
    command.args(arguments.split(' ')).current_dir(folder).env_remove("RUST_BACKTRACE");
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

#[track_caller]
fn check(folder: &Path, arguments: &str, code: i32) -> String {
    let output = xtask(folder, arguments).output().unwrap();
    assert_eq!(output.status.code(), Some(code), "{arguments}: {}", said(&output));
    said(&output)
}

/// Starts a command, and ends it with a signal once a cell in `run` trains.
fn stopped(folder: &Path, arguments: &str, run: &str, signal: &str) -> Output {
    let mut child: Child = xtask(folder, arguments).spawn().unwrap();
    let cells = folder.join(run).join("cells");
    let trains = || {
        let cells = std::fs::read_dir(&cells).into_iter().flatten().flatten();
        cells.into_iter().any(|cell| cell.path().join("metrics.jsonl").exists())
    };
    while !trains() {
        if child.try_wait().unwrap().is_some() {
            panic!("{arguments}: {}", said(&child.wait_with_output().unwrap()));
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    assert!(Command::new("kill").args([&format!("-{signal}"), &child.id().to_string()]).status().unwrap().success());
    child.wait_with_output().unwrap()
}

/// The names in `runs`.
fn runs(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = std::fs::read_dir(folder.join("runs"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// The folders of runs in a folder, all of which are complete.
#[track_caller]
fn complete(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let runs: Vec<_> = entries.filter(|path| path.is_dir()).collect();
    for run in &runs {
        assert!(run.join("result.json").exists(), "{}", run.display());
    }
    runs
}

const ALL: &str = "repro all --model lenet --data set --batch-size 16 --epochs 1 --every 2";
const QUICK: &str = "repro quick --data set --train-size 40 --seeds 0 --batch-size 16 --epochs 40 --schedule-epochs 40 --every 100 --save-steps 50";

#[test]
fn all_experiments_are_gone_on_with() {
    let work = work();
    let folder = work.path();
    let output = stopped(folder, &format!("{ALL} --out all"), "all/locking", "TERM");
    assert_eq!(output.status.code(), Some(75), "{}", said(&output));
    assert!(said(&output).contains("`cargo xtask resume all` goes on with all"), "{}", said(&output));
    assert!(check(folder, "status all", 0).contains("all/test-error: test-error"));
    check(folder, "resume all", 0);
    let resumed = complete(&folder.join("all")).len();
    check(folder, "verify all", 0);

    // Without a folder, too; the same command goes on.
    assert_eq!(stopped(folder, ALL, "runs/all-1/locking", "KILL").status.code(), None);
    check(folder, ALL, 0);
    assert_eq!(runs(folder), ["all-1"]);
    assert!(complete(&folder.join("runs/all-1")).len() == resumed && resumed > 5, "{resumed}");
}

#[test]
fn the_same_command_goes_on_and_begins_anew_after_its_end() {
    let work = work();
    let folder = work.path();
    assert_eq!(stopped(folder, QUICK, "runs/quick-1", "KILL").status.code(), None);
    // Another one has a folder of its own.
    check(folder, &QUICK.replace("--seeds 0", "--seeds 1"), 0);
    assert_eq!(runs(folder), ["quick-1", "quick-2"]);
    check(folder, QUICK, 0);
    check(folder, QUICK, 0);
    assert_eq!(runs(folder), ["quick-1", "quick-2", "quick-3"]);
    complete(&folder.join("runs"));
    let result = |name: &str| std::fs::read(folder.join("runs").join(name).join("result.json")).unwrap();
    assert!(result("quick-1") == result("quick-3"));
}

#[test]
fn three_that_start_at_once_all_run() {
    let work = work();
    let folder = work.path();
    std::fs::write(folder.join("a.toml"), "epochs = 1\nbatch-size = 16\ndata.cifar10 = \"set\"\n").unwrap();
    let children: Vec<_> = (0..3).map(|_| xtask(folder, "train a.toml").spawn().unwrap()).collect();
    for child in children {
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    }
    assert_eq!(runs(folder), ["train-1", "train-2", "train-3"]);
    complete(&folder.join("runs"));
}

#[test]
fn the_same_data_elsewhere_are_the_same_run() {
    let work = work();
    let folder = work.path();
    let elsewhere = |from: &str, to: &str| std::fs::rename(folder.join(from), folder.join(to)).unwrap();
    for (number, go_on) in
        [QUICK.replace("--data set", "--data moved"), "resume runs/quick-2 --data moved".into()].iter().enumerate()
    {
        let run = format!("runs/quick-{}", number + 1);
        stopped(folder, QUICK, &run, "TERM");
        elsewhere("set", "moved");
        if number == 1 {
            assert!(check(folder, &format!("resume {run}"), 1).contains("set"));
        }
        check(folder, go_on, 0);
        assert_eq!(complete(&folder.join("runs")).len(), number + 1);
        elsewhere("moved", "set");
    }
    std::fs::write(folder.join("a.toml"), "epochs = 60\nbatch-size = 16\ncheckpoints.steps = 20\nout = \"run\"\n")
        .unwrap();
    stopped(folder, "train a.toml --set data.cifar10=set", "run", "TERM");
    elsewhere("set", "moved");
    check(folder, "train a.toml --set data.cifar10=moved", 0);
    complete(folder.join("run").parent().unwrap().join("runs").as_path());
    assert!(folder.join("run/result.json").exists());
}
