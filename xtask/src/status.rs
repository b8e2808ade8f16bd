//! `cargo xtask status`: how far runs are.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use clap::Parser;
use serde_json::json;
use vr_bench::BenchError;
use vr_bench::run_dir::Record;
use vr_run::status::{CellStatus, RunStatus, status};

use crate::runs;

/// Which runs to look at.
#[derive(Parser)]
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
            Ok(status) if args.json => say!("{}", line(run, &status)?)?,
            Ok(status) => print(run, &status)?,
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

fn look(run: &Path) -> Result<RunStatus, BenchError> {
    // What cannot be gone on with is named here, though its cells could be counted.
    Record::read(run)?;
    Ok(status(run)?)
}

/// The status as one line of JSON, with the folder under `run`.
fn line(run: &Path, status: &RunStatus) -> Result<String> {
    let mut line = serde_json::to_value(status)?;
    line["run"] = json!(run);
    Ok(line.to_string())
}

fn print(run: &Path, status: &RunStatus) -> Result<()> {
    let holder = status.holder.as_ref().map_or(String::new(), |holder| format!(", {holder} at work"));
    let left = status.left_s.filter(|&left| left > 0.0).map_or(String::new(), |left| format!(", {} left", time(left)));
    say!("{}: {}{holder}{left}", run.display(), status.experiment)?;
    for CellStatus { name, state, error, epochs_done, epochs, epoch_s } in &status.cells {
        let state = format!("{state:?}").to_lowercase();
        let pace = epoch_s.map_or(String::new(), |seconds| format!(", {seconds:.1} s an epoch"));
        let error = error.as_ref().map_or(String::new(), |error| format!(": {error}"));
        say!("  {state:9} {name}, {epochs_done} of {epochs} epochs{pace}{error}")?;
    }
    Ok(())
}

fn time(seconds: f64) -> String {
    let minutes = (seconds / 60.0).ceil();
    if minutes < 60.0 { format!("{minutes} min") } else { format!("{:.1} h", minutes / 60.0) }
}
