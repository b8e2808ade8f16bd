//! `cargo xtask cancel`: end what Slurm has of a run.

use std::path::PathBuf;

use anyhow::{Result, ensure};
use clap::Parser;

use crate::slurm::{Jobs, queue};

/// Which run.
#[derive(Parser)]
#[command(after_help = "Examples:
  cargo xtask cancel runs/test-error-1
  cargo xtask cancel runs/train-1 && cargo xtask status runs/train-1")]
pub struct Args {
    /// The run's folder.
    run: PathBuf,
}

/// Takes its tasks out of the queue. Cells keep what they saved last; `resume --on slurm` submits them again.
pub fn run(args: &Args) -> Result<()> {
    let jobs = Jobs::of(&args.run)?;
    ensure!(!jobs.is_empty(), "nothing of `{}` was submitted to Slurm", args.run.display());
    let queued = queue::queued(&jobs.numbers())?;
    ensure!(!queued.is_empty(), "nothing of `{}` is in the queue", args.run.display());
    queue::cancel(&jobs.numbers())?;
    say!("{} task(s) taken out of the queue", queued.len())?;
    Ok(())
}
