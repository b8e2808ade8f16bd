//! `cargo xtask bench`: how fast the engines are.

use anyhow::{Result, ensure};
use clap::builder::PossibleValuesParser;
use clap::{Parser, Subcommand};
use vr_bench::settings::{DataChoice, EngineKind, Model, Settings};
use vr_bench::timing::epoch::{EpochTimings, epoch_timings};
use vr_bench::timing::step::{StepTime, step_time};

use crate::model_arg::ModelParser;

/// What to time.
#[derive(Parser)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Forward and backward of one minibatch.
    Step {
        /// The network.
        #[arg(long, default_value = "lenet", value_parser = ModelParser)]
        model: Model,
        /// Pictures in the minibatch.
        #[arg(long, default_value_t = 128)]
        batch: usize,
        /// What computes the gradients.
        #[arg(long, default_value = "cpu", value_parser = PossibleValuesParser::new(EngineKind::ALL.map(EngineKind::name)))]
        engine: String,
        /// Threads; by default one for each core.
        #[arg(long)]
        threads: Option<usize>,
        /// Print one JSON object.
        #[arg(long)]
        json: bool,
    },
    /// Whole epochs of SGD and SVRG, a variance pass, and loading.
    Epoch {
        /// The network.
        #[arg(long, default_value = "lenet", value_parser = ModelParser)]
        model: Model,
        /// `synthetic`, or a folder in CIFAR-10's binary format.
        #[arg(long, default_value = "synthetic")]
        data: String,
        /// Take a class-balanced subset of the training pictures.
        #[arg(long)]
        train_size: Option<usize>,
        /// Epochs of each kind.
        #[arg(long, default_value_t = 3)]
        rounds: usize,
        /// Threads; by default one for each core.
        #[arg(long)]
        threads: Option<usize>,
        /// Print one JSON object.
        #[arg(long)]
        json: bool,
    },
}

/// Runs the verb.
pub fn run(args: &Args) -> Result<()> {
    match &args.what {
        What::Step { model, batch, engine, threads, json } => {
            ensure!(*batch > 0, "--batch 0: a minibatch has at least one picture");
            use_threads(*threads)?;
            step(&step_time(*model, engine.parse()?, *batch)?, *json)
        }
        What::Epoch { model, data, train_size, rounds, threads, json } => {
            use_threads(*threads)?;
            let data = DataChoice::named(data);
            let settings = Settings { model: *model, data, train_size: *train_size, ..Settings::default() };
            epoch(&epoch_timings(&settings, &settings.load()?, *rounds)?, *json)
        }
    }
}

fn use_threads(threads: Option<usize>) -> Result<()> {
    if let Some(threads) = threads {
        ensure!(threads > 0, "--threads 0: there must be at least one");
        rayon::ThreadPoolBuilder::new().num_threads(threads).build_global()?;
    }
    Ok(())
}

fn step(time: &StepTime, json: bool) -> Result<()> {
    if json {
        say!("{}", serde_json::to_string(time)?)?;
        return Ok(());
    }
    let StepTime { model, engine, isa, batch, threads, median_ms, gflops, fma_peak_gflops, .. } = time;
    let share = 100.0 * gflops / fma_peak_gflops;
    say!("{model}, batch {batch}, engine {engine} ({isa}), {threads} threads: {median_ms:.2} ms a step")?;
    say!("{gflops:.0} GFLOP/s, {share:.0} % of the {fma_peak_gflops:.0} GFLOP/s of fused multiply-adds")?;
    Ok(())
}

fn epoch(times: &EpochTimings, json: bool) -> Result<()> {
    if json {
        say!("{}", serde_json::to_string(times)?)?;
        return Ok(());
    }
    let EpochTimings { model, engine, train_size, minibatches, threads, .. } = times;
    say!("{model}, {train_size} pictures (m = {minibatches}), engine {engine}, {threads} threads")?;
    say!("sgd                {:8.3} s", times.sgd_s)?;
    say!("svrg, recomputed   {:8.3} s, {:.2} times sgd's", times.recomputed_s, times.recomputed_ratio)?;
    say!("svrg, stored       {:8.3} s, {:.2} times sgd's", times.stored_s, times.stored_ratio)?;
    let scaling = 100.0 * times.variance_pass_scaling;
    say!("variance pass      {:8.3} s, {scaling:.0} % of perfect scaling", times.variance_pass_s)?;
    let share = 100.0 * times.loading_share;
    say!("loading            {:8.3} s of one thread, {share:.1} % of sgd's", times.loading_one_thread_s)?;
    Ok(())
}
