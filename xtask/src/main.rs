//! `cargo xtask`: the command line of the workspace, one file for each verb.
//!
//! Exit codes: 0 done, 1 failed, 2 wrong usage.

mod bench;
mod check;
mod data;
mod progress;
mod repro;
mod verdict;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Reproduce and extend variance-reduced optimisation of deep networks")]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Run an experiment of the paper; write figures, numbers and a report.
    Repro(repro::Args),
    /// The verdicts of finished runs in one table.
    Verdict(verdict::Args),
    /// Import, fetch, verify or describe a data set.
    Data(data::Args),
    /// Time the engines.
    Bench(bench::Args),
    /// All that CI runs, cheapest first.
    Check,
}

fn main() -> anyhow::Result<()> {
    let cli = Cli::parse();
    let bars = progress::init();
    match cli.verb {
        Verb::Repro(args) => repro::run(&args, &bars),
        Verb::Verdict(args) => verdict::run(&args),
        Verb::Data(args) => data::run(&args, &bars),
        Verb::Bench(args) => bench::run(&args),
        Verb::Check => check::run(),
    }
}
