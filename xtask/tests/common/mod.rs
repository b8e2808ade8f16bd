//! The command line as a test calls it.

// Each test file uses a part.
#![allow(dead_code)]

use std::process::{Command, Output};

/// The training file of the documentation.
pub const EXAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/train.toml");

pub fn xtask(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_xtask")).args(arguments).env_remove("RUST_BACKTRACE").output().unwrap()
}

/// All that a command said.
pub fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// Holds a command to its exit code and to parts of what it says, all of which it returns.
#[track_caller]
pub fn check(arguments: &[&str], code: i32, parts: &[&str]) -> String {
    let output = xtask(arguments);
    let text = said(&output);
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {text}");
    assert!(parts.iter().all(|part| text.contains(part)), "{arguments:?}: {text}");
    text
}
