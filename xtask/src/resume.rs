//! `cargo xtask resume`: go on with a run where it stands.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Parser;
use vr_bench::config::TrainConfig;
use vr_bench::destination::Destination;
use vr_bench::experiments::{self, Prepared};
use vr_bench::run_dir::{Record, Task};
use vr_bench::settings::{DataChoice, Settings};
use vr_run::signals;

use crate::cluster::Cluster;
use crate::progress::Bars;
use crate::repro::{Execution, in_turn, report, run_one};
use crate::runs;

/// Which run to go on with.
#[derive(Parser)]
pub struct Args {
    /// The run's folder, or a folder of runs, such as that of `repro all`.
    run: PathBuf,
    /// Where the data are now: a set as `repro --data` names it; by default where they were.
    #[arg(long)]
    data: Option<String>,
    #[command(flatten)]
    execution: Execution,
    #[command(flatten)]
    cluster: Cluster,
}

/// Goes on; what is finished is not run again.
pub fn run(args: &Args, bars: &Bars) -> Result<ExitCode> {
    signals::listen(bars.stop())?;
    in_turn(&runs::at(&args.run), |run| one(args, run, bars))
}

fn one(args: &Args, run: &Path, bars: &Bars) -> Result<ExitCode> {
    let record = Record::read(run)?.with_context(|| format!("`{}` holds no run", run.display()))?;
    let data = args.data.as_deref().map(DataChoice::named);
    let submit =
        |run_of: &Prepared| args.cluster.submit(run_of, Destination::At(run), false, &args.execution.arguments());
    match record.task {
        Task::Settings(settings) => {
            let experiment = experiments::find(&record.experiment)
                .with_context(|| format!("`{}`: unknown experiment `{}`", run.display(), record.experiment))?;
            let settings = Settings { data: data.unwrap_or(settings.data.clone()), ..*settings };
            let settings = args.execution.settings(settings);
            if args.cluster.is_named() {
                return submit(&Prepared::experiment(experiment, &settings)?);
            }
            run_one(experiment, &settings, Destination::At(run), false, bars)
        }
        Task::Config(config) => {
            let config = TrainConfig { data: data.unwrap_or(config.data.clone()), ..*config };
            let config = args.execution.config(config);
            if args.cluster.is_named() {
                return submit(&experiments::train::prepare(&config)?);
            }
            report(bars, || experiments::train::run(&config, run, false, bars))
        }
    }
}
