//! A command at the end of a run.

use std::process::{Command, ExitCode};

use anyhow::Result;
use vr_bench::BenchError;
use vr_run::RunError;

use crate::print;

/// What follows a run.
#[derive(clap::Args)]
pub struct Notify {
    /// Run a command of the shell at the end, whichever it is: $STATUS is done, diverged, stopped or failed.
    #[arg(long = "notify", value_name = "CMD", conflicts_with_all = ["on", "ranks"])]
    command: Option<String>,
}

impl Notify {
    /// Does the work, then runs the command. That it fails is said, and changes nothing.
    pub fn after(&self, work: impl FnOnce() -> Result<ExitCode>) -> Result<ExitCode> {
        let ended = work();
        if let Some(command) = &self.command {
            let status = match &ended {
                Ok(code) if *code == ExitCode::SUCCESS => "done",
                Ok(_) => "diverged",
                Err(error) if is_stopped(error) => "stopped",
                Err(_) => "failed",
            };
            match Command::new("sh").args(["-c", command]).env("STATUS", status).status() {
                Ok(status) if status.success() => {}
                Ok(status) => print::complain(format_args!("--notify `{command}`: {status}")),
                Err(error) => print::complain(format_args!("--notify `{command}`: {error}")),
            }
        }
        ended
    }
}

/// Whether a run was asked to stop, and is saved.
pub fn is_stopped(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref(), Some(BenchError::Run(RunError::Interrupted(_))))
}
