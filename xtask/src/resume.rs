//! `cargo xtask resume`: go on with a run where it stands.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Parser;
use vr_bench::experiments;
use vr_bench::run_dir::{Record, Task};
use vr_run::signals;

use crate::progress::Bars;
use crate::repro::{Execution, report, run_one};

/// Which run to go on with.
#[derive(Parser)]
pub struct Args {
    /// The run's folder.
    run: PathBuf,
    #[command(flatten)]
    execution: Execution,
}

/// Goes on; what is finished is not run again.
pub fn run(args: &Args, bars: &Bars) -> Result<ExitCode> {
    signals::listen(bars.stop())?;
    let record = Record::read(&args.run)?.with_context(|| format!("`{}` holds no run", args.run.display()))?;
    match record.task {
        Task::Settings(settings) => {
            let experiment = experiments::find(&record.experiment)
                .with_context(|| format!("`{}`: unknown experiment `{}`", args.run.display(), record.experiment))?;
            run_one(experiment, &args.execution.settings(*settings, &args.run), &args.run, false, bars)
        }
        Task::Config(config) => {
            let config = args.execution.config(*config);
            report(bars, || experiments::train::run(&config, &args.run, false, bars))
        }
    }
}
