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
use crate::notify::Notify;
use crate::progress::Bars;
use crate::ranks::{self, Group};
use crate::repro::{Execution, in_turn, report};
use crate::runs;

/// Which run to go on with.
#[derive(Parser)]
#[command(after_help = "Examples:
  cargo xtask resume runs/quick-1
  cargo xtask resume runs/all-1 --jobs 2 --data /scratch/cifar10")]
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
    #[command(flatten)]
    ranks: ranks::Args,
    /// What follows the run.
    #[command(flatten)]
    pub notify: Notify,
}

/// Goes on; what is finished is not run again.
pub fn run(args: &Args, bars: &Bars) -> Result<ExitCode> {
    signals::listen(bars.stop())?;
    let runs = runs::at(&args.run);
    let group = args.ranks.join(runs.len())?;
    in_turn(&runs, |run| one(args, run, &group, bars))
}

fn one(args: &Args, run: &Path, group: &Group, bars: &Bars) -> Result<ExitCode> {
    let prepare = || prepared(args, run);
    if args.cluster.is_named() {
        return args.cluster.submit(&prepare()?, Destination::At(run), false, &args.execution.arguments());
    }
    group.work(prepare, |prepared| report(bars, || prepared.run(Destination::At(run), false, bars)))
}

/// The run as its record says, with what was given in place of its own.
fn prepared(args: &Args, run: &Path) -> Result<Prepared> {
    let record = Record::read(run)?.with_context(|| format!("`{}` holds no run", run.display()))?;
    let data = args.data.as_deref().map(DataChoice::named);
    let task = match record.task {
        Task::Settings(settings) => {
            let settings = Settings { data: data.unwrap_or(settings.data.clone()), ..*settings };
            Task::Settings(Box::new(args.execution.settings(settings)))
        }
        Task::Config(config) => {
            let config = TrainConfig { data: data.unwrap_or(config.data.clone()), ..*config };
            Task::Config(Box::new(args.execution.config(config)))
        }
    };
    Ok(experiments::prepare(&Record { task, ..record }, run)?)
}
