//! `cargo xtask work`: a share of the cells of a run, beside other processes that work on others.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Parser;
use vr_bench::experiments;
use vr_bench::run_dir::{Record, Task};
use vr_run::signals;

use crate::progress::Bars;
use crate::repro::Execution;
use crate::slurm;

/// Which cells of which run.
///
/// `repro --on slurm` and `train --on slurm` begin a run and let Slurm call this. `resume` gathers what was found.
#[derive(Parser)]
#[command(after_help = "Examples:
  cargo xtask work runs/test-error-1 --task 3
  cargo xtask work runs/test-error-1 --task 0 --cells-per-task 4 --save-minutes 2")]
pub struct Args {
    /// The run's folder.
    run: PathBuf,
    /// Which share of the cells: those from N times --cells-per-task on.
    #[arg(long, value_name = "N")]
    task: usize,
    /// How many cells are a share.
    #[arg(long, value_name = "CELLS", default_value_t = 1)]
    cells_per_task: usize,
    #[command(flatten)]
    execution: Execution,
}

/// Brings them to their ends; what is finished is not run again.
pub fn run(args: &Args, bars: &Bars) -> Result<ExitCode> {
    signals::listen(bars.stop())?;
    let record = Record::read(&args.run)?.with_context(|| format!("`{}` holds no run", args.run.display()))?;
    let task = match record.task {
        Task::Settings(settings) => Task::Settings(Box::new(args.execution.settings(*settings))),
        Task::Config(config) => Task::Config(Box::new(args.execution.config(*config))),
    };
    let prepared = experiments::prepare(&Record { task, ..record }, &args.run)?;
    prepared.work(&args.run, slurm::cells(args.task, args.cells_per_task), bars)?;
    bars.done();
    Ok(ExitCode::SUCCESS)
}
