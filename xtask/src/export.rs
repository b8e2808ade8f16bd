//! `cargo xtask export`: the numbers of runs for other programs.

use std::io::Write;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use clap::Parser;
use clap::builder::PossibleValuesParser;
use vr_bench::facts::{Format, table, write_table};
use vr_bench::tensorboard;

use crate::runs;

/// Which runs, in what form.
///
/// docs/export.md lists the columns and the quantities.
#[derive(Parser)]
#[command(after_help = "Examples:
  cargo xtask export runs/quick-1 --format csv > quick.csv
  cargo xtask-full export docs/results --format parquet --out results.parquet
  cargo xtask export runs/train-1 --format tensorboard --out logs && tensorboard --logdir logs")]
pub struct Args {
    /// Run folders, finished or under way, or folders of them.
    #[arg(required = true)]
    runs: Vec<PathBuf>,
    /// The form of the table, or event files for TensorBoard.
    #[arg(long, value_parser = PossibleValuesParser::new(Format::ALL.map(Format::name).into_iter().chain([TENSORBOARD])))]
    format: String,
    /// The file that the table goes to, by default it is printed; for tensorboard the folder.
    #[arg(long)]
    out: Option<PathBuf>,
}

/// The format that is no table.
const TENSORBOARD: &str = "tensorboard";

/// Writes one table of all runs, or nothing where one of them cannot be read.
pub fn run(args: &Args) -> Result<()> {
    let runs: Vec<_> = args.runs.iter().flat_map(|path| runs::with_results(path)).collect();
    if args.format == TENSORBOARD {
        let out = args.out.as_ref().context("--format tensorboard goes to a folder; name it with --out")?;
        return Ok(tensorboard::export(&runs, out)?);
    }
    let format: Format = args.format.parse()?;
    ensure!(
        format.is_built(),
        "--format {0} is not in this build; `cargo xtask-full export …` builds it in and takes the same arguments",
        format.name()
    );
    ensure!(format != Format::Parquet || args.out.is_some(), "--format parquet goes to a file; name it with --out");
    let named: Vec<_> = runs.into_iter().map(|path| (path.display().to_string(), path)).collect();
    match &args.out {
        Some(file) => Ok(write_table(format, &named, file)?),
        None => match std::io::stdout().write_all(&table(format, &named)?) {
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
            written => written.context("cannot print"),
        },
    }
}
