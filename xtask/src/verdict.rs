//! `cargo xtask verdict`: the verdicts of finished runs in one table.

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use clap::Parser;
use vr_bench::paper::claims::CLAIMS;
use vr_bench::verdict::fill::fill;
use vr_bench::verdict::page;
use vr_bench::verdict::table::{JudgedRun, Row, turned};

/// Which runs, and what they are held against.
///
/// A file `examined.txt` beside a result, with lines `ID: sentence`, says what came of examining a verdict.
#[derive(Parser)]
#[command(after_help = "Examples:
  cargo xtask verdict runs/quick-1
  cargo xtask verdict docs/results --out judged --expect docs/results/verdicts.json")]
pub struct Args {
    /// Run folders, or folders of them.
    #[arg(default_value = "runs")]
    runs: Vec<PathBuf>,
    /// Where VERDICTS.md and verdicts.json go; by default the first of the folders.
    #[arg(long)]
    out: Option<PathBuf>,
    /// A page whose tables, between `<!-- table NAME -->` and `<!-- end -->`, are made anew from the runs: `verdicts`, `ratios`,
    /// `errors`, `runs`.
    #[arg(long)]
    fill: Option<PathBuf>,
    /// A verdicts.json to compare with: fail when a verdict turned from for a claim to against it or back, or is missing.
    #[arg(long)]
    expect: Option<PathBuf>,
    /// Print one JSON array.
    #[arg(long)]
    json: bool,
}

/// Runs the verb.
pub fn run(args: &Args) -> Result<()> {
    let expected: Option<Vec<Row>> = match &args.expect {
        Some(file) => {
            let text = std::fs::read(file).with_context(|| format!("cannot read `{}`", file.display()))?;
            Some(serde_json::from_slice(&text).with_context(|| format!("`{}` is no verdicts.json", file.display()))?)
        }
        None => None,
    };
    let runs = args.runs.iter().map(|path| JudgedRun::all(path)).collect::<Result<Vec<_>, _>>()?.concat();
    ensure!(!runs.is_empty(), "no finished run (a folder with a result.json) in {:?}", args.runs);
    let rows: Vec<Row> = runs.iter().flat_map(JudgedRun::rows).collect();
    let page = page::write(args.out.as_ref().unwrap_or(&args.runs[0]), &runs)?;
    if args.json {
        say!("{}", serde_json::to_string_pretty(&rows)?)?;
    } else {
        for Row { experiment, model, data, minibatches, verdict, .. } in &rows {
            say!(
                "{:17} {:20} {experiment}, {model} on {data}, m = {minibatches}",
                verdict.outcome.to_string(),
                verdict.id
            )?;
            say!("{:17} expected {}; measured {}", "", verdict.expected, verdict.measured)?;
        }
        for claim in CLAIMS.iter().filter(|claim| !rows.iter().any(|row| claim.has(&row.verdict.id))) {
            say!("{:17} {:20} {}", "not run", claim.id, claim.experiment)?;
        }
        say!("{}", page.display())?;
    }
    if let Some(file) = &args.fill {
        let text = std::fs::read_to_string(file).with_context(|| format!("cannot read `{}`", file.display()))?;
        let filled = fill(&text, &runs).with_context(|| format!("`{}`", file.display()))?;
        vr_files::write_atomic(file, filled.as_bytes())?;
        say!("{}", file.display())?;
    }
    let turned = expected.map(|expected| turned(&expected, &rows)).unwrap_or_default();
    ensure!(turned.is_empty(), "verdicts turned:\n{}", turned.join("\n"));
    Ok(())
}
