//! What a shell has of the command line: completions, a command at the end, errors in lines.
#![cfg(unix)]

mod common;

use std::path::Path;
use std::process::Command;

use common::{EXAMPLE, said};

fn xtask(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
    command.args(arguments);
    command
}

/// What bash offers for a line of words, the last of which is begun.
fn offered(script: &Path, words: &[&str]) -> Vec<String> {
    let text = format!(
        "source {}; COMP_WORDS=({}); COMP_CWORD={}; _xtask xtask '{}' '{}'; printf '%s\\n' \"${{COMPREPLY[@]}}\"",
        script.display(),
        words.join(" "),
        words.len() - 1,
        words[words.len() - 1],
        words[words.len() - 2]
    );
    let output = Command::new("bash").args(["-c", &text]).output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{}", said(&output));
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn verbs_options_and_values_are_completed() {
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("xtask");
    let output = xtask(&["completions", "bash"]).output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    std::fs::write(&script, output.stdout).unwrap();
    assert_eq!(offered(&script, &["xtask", "verd"]), ["verdict"]);
    assert_eq!(offered(&script, &["xtask", "train", "--best"]), ["--best-by"]);
    assert!(offered(&script, &["xtask", "repro", "--model", "dense"]).contains(&"densenet-40-36".to_owned()));
    assert!(offered(&script, &["xtask", "repro", "var"]).contains(&"variance-ratio".to_owned()));
    for (shell, part) in [("zsh", "#compdef xtask"), ("fish", "complete -c xtask")] {
        let output = xtask(&["completions", shell]).output().unwrap();
        assert!(output.status.success() && said(&output).contains(part), "{shell}");
    }
    assert_eq!(xtask(&["completions", "tcsh"]).output().unwrap().status.code(), Some(2));
}

#[test]
fn a_command_follows_a_run_however_it_ends() {
    let folder = tempfile::tempdir().unwrap();
    let told = folder.path().join("told");
    let notify = format!("printf \"$STATUS \" >> '{}'", told.display());
    let train = |out: &str, set: &[&str], notify: &str| {
        let out = folder.path().join(out);
        let small = ["--set", "train-size=64", "--set", "batch-size=16", "--set", "measures.places=none"];
        let last = ["--out", out.to_str().unwrap(), "--notify", notify];
        xtask(&[&["train", EXAMPLE], &small[..], set, &last].concat()).output().unwrap()
    };
    assert_eq!(train("run", &[], &notify).status.code(), Some(0));
    let diverges = ["--set", "learning-rate=1e30", "--set", "schedule.shape=constant", "--set", "schedule.drops=[]"];
    assert_eq!(train("diverges", &diverges, &notify).status.code(), Some(3));
    assert_eq!(train("wrong", &["--set", "modle=1"], &notify).status.code(), Some(1));
    assert_eq!(std::fs::read_to_string(&told).unwrap(), "done diverged failed ");
    // A command that fails is told of, and changes nothing.
    let output = train("run", &[], "exit 7");
    assert!(output.status.code() == Some(0) && said(&output).contains("--notify `exit 7`"), "{}", said(&output));
    let slurm = xtask(&["train", EXAMPLE, "--on", "slurm", "--notify", "true"]).output().unwrap();
    assert!(slurm.status.code() == Some(2) && said(&slurm).contains("--on"), "{}", said(&slurm));
}

#[test]
fn an_error_is_told_in_lines_and_not_as_a_back_trace() {
    for (arguments, part) in [
        (&["resume", "nowhere"][..], "`nowhere` holds no run"),
        (&["train", "absent.toml"], "absent.toml"),
        (&["verdict", "nowhere"], "nowhere"),
        (&["data", "info", "cifar10", "--dir", "nowhere"], "nowhere"),
        (&["export", "nowhere", "--format", "csv"], "nowhere"),
    ] {
        let output = xtask(arguments).env("RUST_BACKTRACE", "full").output().unwrap();
        let text = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.code() == Some(1) && text.starts_with("Error: ") && text.contains(part), "{text}");
        assert!(!text.to_lowercase().contains("backtrace") && !text.contains(".rs:"), "{text}");
        assert!(text.lines().skip(1).all(|line| line.starts_with("  since: ")), "{text}");
    }
}
