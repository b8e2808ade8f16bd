//! `cargo xtask`: the command line of the workspace, one file for each verb.
//!
//! Exit codes: 0 done, 1 failed, 2 wrong usage, 3 done but some cells diverged, 75 stopped on request
//! and saved (`resume` goes on).

#[macro_use]
mod print;

mod bench;
mod cancel;
mod check;
mod cluster;
mod compare;
mod completions;
mod data;
mod eta;
mod export;
mod model_arg;
mod notify;
mod progress;
mod ranks;
mod report;
mod repro;
mod resume;
mod runs;
mod slurm;
mod status;
mod train;
mod verdict;
mod verify;
mod work;

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};
use vr_bench::settings::Isa;
use vr_run::signals;

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Reproduce and extend variance-reduced optimisation of deep networks")]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Run an experiment of the paper; write figures, numbers and a report.
    Repro(Box<repro::Args>),
    /// Train as a file says; write figures, numbers and a report.
    Train(train::Args),
    /// The verdicts of finished runs in one table.
    Verdict(verdict::Args),
    /// Go on with a run where it stands.
    Resume(resume::Args),
    /// Bring a share of a run's cells to their ends, beside other processes.
    Work(work::Args),
    /// End what Slurm has of a run.
    Cancel(cancel::Args),
    /// How far runs are.
    Status(status::Args),
    /// Whether a run's folder is sound.
    Verify(verify::Args),
    /// What differs between runs: settings, results, costs.
    Compare(compare::Args),
    /// The numbers of runs as one table.
    Export(export::Args),
    /// A page about many runs, or about one.
    Report(report::Args),
    /// Import, fetch, verify or describe a data set.
    Data(data::Args),
    /// Time the engines.
    Bench(bench::Args),
    /// What a shell needs to complete verbs and options.
    Completions(completions::Args),
    /// All that CI runs, cheapest first.
    #[command(after_help = "Examples:
  cargo xtask check
  cargo xtask check && git push")]
    Check,
}

/// What clap exits with as well.
const WRONG_USAGE: u8 = 2;

fn main() -> ExitCode {
    let cli = Cli::parse();
    match Isa::from_environment() {
        Ok(isa) => isa.choose(),
        Err(error) => {
            print::complain(format_args!("Error: VR_ISA: {error}"));
            return ExitCode::from(WRONG_USAGE);
        }
    }
    let bars = progress::init();
    let done = |()| ExitCode::SUCCESS;
    let ended = match cli.verb {
        Verb::Repro(args) => args.notify.after(|| repro::run(&args, &bars)),
        Verb::Train(args) => args.notify.after(|| train::run(&args, &bars)),
        Verb::Verdict(args) => verdict::run(&args).map(done),
        Verb::Resume(args) => args.notify.after(|| resume::run(&args, &bars)),
        Verb::Work(args) => work::run(&args, &bars),
        Verb::Cancel(args) => cancel::run(&args).map(done),
        Verb::Status(args) => status::run(&args).map(done),
        Verb::Verify(args) => verify::run(&args).map(done),
        Verb::Compare(args) => compare::run(&args).map(done),
        Verb::Export(args) => export::run(&args).map(done),
        Verb::Report(args) => report::run(&args).map(done),
        Verb::Data(args) => data::run(&args, &bars).map(done),
        Verb::Bench(args) => bench::run(&args).map(done),
        Verb::Completions(args) => completions::run(&args, &mut Cli::command()).map(done),
        Verb::Check => check::run().map(done),
    };
    ended.unwrap_or_else(|error| {
        bars.done();
        print::complain(format_args!("Error: {error}"));
        // The causes alone: a back trace says nothing to whoever gave the command.
        error.chain().skip(1).for_each(|cause| print::complain(format_args!("  since: {cause}")));
        if notify::is_stopped(&error) { ExitCode::from(signals::RESUMABLE) } else { ExitCode::FAILURE }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Commands in the middle of a line and in blocks, up to a comment.
    #[test]
    fn the_commands_of_the_gallery_are_commands() {
        let text = include_str!("../../docs/gallery.md");
        let commands = text.split("cargo xtask ").skip(1).map(|rest| rest.split(['`', '\n', '#']).next().unwrap());
        let mut count = 0;
        for command in commands {
            let words = std::iter::once("xtask").chain(command.split_whitespace());
            Cli::try_parse_from(words).unwrap_or_else(|error| panic!("{command}: {error}"));
            count += 1;
        }
        assert!(count > 15, "{count} commands");
    }

    /// The commands of an example, without where the shell puts what they print.
    fn commands(line: &str) -> Vec<Vec<String>> {
        let alone = line.split(" > ").next().unwrap_or_default();
        let words = |command: &str| command.split_whitespace().map(|word| word.replace('\'', "")).collect();
        alone.split(" && ").map(words).filter(|words: &Vec<String>| words.len() > 2 && words[0] == "cargo").collect()
    }

    #[test]
    fn every_verb_shows_examples_that_the_parser_takes() {
        let all = Cli::command();
        all.clone().debug_assert();
        for verb in all.get_subcommands() {
            let name = verb.get_name();
            let help = verb.get_after_help().map(ToString::to_string).unwrap_or_default();
            let examples: Vec<&str> = help.strip_prefix("Examples:\n").unwrap_or_default().lines().collect();
            assert!(examples.len() >= 2, "{name}: {help:?}");
            for example in examples {
                let commands = commands(example);
                assert!(commands.first().is_some_and(|words| words[2] == name), "{name}: {example}");
                for words in commands {
                    assert!(["xtask", "xtask-full", "xtask-cuda"].contains(&words[1].as_str()), "{example}");
                    if let Err(error) = Cli::try_parse_from(&words[1..]) {
                        panic!("{example}: {error}");
                    }
                }
            }
        }
    }
}
