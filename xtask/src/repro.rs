//! `cargo xtask repro`: run an experiment.

use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context, Result};
use clap::builder::PossibleValuesParser;
use clap::{Parser, ValueEnum};
use vr_bench::cell::Places;
use vr_bench::experiments::{bn_reset, locking, quick, variance_ratio};
use vr_bench::settings::{DataChoice, EngineKind, Model, Settings};

use crate::progress::Bars;

/// What to run, on what, for how long.
#[derive(Parser)]
pub struct Args {
    /// The experiment.
    experiment: Experiment,
    /// `synthetic`, or a folder in CIFAR-10's binary format.
    #[arg(long, default_value = "synthetic")]
    data: String,
    /// Class-balanced subset of the training pictures.
    #[arg(long)]
    train_size: Option<usize>,
    /// The network.
    #[arg(long, default_value = "lenet", value_parser = PossibleValuesParser::new(Model::ALL.map(Model::name)))]
    model: String,
    /// What computes the gradients: kernels of our own, or candle's autograd.
    #[arg(long, default_value = "cpu", value_parser = PossibleValuesParser::new(EngineKind::ALL.map(EngineKind::name)))]
    engine: String,
    /// Epochs to run.
    #[arg(long)]
    epochs: Option<usize>,
    /// Seeds: a number, a list `0,3,5`, or a range `0..10`.
    #[arg(long, default_value = "0")]
    seeds: String,
    /// Pictures in a minibatch.
    #[arg(long, default_value_t = 128)]
    batch_size: usize,
    /// Where in the epoch variance-ratio measures.
    #[arg(long, value_enum, default_value = "paper")]
    places: PlacesArg,
    /// Measure the variance in the first epoch and every N-th.
    #[arg(long, default_value_t = 1)]
    every: usize,
    /// The run folder; by default `runs/EXPERIMENT-N` with the first N that is free.
    #[arg(long)]
    out: Option<PathBuf>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Experiment {
    /// Locking and batch-norm reset on the embedded set, in minutes.
    Quick,
    /// Variance with and without transform locking (Figure 1).
    Locking,
    /// Test error with naive and with reset batch-norm statistics.
    BnReset,
    /// Variance ratios through training (Figure 2).
    VarianceRatio,
}

#[derive(Clone, Copy, ValueEnum)]
enum PlacesArg {
    /// 0, 2, 11, 33 and 100 %.
    Paper,
    /// Every tenth.
    Deciles,
}

impl Experiment {
    fn name(self) -> &'static str {
        match self {
            Self::Quick => "quick",
            Self::Locking => "locking",
            Self::BnReset => "bn-reset",
            Self::VarianceRatio => "variance-ratio",
        }
    }
}

/// `3`, `0,2,5` or `0..10`.
fn seeds(text: &str) -> Result<Vec<u64>> {
    let number = |t: &str| t.trim().parse::<u64>().with_context(|| format!("`{t}` in --seeds is not a number"));
    let seeds = match text.split_once("..") {
        Some((from, to)) => (number(from)?..number(to)?).collect(),
        None => text.split(',').map(number).collect::<Result<Vec<_>>>()?,
    };
    anyhow::ensure!(!seeds.is_empty(), "--seeds `{text}` names no seed");
    Ok(seeds)
}

/// The first free `runs/NAME-N`.
fn free_folder(name: &str) -> PathBuf {
    (1_u32..).map(|n| PathBuf::from(format!("runs/{name}-{n}"))).find(|p| !p.exists()).unwrap_or_default()
}

/// Runs the experiment and prints its verdicts.
pub fn run(args: &Args, bars: &Bars) -> Result<()> {
    let quick_run = matches!(args.experiment, Experiment::Quick);
    let epochs = args.epochs.unwrap_or(3);
    anyhow::ensure!(epochs > 0 && args.batch_size > 0, "--epochs and --batch-size must be at least 1");
    let settings = Settings {
        data: if args.data == "synthetic" {
            DataChoice::Synthetic
        } else {
            DataChoice::Cifar10(args.data.clone().into())
        },
        train_size: args.train_size.or(quick_run.then_some(5_000)),
        model: args.model.parse()?,
        engine: args.engine.parse()?,
        epochs,
        seeds: seeds(&args.seeds)?,
        batch_size: args.batch_size,
    };
    let out = args.out.clone().unwrap_or_else(|| free_folder(args.experiment.name()));
    let places = match args.places {
        PlacesArg::Paper => Places::Paper,
        PlacesArg::Deciles => Places::Deciles,
    };
    let started = Instant::now();
    let finished = match args.experiment {
        Experiment::Quick => quick::run(&settings, &out, bars),
        Experiment::Locking => locking::run(&settings, &out, bars),
        Experiment::BnReset => bn_reset::run(&settings, &out, bars),
        Experiment::VarianceRatio => variance_ratio::run(&settings, places, args.every, &out, bars),
    }?;
    bars.done();
    let result = &finished.result;
    println!("\n{} on {}: {} (m = {})", result.model, result.data.name, result.scale, result.minibatches);
    for verdict in &result.verdicts {
        println!(
            "{:12} {}\n             expected {}; measured {}",
            verdict.outcome.to_string(),
            verdict.claim,
            verdict.expected,
            verdict.measured
        );
    }
    println!("report: {} ({:.0} s)", finished.report.display(), started.elapsed().as_secs_f64());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_are_lists_or_ranges() {
        assert_eq!(seeds("3").unwrap(), [3]);
        assert_eq!(seeds("0,2, 5").unwrap(), [0, 2, 5]);
        assert_eq!(seeds("1..4").unwrap(), [1, 2, 3]);
        assert!(seeds("1..1").is_err());
        assert!(seeds("x").unwrap_err().to_string().contains("`x`"));
    }
}
