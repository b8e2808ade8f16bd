//! `cargo xtask train`: training as a file describes it, once for each seed and each setting of a grid.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;
use clap::builder::PossibleValuesParser;
use vr_bench::config;
use vr_bench::experiments::{Prepared, train};
use vr_bench::results::ranking::Measure;
use vr_run::signals;

use crate::cluster::Cluster;
use crate::notify::Notify;
use crate::progress::Bars;
use crate::ranks;
use crate::repro::{destination, report, seeds};

/// What to train.
///
/// docs/train.toml shows every key with its meaning; what a file leaves out has a default. The run keeps
/// the whole as config.toml in its folder.
#[derive(Parser)]
#[command(after_help = "Examples:
  cargo xtask train docs/train.toml --set epochs=1 --tensorboard
  cargo xtask train docs/train.toml --set 'learning-rate=[0.01,0.03,0.1]' --validation 200 --seeds 0..3 --jobs 2")]
pub struct Args {
    /// The configuration, in TOML.
    config: PathBuf,
    /// Put a value in place of the file's, such as `epochs=10` or `estimator.svrg.start=400`; may be given often. A list where one
    /// value belongs makes a grid, here and in the file; `learning-rate` is short for `schedule.base`.
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Seeds in place of the file's: a number, a list `0,3,5`, or a range `0..10`.
    #[arg(long)]
    seeds: Option<String>,
    /// Class-balanced pictures to hold out of the training set and test on by themselves.
    #[arg(long, value_name = "N")]
    validation: Option<usize>,
    /// What the settings of a grid are ranked by; by default validation-error where pictures are held out.
    #[arg(long, value_name = "MEASURE", value_parser = PossibleValuesParser::new(Measure::ALL.map(Measure::name)))]
    best_by: Option<String>,
    /// Trainings to run at once, each on its share of the cores.
    #[arg(long, value_name = "N")]
    jobs: Option<usize>,
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
    #[command(flatten)]
    ranks: ranks::Args,
    /// What follows the run.
    #[command(flatten)]
    pub notify: Notify,
}

impl Args {
    /// All that was given, each as `KEY=VALUE`.
    fn overrides(&self) -> Result<Vec<String>> {
        let mut set: Vec<String> = self.set.iter().map(|text| full_name(text)).collect();
        if let Some(text) = &self.seeds {
            set.push(format!("seeds={:?}", seeds(text)?));
        }
        set.extend(self.validation.map(|pictures| format!("validation={pictures}")));
        set.extend(self.best_by.as_ref().map(|measure| format!("best-by={measure}")));
        set.extend(self.jobs.map(|jobs| format!("jobs={jobs}")));
        set.extend(self.tensorboard.then(|| "tensorboard=true".to_owned()));
        Ok(set)
    }
}

/// The learning rate by its usual name is the schedule's.
fn full_name(set: &str) -> String {
    match set.split_once('=') {
        Some((key, value)) if key.trim() == "learning-rate" => format!("schedule.base={value}"),
        _ => set.to_owned(),
    }
}

/// Checks the configuration, then trains.
pub fn run(args: &Args, bars: &Bars) -> Result<ExitCode> {
    let config = config::read(&args.config, &args.overrides()?)?;
    signals::listen(bars.stop())?;
    let destination = destination(args.out.as_deref().or(config.out.as_deref()));
    if args.cluster.is_named() {
        return args.cluster.submit(&train::prepare(&config)?, destination, args.force, &[]);
    }
    let lead = |run: &Prepared| {
        let ended = report(bars, || run.run(destination, args.force, bars))?;
        if !config.grid.is_empty() && config.ranked_by().is_none() {
            say!(
                "No setting is called the best: --validation N holds pictures out to tell by, --best-by names a measure."
            )?;
        }
        Ok(ended)
    };
    args.ranks.join(1)?.work(|| Ok(train::prepare(&config)?), lead)
}
