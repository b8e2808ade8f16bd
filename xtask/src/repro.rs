//! `cargo xtask repro`: run an experiment.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use clap::builder::{PossibleValue, PossibleValuesParser};
use clap::{Parser, ValueEnum};
use vr_bench::BenchError;
use vr_bench::config::TrainConfig;
use vr_bench::destination::{Destination, RunsFolder};
use vr_bench::experiments::{self, Concluded, Experiment, Prepared, alpha_svrg, compare, self_tuning};
use vr_bench::measure::Places;
use vr_bench::results::Divergence;
use vr_bench::results::cost::{Cost, HEADINGS, costs};
use vr_bench::results::ranking::{Ranked, Ranking};
use vr_bench::run_dir::Record;
use vr_bench::settings::{Budget, Comparison, DataChoice, EngineKind, Grid, Model, Options, Scale, Settings, Version};
use vr_run::{CheckpointPolicy, signals};

use crate::cluster::Cluster;
use crate::model_arg::ModelParser;
use crate::notify::Notify;
use crate::print::{self, aligned};
use crate::progress::Bars;
use crate::ranks;

/// What to run, on what, for how long.
///
/// Without --scale a run is the beginning of the paper's: 3 epochs of its 250-epoch schedule, or
/// --epochs, on all pictures. --scale compresses the schedule in proportion and may take fewer pictures
/// and smaller minibatches, as the network's cost demands; --epochs, --schedule-epochs, --train-size,
/// --test-size, --batch-size and --every change its numbers one by one. `quick` has a size of its own: 6
/// epochs of 7,000 pictures at a learning rate of 0.02, seeds 0 to 3, measured in every third epoch.
#[derive(Parser)]
#[command(after_help = "Examples:
  cargo xtask repro quick
  cargo xtask repro variance-ratio --model lenet --data cifar10 --epochs 3 --seeds 0..3")]
