//! `cargo xtask train`: one training run as a file describes it.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;
use vr_bench::config::TrainConfig;
use vr_bench::experiments::train;
use vr_run::{config, signals};

use crate::cluster::Cluster;
use crate::progress::Bars;
use crate::repro::{destination, report};

/// What to train.
///
/// docs/train.toml shows every key with its meaning; what a file leaves out has a default. The run keeps
/// the whole as config.toml in its folder.
#[derive(Parser)]
pub struct Args {
    /// The configuration, in TOML.
    config: PathBuf,
    /// Put a value in place of the file's, such as `epochs=10` or `estimator.svrg.start=400`; may be given often.
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// The run folder; by default the configuration's `out`, or `runs/train-N` with the first N that is
    /// free, or that this command left unfinished. In the folder of an earlier run, only what is new or unfinished runs.
    #[arg(long)]
    out: Option<PathBuf>,
    /// Write event files for TensorBoard to RUN/tensorboard as the run goes.
    #[arg(long)]
    tensorboard: bool,
    /// Run again what is finished, too.
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    cluster: Cluster,
}

/// Checks the configuration, then trains.
pub fn run(args: &Args, bars: &Bars) -> Result<ExitCode> {
    let mut config: TrainConfig = config::read(&args.config, &args.set)?;
    config.tensorboard |= args.tensorboard;
    signals::listen(bars.stop())?;
    let destination = destination(args.out.as_deref().or(config.out.as_deref()));
    if args.cluster.is_named() {
        return args.cluster.submit(&train::prepare(&config)?, destination, args.force, &[]);
    }
    report(bars, || train::run_to(&config, destination, args.force, bars))
}
