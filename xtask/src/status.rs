//! `cargo xtask status`: how far runs are.

use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::Parser;
use vr_bench::run_dir::Record;
use vr_run::run_folder::name;
use vr_run::status::{CellStatus, RunStatus, status};

/// Which runs to look at.
#[derive(Parser)]
pub struct Args {
    /// A run's folder; by default every run in `runs/`.
    run: Option<PathBuf>,
    /// Print one JSON object a run.
    #[arg(long)]
    json: bool,
}

/// Prints one block for each run.
pub fn run(args: &Args) -> Result<()> {
    let runs = match &args.run {
        Some(run) => vec![run.clone()],
        None => runs(Path::new("runs"))?,
    };
    for run in runs {
        // What cannot be gone on with is named here, though its cells could be counted.
        Record::read(&run)?;
        let status = status(&run)?;
        if args.json {
            say!("{}", serde_json::to_string(&status)?)?;
        } else {
            print(&run, &status)?;
        }
    }
    Ok(())
}

/// The folders in `parent` that hold a run.
fn runs(parent: &Path) -> Result<Vec<PathBuf>> {
    let Ok(entries) = std::fs::read_dir(parent) else { return Ok(Vec::new()) };
    let mut runs = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.is_dir() && name(&path)?.is_some() {
            runs.push(path);
        }
    }
    runs.sort();
    Ok(runs)
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
