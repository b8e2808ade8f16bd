//! `cargo xtask verify`: whether a run's folder is sound.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use clap::Parser;
use serde_json::json;
use vr_bench::experiments::{RunCheck, verify};
use vr_run::verify::CellCheck;

use crate::runs;

/// Which run to check.
#[derive(Parser)]
#[command(after_help = "Examples:
  cargo xtask verify runs/quick-1
  cargo xtask verify runs --steps 100 --json")]
pub struct Args {
    /// The run's folder, or a folder of runs.
    run: PathBuf,
    /// Take steps again only where the two newest checkpoints are at most this many apart.
    #[arg(long, default_value_t = 1000)]
    steps: u64,
    /// Print one JSON object a cell, and one for the run.
    #[arg(long)]
    json: bool,
}

/// Prints what was found; fails when anything is wrong.
pub fn run(args: &Args) -> Result<()> {
    let runs = runs::at(&args.run);
    let mut damaged = Vec::new();
    for run in &runs {
        match verify(run, args.steps) {
            Ok(found) => {
                if args.json {
                    print_json(run, &found)?
                } else {
                    print(run, &found)?
                }
                if !found.is_sound() {
                    damaged.push(damage(run, &found));
                }
            }
            Err(error) if runs.len() == 1 => return Err(error.into()),
            Err(error) => damaged.push(format!("`{}`: {error}", run.display())),
        }
    }
    if damaged.is_empty() { Ok(()) } else { bail!("{}", damaged.join("\n")) }
}

fn damage(run: &Path, found: &RunCheck) -> String {
    let cells = found.cells.iter().filter(|cell| !cell.problems.is_empty()).count();
    format!(
        "`{}`: {} of {} cells damaged, {} problems beside",
        run.display(),
        cells,
        found.cells.len(),
        found.problems.len()
    )
}

fn print(run: &Path, found: &RunCheck) -> Result<()> {
    for CellCheck { name, checkpoints, replayed, problems } in &found.cells {
        let verdict = if problems.is_empty() { "sound" } else { "damaged" };
        say!("{verdict:8} {name}: {checkpoints} checkpoints, {replayed} steps taken again")?;
        problems.iter().try_for_each(|problem| say!("         {problem}"))?;
    }
    let RunCheck { files, problems, notes, .. } = found;
    let verdict = if problems.is_empty() { "files" } else { "damaged" };
    say!("{verdict:8} {}: {files} compared with their digests", run.display())?;
    problems.iter().try_for_each(|problem| say!("         {problem}"))?;
    notes.iter().try_for_each(|note| say!("note     {note}"))?;
    Ok(())
}

fn print_json(run: &Path, found: &RunCheck) -> Result<()> {
    for cell in &found.cells {
        say!("{}", serde_json::to_string(cell)?)?;
    }
    let RunCheck { files, problems, notes, .. } = found;
    say!("{}", json!({ "run": run, "files": files, "problems": problems, "notes": notes }))?;
    Ok(())
}
