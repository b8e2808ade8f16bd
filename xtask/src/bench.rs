//! `cargo xtask bench`: how fast the engines are.

use anyhow::{Result, ensure};
use clap::builder::PossibleValuesParser;
use clap::{Parser, Subcommand};
use vr_bench::settings::{EngineKind, Model};
use vr_bench::step_time::{StepTime, step_time};

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
        #[arg(long, default_value = "lenet", value_parser = PossibleValuesParser::new(Model::ALL.map(Model::name)))]
        model: String,
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
}

/// Runs the verb.
pub fn run(args: &Args) -> Result<()> {
    let What::Step { model, batch, engine, threads, json } = &args.what;
    ensure!(*batch > 0, "--batch 0: a minibatch has at least one picture");
    if let Some(threads) = threads {
        ensure!(*threads > 0, "--threads 0: there must be at least one");
        rayon::ThreadPoolBuilder::new().num_threads(*threads).build_global()?;
    }
    let time = step_time(model.parse()?, engine.parse()?, *batch)?;
    if *json {
        println!("{}", serde_json::to_string(&time)?);
    } else {
        let StepTime { model, engine, isa, batch, threads, median_ms, gflops, fma_peak_gflops, .. } = &time;
        let share = 100.0 * gflops / fma_peak_gflops;
        println!("{model}, batch {batch}, engine {engine} ({isa}), {threads} threads: {median_ms:.2} ms a step");
        println!("{gflops:.0} GFLOP/s, {share:.0} % of the {fma_peak_gflops:.0} GFLOP/s of fused multiply-adds");
    }
    Ok(())
}
