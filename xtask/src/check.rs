//! `cargo xtask check`: all that CI runs, cheapest first.

use std::process::Command;

use anyhow::{Result, ensure};

/// The steps, each a cargo command line.
const STEPS: [&[&str]; 14] = [
    &["fmt", "--all", "--check"],
    &["clippy", "--release", "--workspace", "--all-targets", "--", "-D", "warnings"],
    // Without candle: the libraries for any oracle, and what the first command of the README builds.
    &["check", "--release", "-p", "vr-optim", "--no-default-features"],
    &["check", "--release", "-p", "vr-models", "--no-default-features"],
    &["check", "--release", "-p", "xtask", "--no-default-features"],
    // The GPU engine builds on a machine without one.
    &["check", "--release", "-p", "xtask", "--no-default-features", "--features", "cuda"],
    &["test", "--release", "--workspace"],
    &["doc", "--release", "--workspace", "--no-deps"],
    // The programs outside the workspace show that each crate stands alone.
    &["run", "--release", "--manifest-path", "outside/uses-vr-data/Cargo.toml", "--target-dir", "target/outside"],
    &["run", "--release", "--manifest-path", "outside/uses-vr-optim/Cargo.toml", "--target-dir", "target/outside"],
    &["run", "--release", "--manifest-path", "outside/candle-run/Cargo.toml", "--target-dir", "target/outside"],
    &["run", "--release", "--manifest-path", "outside/uses-vr-models/Cargo.toml", "--target-dir", "target/outside"],
    &["run", "--release", "--manifest-path", "outside/clipped-svrg/Cargo.toml", "--target-dir", "target/outside"],
    &["package", "--workspace", "--exclude", "xtask", "--no-verify", "--allow-dirty", "--quiet"],
];

/// Runs every step; the first that fails ends it.
pub fn run() -> Result<()> {
    for step in STEPS {
        say!("cargo {}", step.join(" "))?;
        let status = Command::new("cargo").args(step).env("RUSTDOCFLAGS", "-D warnings").status()?;
        ensure!(status.success(), "`cargo {}` failed", step.join(" "));
    }
    Ok(())
}
