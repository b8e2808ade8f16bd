//! `cargo xtask status`: how far runs are.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use clap::Parser;
use serde::Serialize;
use serde_json::{Value, json};
use vr_bench::run_dir::Record;
use vr_run::status::{CellStatus, RunStatus, status};

use crate::runs;
use crate::slurm::Jobs;
use crate::slurm::queue::{self, Queued};

/// Which runs to look at.
#[derive(Parser)]
#[command(after_help = "Examples:
  cargo xtask status
  cargo xtask status runs/quick-1 --json")]
pub struct Args {
    /// A run's folder, or a folder of them; by default every run in `runs/`.
    run: Option<PathBuf>,
    /// Print one JSON object a run.
    #[arg(long)]
    json: bool,
}

/// Prints one block for each run; one that cannot be read is named among the others, and makes the whole fail.
pub fn run(args: &Args) -> Result<()> {
    let runs = args.run.as_deref().map_or_else(|| runs::below(Path::new("runs")), runs::at);
    let mut failed = Vec::new();
    for run in &runs {
        match look(run) {
            Ok((status, queue)) if args.json => say!("{}", line(run, &status, &queue)?)?,
            Ok((status, queue)) => print(run, &status, &queue)?,
            Err(error) => {
                let said = json!({ "run": run, "error": error.to_string() });
                if args.json {
                    say!("{said}")?
                } else {
                    say!("{}: {error}", run.display())?
                }
                failed.push((run, error));
            }
        }
    }
    match failed.as_slice() {
        [] => Ok(()),
        [(run, error)] if runs.len() == 1 => bail!("`{}`: {error}", run.display()),
        failed => bail!("{} of {} runs cannot be read", failed.len(), runs.len()),
    }
}

fn look(run: &Path) -> Result<(RunStatus, Queue)> {
    // What cannot be gone on with is named here, though its cells could be counted.
    Record::read(run)?;
    Ok((status(run)?, Queue::of(run)?))
}

/// What Slurm has of a run.
#[derive(Serialize)]
struct Queue {
    /// What was submitted, and is in the queue.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    slurm: Vec<Queued>,
    /// Why it is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    slurm_error: Option<String>,
}

impl Queue {
    fn of(run: &Path) -> Result<Self> {
        Ok(match queue::queued(&Jobs::of(run)?.numbers()) {
            Ok(slurm) => Self { slurm, slurm_error: None },
            Err(error) => Self { slurm: Vec::new(), slurm_error: Some(format!("{error:#}")) },
        })
    }
}

/// The status as one line of JSON, with the folder under `run`.
fn line(run: &Path, status: &RunStatus, queue: &Queue) -> Result<String> {
    let mut line = serde_json::to_value(status)?;
    if let (Value::Object(line), Value::Object(queue)) = (&mut line, serde_json::to_value(queue)?) {
        line.extend(queue);
    }
    line["run"] = json!(run);
    Ok(line.to_string())
}

fn print(run: &Path, status: &RunStatus, queue: &Queue) -> Result<()> {
    let holder = status.holder.as_ref().map_or(String::new(), |holder| format!(", {holder} at work"));
    let left = status.left_s.filter(|&left| left > 0.0).map_or(String::new(), |left| format!(", {} left", time(left)));
    say!("{}: {}{holder}{left}", run.display(), status.experiment)?;
    for CellStatus { name, state, error, epochs_done, epochs, epoch_s } in &status.cells {
        let state = format!("{state:?}").to_lowercase();
        let pace = epoch_s.map_or(String::new(), |seconds| format!(", {seconds:.1} s an epoch"));
        let error = error.as_ref().map_or(String::new(), |error| format!(": {error}"));
        say!("  {state:9} {name}, {epochs_done} of {epochs} epochs{pace}{error}")?;
    }
    for Queued { job, task, state, reason, nodes } in &queue.slurm {
        let what = task.map_or_else(|| "report".into(), |task| format!("task {task}"));
        let place = if nodes.is_empty() { reason } else { nodes };
        say!("  slurm: {what} (job {job}) {} ({place})", state.to_lowercase())?;
    }
    if let Some(error) = &queue.slurm_error {
        say!("  slurm: {error}")?;
    }
    Ok(())
}

fn time(seconds: f64) -> String {
    let minutes = (seconds / 60.0).ceil();
    if minutes < 60.0 { format!("{minutes} min") } else { format!("{:.1} h", minutes / 60.0) }
}