pub struct Args {
    /// The experiment; `all` runs every one into a folder of its own.
    #[arg(value_parser = names())]
    experiment: String,
    /// `synthetic`; `cifar10`, `imagenet` or `imagenette` in data/; or a folder of an imported set. Pictures of any size
    /// are brought to the network's, the synthetic ones among them.
    #[arg(long, default_value = "synthetic")]
    data: String,
    /// So many of the set's classes, the same ones every time, and a network that tells as many apart.
    #[arg(long, value_name = "N")]
    classes: Option<usize>,
    /// Rows and columns of the pictures that the network takes.
    #[arg(long, value_name = "N")]
    picture_size: Option<usize>,
    /// Class-balanced subset of the training pictures.
    #[arg(long)]
    train_size: Option<usize>,
    /// Class-balanced subset of the test pictures.
    #[arg(long)]
    test_size: Option<usize>,
    /// Class-balanced pictures to hold out of the training set and test on by themselves; by default none, and 1000 to compare, which
    /// chooses learning rates by them.
    #[arg(long, value_name = "N")]
    validation: Option<usize>,
    /// The network; by default the experiment's own: for geometry LeNet and densenet-40-36, for others LeNet.
    #[arg(long, value_parser = ModelParser)]
    model: Option<Model>,
    /// What computes the gradients: kernels of our own (cpu), candle's autograd (candle), or a GPU (cuda:0).
    #[arg(long, visible_alias = "device", default_value = "cpu")]
    engine: EngineKind,
    /// How much of the paper's experiment.
    #[arg(long, value_enum)]
    scale: Option<ScaleArg>,
    /// Epochs to run: the first ones of the schedule. To compare they are SGD's, and a budget as `--budget 30epochs` is.
    #[arg(long)]
    epochs: Option<usize>,
    /// What each method that compare compares may spend: minibatch gradients as in `12000`, of which whole epochs of SGD are taken, or
    /// the gradients of epochs of SGD as in `30epochs`. The schedule is compressed to them.
    #[arg(long, conflicts_with_all = ["epochs", "schedule_epochs"])]
    budget: Option<Budget>,
    /// Epochs that the paper's schedule of 250 is compressed to.
    #[arg(long)]
    schedule_epochs: Option<usize>,
    /// Learning rate before its first drop; by default the paper's for the experiment and the network, times
    /// the batch size over 128.
    #[arg(long, value_parser = above_zero)]
    learning_rate: Option<f64>,
    /// What to follow where text and released code differ.
    #[arg(long = "as", value_enum, default_value = "released")]
    version: VersionArg,
    /// Seeds: a number, a list `0,3,5`, or a range `0..10`; by default 0.
    #[arg(long)]
    seeds: Option<String>,
    /// Pictures in a minibatch; 128 without --scale.
    #[arg(long)]
    batch_size: Option<usize>,
    /// Where in the epoch variance-ratio measures.
    #[arg(long, value_enum, default_value = "paper")]
    places: PlacesArg,
    /// Keep gradient tables in bfloat16: half the memory, rounded.
    #[arg(long)]
    bf16_tables: bool,
    /// Measure in every N-th epoch; in every one without --scale.
    #[arg(long, value_name = "N")]
    every: Option<usize>,
    /// What compare compares, in a list: sgd, svrg, svrg-stored, alpha-svrg, self-tuning, l-svrg, adasvrg, scsg, saga, sarah, page, zero-sarah, storm, adamw,
    /// mars-adamw, self-tuning-adamw; by default sgd,svrg-stored,self-tuning.
    #[arg(long, value_delimiter = ',', value_parser = methods())]
    methods: Vec<String>,
    /// The learning rates that compare and alpha-svrg try for each method: multiples of its usual one, by default 0.5,1,2, or the
    /// same for all, as in `learning-rate=0.01,0.03,0.1`. Each runs with --tuning-seeds, which choose one; --seeds run at that alone.
    #[arg(long, value_name = "RATES")]
    tune: Option<Grid>,
    /// The seeds that choose the learning rates, apart from --seeds; by default 1000.
    #[arg(long)]
    tuning_seeds: Option<String>,
    /// The run folder; by default `runs/EXPERIMENT-N` with the first N that is free, or that this command left
    /// unfinished. In the folder of an earlier run of the experiment, only what is new or unfinished runs.
    #[arg(long)]
    out: Option<PathBuf>,
    /// Run again what is finished, too.
    #[arg(long, requires = "out")]
    force: bool,
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

/// How the work is done; results do not depend on it.
#[derive(clap::Args)]
pub struct Execution {
    /// Cells to run at once, each on its share of the cores; by default 1, and 2 of `repro quick`.
    #[arg(long, value_name = "N")]
    jobs: Option<usize>,
    /// Keep a gradient table of more than so many MiB in a file in the run's folder.
    #[arg(long, value_name = "MIB")]
    table_limit: Option<u64>,
    /// Keep so many MiB of decoded pictures in memory, of sets that are read from files.
    #[arg(long, value_name = "MIB")]
    picture_limit: Option<u64>,
    /// Write event files for TensorBoard to RUN/tensorboard as the run goes.
    #[arg(long)]
    tensorboard: bool,
    /// Save after this many minutes; by default 5.
    #[arg(long, value_name = "MINUTES", value_parser = above_zero)]
    save_minutes: Option<f64>,
    /// Save after this many steps, too.
    #[arg(long, value_name = "STEPS")]
    save_steps: Option<u64>,
    /// Checkpoints to keep of each cell; by default 2.
    #[arg(long, value_name = "N")]
    keep: Option<usize>,
    /// Keep the first checkpoint of every so many epochs for good.
    #[arg(long, value_name = "EPOCHS")]
    keep_epochs: Option<usize>,
}

impl Execution {
    /// The settings of a run with what was given in place of their own.
    pub fn settings(&self, mut settings: Settings) -> Settings {
        self.apply(&mut settings.checkpoints, &mut settings.jobs);
        let bytes = |mib: u64| mib.saturating_mul(1 << 20);
        settings.tensorboard |= self.tensorboard;
        // In the run's folder, once it is open.
        settings.table_limit = self.table_limit.map(|mib| (bytes(mib), PathBuf::new()));
        settings.picture_limit = self.picture_limit.map(bytes);
        settings
    }

