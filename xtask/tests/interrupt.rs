//! What comes from outside: at a signal a run saves itself, says so, and goes on to the same bytes; readers may go away.
#![cfg(unix)]

use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

fn xtask(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
    command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// A run of some seconds in `out`.
fn repro(out: &Path) -> Command {
    let arguments = "repro quick --seeds 0 --every 1 --train-size 320 --batch-size 16 --epochs 3 --save-steps 1000 --save-minutes 60 --out";
    let mut command = xtask(&arguments.split(' ').collect::<Vec<_>>());
    command.arg(out);
    command
}

/// Starts a run and waits until it trains.
fn started(out: &Path) -> Child {
    let child = repro(out).spawn().unwrap();
    while !out.join("cells/lenet-svrg-locked-seed-0/metrics.jsonl").metadata().is_ok_and(|log| log.len() > 0) {
        std::thread::sleep(Duration::from_millis(5));
    }
    child
}

fn signal(child: &Child, name: &str) {
    let sent = Command::new("kill").args([&format!("-{name}"), &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// The files that equal runs share.
fn files(run: &Path) -> Vec<Vec<u8>> {
    let cells = ["svrg-locked", "svrg-unlocked", "svrg-recomputed"].map(|m| format!("cells/lenet-{m}-seed-0"));
    let names = cells.iter().flat_map(|cell| ["result.json", "metrics.jsonl"].map(|name| format!("{cell}/{name}")));
    names.chain(["result.json".into(), "metrics.jsonl".into()]).map(|n| std::fs::read(run.join(n)).unwrap()).collect()
}

#[track_caller]
fn check(output: &Output, code: i32) {
    assert_eq!(output.status.code(), Some(code), "{}", said(output));
}

#[test]
fn a_run_that_is_stopped_goes_on_to_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let (whole, part) = (folder.path().join("whole"), folder.path().join("part"));
    let out = part.to_str().unwrap();
    let first = started(&part);

    let status = xtask(&["status", out, "--json"]).output().unwrap();
    let status: serde_json::Value = serde_json::from_slice(&status.stdout).unwrap();
    assert_eq!(status["holder"], format!("process {}", first.id()));
    assert_eq!(status["cells"][0]["state"], "running");
    let second = repro(&part).output().unwrap();
    check(&second, 1);
    assert!(said(&second).contains(&format!("locked by process {}", first.id())), "{}", said(&second));

    signal(&first, "TERM");
    check(&first.wait_with_output().unwrap(), 75);
    check(&xtask(&["resume", out]).output().unwrap(), 0);
    check(&repro(&whole).output().unwrap(), 0);
    assert!(files(&part) == files(&whole));

    check(&xtask(&["resume", out]).output().unwrap(), 0);
    let verified = xtask(&["verify", out]).output().unwrap();
    check(&verified, 0);
    assert_eq!(said(&verified).matches("sound").count(), 3, "{}", said(&verified));
    std::fs::write(part.join("cells/lenet-svrg-locked-seed-0/metrics.jsonl"), "").unwrap();
    let damaged = xtask(&["verify", out]).output().unwrap();
    check(&damaged, 1);
    assert!(said(&damaged).contains("metrics.jsonl"), "{}", said(&damaged));
}

#[test]
fn every_signal_is_heard_and_the_second_ends_at_once() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["INT", "USR2"] {
        let child = started(&folder.path().join(name));
        signal(&child, name);
        check(&child.wait_with_output().unwrap(), 75);
    }
    let child = started(&folder.path().join("twice"));
    // Held still, it finds both signals at once.
    signal(&child, "STOP");
    signal(&child, "INT");
    signal(&child, "TERM");
    signal(&child, "CONT");
    let output = child.wait_with_output().unwrap();
    assert!(matches!(output.status.code(), Some(130 | 143)), "{:?} {}", output.status, said(&output));
}

#[test]
fn a_reader_that_goes_away_ends_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("run");
    let unread = |mut command: Command| {
        let mut child = command.spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        check(&output, 0);
        assert!(output.stderr.is_empty(), "{}", said(&output));
    };
    unread(repro(&out));
    assert!(out.join("report.html").is_file());
    let out = out.to_str().unwrap();
    for arguments in [&["status", out][..], &["status", out, "--json"], &["verify", out], &["verdict", out]] {
        unread(xtask(arguments));
    }
}
