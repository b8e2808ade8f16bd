//! `cargo xtask compare`: what differs between runs.

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use clap::Parser;
use vr_bench::compare::{Comparison, compare, page, text};

use crate::print::aligned;
use crate::runs;

/// Which runs; the others are held against the first.
#[derive(Parser)]
#[command(after_help = "Examples:
  cargo xtask compare runs/train-1 runs/train-2
  cargo xtask compare runs/train-1 runs/train-2 runs/train-3 --html compared.html --json > compared.json")]
pub struct Args {
    /// Run folders, finished or under way, or folders of them; two at least.
    #[arg(required = true)]
    runs: Vec<PathBuf>,
    /// Write a page with figures of the runs over each other, too.
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Print one JSON object instead of tables (docs/json.md).
    #[arg(long)]
    json: bool,
}

/// Compares, prints and writes the page.
pub fn run(args: &Args) -> Result<()> {
    let found: Vec<_> = args.runs.iter().flat_map(|path| runs::with_results(path)).collect();
    ensure!(found.len() > 1, "{} run in {:?}; two at least are compared", found.len(), args.runs);
    let named: Vec<_> = found.into_iter().map(|path| (path.display().to_string(), path)).collect();
    let comparison = compare(&named)?;
    if let Some(file) = &args.html {
        page::write(&comparison, file).with_context(|| format!("no page in `{}`", file.display()))?;
    }
    if args.json {
        say!("{}", serde_json::to_string_pretty(&comparison)?)?;
        return Ok(());
    }
    print(&comparison)
}

fn print(comparison: &Comparison) -> Result<()> {
    let (heads, rows) = text::settings(comparison);
    if rows.is_empty() {
        say!("All settings are the same.\n")?;
    } else {
        say!("{}\n", aligned(&heads, &rows))?;
    }
    let (heads, rows) = text::made_with(comparison);
    if !rows.is_empty() {
        say!("{}\n", aligned(&heads, &rows))?;
    }
    let (heads, rows) = text::results(comparison);
    say!("{}", aligned(&heads, &rows))?;
    if let Some(legend) = text::legend(comparison) {
        say!("{legend}")?;
    }
    let (heads, rows) = text::costs(comparison);
    say!("\n{}", aligned(&heads, &rows))?;
    Ok(())
}
