//! `cargo xtask verify`: whether a run's folder is sound.

use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::Parser;
use vr_bench::experiments::verify;
use vr_run::verify::CellCheck;

/// Which run to check.
#[derive(Parser)]
pub struct Args {
    /// The run's folder.
    run: PathBuf,
    /// Take steps again only where the two newest checkpoints are at most this many apart.
    #[arg(long, default_value_t = 1000)]
    steps: u64,
    /// Print one JSON object a cell.
    #[arg(long)]
    json: bool,
}

/// Prints what was found; fails when anything is wrong.
pub fn run(args: &Args) -> Result<()> {
    let cells = verify(&args.run, args.steps)?;
    for cell in &cells {
        if args.json {
            say!("{}", serde_json::to_string(cell)?)?;
            continue;
        }
        let CellCheck { name, checkpoints, replayed, problems } = cell;
        let verdict = if problems.is_empty() { "sound" } else { "damaged" };
        say!("{verdict:8} {name}: {checkpoints} checkpoints, {replayed} steps taken again")?;
        problems.iter().try_for_each(|problem| say!("         {problem}"))?;
    }
    let damaged = cells.iter().filter(|cell| !cell.problems.is_empty()).count();
    if damaged > 0 {
        bail!("`{}`: {damaged} of {} cells damaged", args.run.display(), cells.len());
    }
    Ok(())
}