    /// The configuration with what was given in place of its own.
    pub fn config(&self, mut config: TrainConfig) -> TrainConfig {
        self.apply(&mut config.checkpoints, &mut config.jobs);
        config.tensorboard |= self.tensorboard;
        config.table_limit_mib = self.table_limit.or(config.table_limit_mib);
        config.picture_limit_mib = self.picture_limit.or(config.picture_limit_mib);
        config
    }

    /// What was given, as arguments of another command.
    pub fn arguments(&self) -> Vec<String> {
        fn said(option: &str, value: Option<impl std::fmt::Display>) -> Option<String> {
            value.map(|value| format!("--{option}={value}"))
        }
        [
            said("jobs", self.jobs),
            said("table-limit", self.table_limit),
            said("picture-limit", self.picture_limit),
            said("save-minutes", self.save_minutes),
            said("save-steps", self.save_steps),
            said("keep", self.keep),
            said("keep-epochs", self.keep_epochs),
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    fn apply(&self, checkpoints: &mut CheckpointPolicy, jobs: &mut usize) {
        *checkpoints = CheckpointPolicy {
            every_steps: self.save_steps.or(checkpoints.every_steps),
            every: match self.save_minutes {
                // Longer than a duration can be is never.
                Some(minutes) => Duration::try_from_secs_f64(60.0 * minutes).ok(),
                None => checkpoints.every,
            },
            latest: self.keep.unwrap_or(checkpoints.latest),
            keep_epochs: self.keep_epochs.or(checkpoints.keep_epochs),
        };
        *jobs = self.jobs.unwrap_or(*jobs);
    }
}

const ALL: &str = "all";

/// Seeds that one command may ask for.
const MOST_SEEDS: u64 = 10_000;

/// Exit code when all cells came to an end, but some of them by diverging.
const DIVERGED: u8 = 3;

fn names() -> PossibleValuesParser {
    let one = |experiment: &Experiment| PossibleValue::new(experiment.name).help(experiment.summary);
    let all = PossibleValue::new(ALL).help("Every experiment of the paper");
    PossibleValuesParser::new(experiments::ALL.iter().map(one).chain([all]))
}

#[derive(Clone, Copy, ValueEnum)]
enum ScaleArg {
    /// 10 epochs, 2,560 pictures in minibatches of 64; large networks: 4, 160, 16.
    Quick,
    /// 15 epochs, 20,000 pictures in minibatches of 128; large networks: 10, 2,560, 32.
    Reduced,
    /// 250 epochs, all pictures in minibatches of 128.
    Paper,
}

impl ScaleArg {
    fn of(self) -> Scale {
        match self {
            Self::Quick => Scale::Quick,
            Self::Reduced => Scale::Reduced,
            Self::Paper => Scale::Paper,
        }
    }
}

#[derive(Clone, Copy, ValueEnum)]
enum VersionArg {
    /// The code: epochs 150 and 225 are the first at a lower rate, SVRG's snapshot for variances at a moving average.
    Released,
    /// The text: second drop after epoch 220, snapshots at the last iterate, SCSG as first published.
    Described,
}

#[derive(Clone, Copy, ValueEnum)]
enum PlacesArg {
    /// 0, 2, 11, 33 and 100 %.
    Paper,
    /// Every tenth.
    Deciles,
}

impl Args {
    /// The network that is asked about.
    fn model(&self, experiment: &Experiment) -> Result<Model> {
        let model = self.model.unwrap_or(experiment.model);
        let Options { picture: [channels, rows, columns], classes, .. } = model.options();
        let picture = self.picture_size.map_or([channels, rows, columns], |side| [channels, side, side]);
        Ok(model.for_pictures(picture, self.classes.unwrap_or(classes))?)
    }

    fn settings(&self, experiment: &Experiment) -> Result<Settings> {
        let model = self.model(experiment)?;
        let size = self.scale.map(|scale| scale.of().size(model));
        let defaults = if size.is_none() { (experiment.settings)(model) } else { Settings::of(model) };
        anyhow::ensure!(
            self.budget.is_none() || experiment.name == compare::EXPERIMENT.name,
            "--budget is of `compare`, not of `{}`, which takes --epochs",
            experiment.name
        );
        let paid = match self.budget {
            Some(Budget::Epochs(epochs)) => Some(epochs),
            Some(Budget::Gradients(_)) | None => None,
        };
        let schedule_epochs = paid.or(self.schedule_epochs).or(size.map(|size| size.epochs));
        let epochs = self.epochs.or(schedule_epochs).unwrap_or(defaults.epochs);
        let schedule_epochs = schedule_epochs.unwrap_or(defaults.schedule_epochs);
        let batch_size = self.batch_size.or(size.map(|size| size.batch)).unwrap_or(defaults.batch_size);
        let (built, alias) = match self.engine {
            EngineKind::Cpu => (true, "xtask"),
            EngineKind::Candle => (cfg!(feature = "candle"), "xtask-full"),
            EngineKind::Cuda(_) => (cfg!(feature = "cuda"), "xtask-cuda"),
        };
        anyhow::ensure!(
            built,
            "--engine {} is not in this build; `cargo {alias} repro …` builds it in and takes the same arguments",
            self.engine
        );
        anyhow::ensure!(epochs > 0 && batch_size > 0, "--epochs and --batch-size must be at least 1");
        anyhow::ensure!(
            epochs <= schedule_epochs,
            "--epochs {epochs}: the schedule ends after {schedule_epochs}; --schedule-epochs sets its length"
        );
        Ok(Settings {
            data: DataChoice::named(&self.data),
            classes: self.classes,
            train_size: self.train_size.or(size.map_or(defaults.train_size, |size| size.train)),
            bf16_tables: self.bf16_tables,
            validation: self.validation.or((experiment.settings)(model).validation),
            test_size: self.test_size.or(size.and_then(|size| size.test)),
            model,
            engine: self.engine,
            epochs,
            schedule_epochs,
            learning_rate: self.learning_rate.or(defaults.learning_rate),
            version: match self.version {
                VersionArg::Released => Version::Released,
                VersionArg::Described => Version::Described,
            },
            seeds: self.seeds.as_deref().map_or(Ok(defaults.seeds), seeds)?,
            batch_size,
            places: match self.places {
                PlacesArg::Paper => Places::Paper,
                PlacesArg::Deciles => Places::Deciles,
            },
            every: self.every.or(size.map(|size| size.every)).unwrap_or(defaults.every).max(1),
            comparison: self.comparison()?,
            // Ranks work on one cell at a time.
            jobs: if self.ranks.asked() { 1 } else { defaults.jobs },
            ..Settings::default()
        })
    }
}

impl Args {
    fn comparison(&self) -> Result<Comparison> {
        let Comparison { methods, rates, tuning_seeds, .. } = Comparison::default();
        Ok(Comparison {
            methods: if self.methods.is_empty() { methods } else { self.methods.clone() },
            rates: self.tune.clone().unwrap_or(rates),
            tuning_seeds: self.tuning_seeds.as_deref().map_or(Ok(tuning_seeds), seeds)?,
            budget: match self.budget {
                Some(Budget::Gradients(gradients)) => Some(gradients),
                Some(Budget::Epochs(_)) | None => None,
            },
        })
    }
}

fn methods() -> PossibleValuesParser {
    PossibleValuesParser::new(compare::METHODS.iter().map(|method| method.name))
}

/// A number above 0 that is finite.
fn above_zero(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(number) if number > 0.0 && number.is_finite() => Ok(number),
        Ok(number) => Err(format!("is {number}; expected a finite number above 0")),
        Err(_) => Err("expected a number".into()),
    }
}

/// `3`, `0,2,5` or `0..10`.
pub fn seeds(text: &str) -> Result<Vec<u64>> {
    let number = |t: &str| t.trim().parse::<u64>().with_context(|| format!("`{t}` in --seeds is not a number"));
    let seeds = match text.split_once("..") {
        Some((from, to)) => {
            let (from, to) = (number(from)?, number(to)?);
            let count = to.saturating_sub(from);
            anyhow::ensure!(count <= MOST_SEEDS, "--seeds `{text}` names {count} seeds; expected at most {MOST_SEEDS}");
            (from..to).collect()
        }
        None => text.split(',').map(number).collect::<Result<Vec<_>>>()?,
    };
    anyhow::ensure!(!seeds.is_empty(), "--seeds `{text}` names no seed");
    let twice = seeds.iter().enumerate().find(|(i, seed)| seeds[..*i].contains(seed));
    anyhow::ensure!(twice.is_none(), "--seeds `{text}` names a seed twice");
    Ok(seeds)
}

/// Where runs go that are given no folder.
const RUNS: &str = "runs";

/// The folder that was named, or the first in `runs/` that has room.
pub fn destination(out: Option<&Path>) -> Destination<'_> {
    out.map_or(Destination::FirstIn(Path::new(RUNS)), Destination::At)
}

/// Runs the experiment, or all of them.
pub fn run(args: &Args, bars: &Bars) -> Result<ExitCode> {
    signals::listen(bars.stop())?;
    let destination = destination(args.out.as_deref());
    let settings =
        |experiment: &Experiment| Ok::<_, anyhow::Error>(args.execution.settings(args.settings(experiment)?));
    match experiments::find(&args.experiment) {
        Some(experiment) if args.cluster.is_named() => {
            let prepared = Prepared::experiment(experiment, &settings(experiment)?)?;
            args.cluster.submit(&prepared, destination, args.force, &args.execution.arguments())
        }
        Some(experiment) => {
            let prepare = || Ok(Prepared::experiment(experiment, &settings(experiment)?)?);
            let lead = |run: &Prepared| report(bars, || run.run(destination, args.force, bars));
            args.ranks.join(1)?.work(prepare, lead)
        }
        None if args.cluster.is_named() => anyhow::bail!("--on takes one experiment at a time, not `{ALL}`"),
        // `quick` repeats parts of others, and three are not the paper's.
        None => {
            let left_out =
                [experiments::quick::EXPERIMENT, self_tuning::EXPERIMENT, compare::EXPERIMENT, alpha_svrg::EXPERIMENT];
            let asked = |experiment: &&Experiment| {
                left_out.iter().all(|other| other.name != experiment.name)
                    && args.model.is_none_or(|model| experiment.asks_about(model))
            };
            let all = experiments::ALL.iter().filter(asked);
            let all: Vec<_> = all.map(|one| Ok((one, settings(one)?))).collect::<Result<_>>()?;
            args.ranks.join(all.len())?;
            run_all(&all, destination, args.force, bars)
        }
    }
}

/// Runs the experiments one after another, each in a folder of its own within one.
fn run_all(all: &[(&Experiment, Settings)], to: Destination<'_>, forgotten: bool, bars: &Bars) -> Result<ExitCode> {
    experiments::check(all)?;
    let record = |(experiment, settings): &(&Experiment, Settings)| Record::of_experiment(experiment.name, settings);
    let runs = RunsFolder::begin(to, &all.iter().map(record).collect::<Vec<_>>())?;
    let one = |(experiment, settings): &(&Experiment, Settings)| {
        let out = runs.path().join(experiment.name);
        report(bars, || experiments::run(experiment, settings, &out, forgotten, bars))
            .with_context(|| format!("`cargo xtask resume {}` goes on with all", runs.path().display()))
    };
    in_turn(all, one)
}

/// Does one after another; the exit code is that of the last that is no success.
pub fn in_turn<T>(all: &[T], one: impl Fn(&T) -> Result<ExitCode>) -> Result<ExitCode> {
    all.iter().try_fold(ExitCode::SUCCESS, |code, each| {
        let ended = one(each)?;
        Ok(if ended == ExitCode::SUCCESS { code } else { ended })
    })
}

/// Does the work and prints what came of it.
pub fn report(bars: &Bars, work: impl FnOnce() -> Result<Concluded, BenchError>) -> Result<ExitCode> {
    let started = Instant::now();
    let finished = work()?;
    bars.done();
    let result = &finished.result;
    say!("\n{} on {}: {} (m = {})", result.model, result.data.name, result.scale, result.minibatches)?;
    for verdict in &result.verdicts {
        say!(
            "{:17} {}\n                  expected {}; measured {}",
            verdict.outcome.to_string(),
            verdict.claim,
            verdict.expected,
            verdict.measured
        )?;
    }
    let rows: Vec<_> = costs(result, &finished.times).iter().map(|cost| Cost::row(cost).to_vec()).collect();
    say!("\n{}\n", aligned(&HEADINGS.map(str::to_owned), &rows))?;
    if let Some(ranking) = &result.ranking {
        print_ranking(ranking)?;
    }
    say!("report: {} ({:.0} s)", finished.report.display(), started.elapsed().as_secs_f64())?;
    for Divergence { method, seed, epoch } in &result.diverged {
        print::complain(format_args!("diverged: {method}, seed {seed}, in epoch {epoch}"));
    }
    // A run that only chose a learning rate may diverge.
    let lost = result.diverged.iter().any(|run| result.seeds.contains(&run.seed));
    Ok(if !lost { ExitCode::SUCCESS } else { ExitCode::from(DIVERGED) })
}

/// The settings of a grid, the best first.
fn print_ranking(ranking: &Ranking) -> Result<()> {
    let measure = ranking.by.to_string();
    let heads = ["setting", &measure, "standard error", "seeds", "diverged runs"].map(str::to_owned);
    let number = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), |value| format!("{value:.3}"));
    let row = |row: &Ranked| {
        let Ranked { method, mean, standard_error, seeds, diverged } = row;
        vec![method.clone(), number(*mean), number(*standard_error), seeds.to_string(), diverged.to_string()]
    };
    say!("{}", aligned(&heads, &ranking.settings.iter().map(row).collect::<Vec<_>>()))?;
    match ranking.best() {
        Some(best) => say!("best by {measure}: {}\n", best.method)?,
        None => {
            say!("no setting is the best by {measure}: each has a run that diverged, or none that can be ranked\n")?
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_and_times_are_finite_and_above_zero() {
        assert_eq!(above_zero("0.02"), Ok(0.02));
        for text in ["nan", "-0.1", "0", "inf", "-5", "much"] {
            above_zero(text).unwrap_err();
        }
    }

    /// The command that a report gives asks for the settings of its run.
    #[test]
    fn settings_come_back_from_their_arguments() {
        let mut all: Vec<(&str, Settings)> =
            experiments::ALL.iter().map(|one| (one.name, (one.settings)(one.model))).collect();
        let comparison = Comparison { budget: Some(12_000), ..Comparison::default() };
        all.push(("compare", Settings { comparison, validation: Some(1_000), ..Settings::default() }));
        all.push((
            "locking",
            Settings {
                data: DataChoice::named("data/my cifar10"),
                classes: Some(5),
                train_size: Some(2_000),
                validation: Some(50),
                test_size: Some(100),
                bf16_tables: true,
                model: "resnet:depth=8,classes=5,picture=3x48x48".parse().unwrap(),
                epochs: 4,
                schedule_epochs: 9,
                learning_rate: Some(0.015),
                version: Version::Described,
                seeds: vec![0, 7],
                batch_size: 96,
                places: Places::Deciles,
                every: 2,
                comparison: Comparison {
                    methods: vec!["scsg".into(), "sgd".into()],
                    rates: "learning-rate=0.25,1".parse().unwrap(),
                    tuning_seeds: vec![3, 4],
                    budget: None,
                },
                ..Settings::default()
            },
        ));
        for (experiment, settings) in all {
            let words = vr_bench::report::arguments(experiment, &settings);
            let args = Args::try_parse_from(std::iter::once("repro".to_owned()).chain(words)).unwrap();
            let again = args.settings(experiments::find(experiment).unwrap()).unwrap();
            let text = |settings: &Settings| serde_json::to_string(settings).unwrap();
            assert_eq!(text(&again), text(&settings), "{experiment}");
        }
    }

    #[test]
    fn seeds_are_lists_or_ranges() {
        assert_eq!(seeds("3").unwrap(), [3]);
        assert_eq!(seeds("0,2, 5").unwrap(), [0, 2, 5]);
        assert_eq!(seeds("1..4").unwrap(), [1, 2, 3]);
        assert!(seeds("1..1").is_err());
        assert!(seeds("0..1000000000000").unwrap_err().to_string().contains("at most 10000"));
        assert!(seeds("0,2,0").unwrap_err().to_string().contains("twice"));
        assert!(seeds("x").unwrap_err().to_string().contains("`x`"));
    }
}
