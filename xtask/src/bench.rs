//! `cargo xtask bench`: how fast the engines and the loader are, and what ranks would gain.

use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};
use clap::{Parser, Subcommand};
use vr_bench::settings::{DataChoice, EngineKind, Isa, Model, Settings};
use vr_bench::timing::epoch::{EpochTimings, epoch_timings};
use vr_bench::timing::loading::{LoadingTime, loading_time};
use vr_bench::timing::ranks::{Cluster, SharedPass};
use vr_bench::timing::step::{StepTime, step_time};

use crate::model_arg::ModelParser;
use crate::print::aligned;

/// What to time.
#[derive(Parser)]
#[command(after_help = "Examples:
  cargo xtask bench step --model lenet
  cargo xtask bench epoch --train-size 2000 --json")]
pub struct Args {
    /// Instruction set of the cpu engine: avx512, avx2, neon or scalar; by default the fastest one here.
    #[arg(long, global = true)]
    isa: Option<Isa>,
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
        /// What computes the gradients: cpu, candle, or a GPU as cuda:0.
        #[arg(long, visible_alias = "device", default_value = "cpu")]
        engine: EngineKind,
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
        /// A set as `repro --data` names it.
        #[arg(long, default_value = "synthetic")]
        data: String,
        /// Take a class-balanced subset of the training pictures.
        #[arg(long)]
        train_size: Option<usize>,
        /// Epochs of each kind.
        #[arg(long, default_value_t = 3)]
        rounds: usize,
        /// What computes the gradients: cpu, candle, or a GPU as cuda:0.
        #[arg(long, visible_alias = "device", default_value = "cpu")]
        engine: EngineKind,
        /// Threads; by default one for each core.
        #[arg(long)]
        threads: Option<usize>,
        /// Print one JSON object.
        #[arg(long)]
        json: bool,
    },
    /// What sharing out over ranks would cost and gain, on paper, for each network in the paper's setting; see docs/ranks.md.
    Ranks {
        /// Ranks.
        #[arg(long, default_value_t = 64)]
        ranks: usize,
        /// Gbit a second that reach the root.
        #[arg(long, default_value_t = 10.0)]
        gbit: f64,
        /// GFLOP a second that a rank computes: `bench step` measures it.
        #[arg(long, default_value_t = 1000.0)]
        gflops: f64,
        /// Microseconds of a message's way.
        #[arg(long, default_value_t = 50.0)]
        latency: f64,
        /// Nanoseconds for each parameter of a gradient to pack, unpack and add up.
        #[arg(long, default_value_t = 5.0)]
        handling: f64,
        /// Print one JSON object for each network.
        #[arg(long)]
        json: bool,
    },
    /// Reading, decoding and transforming pictures in files.
    Loading {
        /// An imported set of pictures, or a folder with train/CLASS/ and val/CLASS/.
        #[arg(long, default_value = "data/imagenet")]
        data: PathBuf,
        /// Rows and columns that come out.
        #[arg(long, default_value_t = 224)]
        picture_size: usize,
        /// For about how long.
        #[arg(long, default_value_t = 5.0)]
        seconds: f64,
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
    if let Some(isa) = args.isa {
        isa.choose();
    }
    match &args.what {
        What::Step { model, batch, engine, threads, json } => {
            ensure!(*batch > 0, "--batch 0: a minibatch has at least one picture");
            use_threads(*threads)?;
            step(&step_time(*model, *engine, *batch)?, *json)
        }
        What::Epoch { model, data, train_size, rounds, engine, threads, json } => {
            use_threads(*threads)?;
            let data = DataChoice::named(data);
            let (model, engine, train_size) = (*model, *engine, *train_size);
            let settings = Settings { model, engine, data, train_size, ..Settings::default() };
            epoch(&epoch_timings(&settings, &settings.load()?, *rounds)?, *json)
        }
        What::Ranks { ranks, gbit, gflops, latency, handling, json } => {
            ensure!(*ranks > 0 && *gbit > 0.0 && *gflops > 0.0, "--ranks, --gbit and --gflops must be above 0");
            ensure!(*latency >= 0.0 && *handling >= 0.0, "--latency and --handling must not be below 0");
            let (latency, handling) = (1e-6 * latency, 1e-9 * handling);
            shared_passes(&Cluster { ranks: *ranks, gflops: *gflops, gbit: *gbit, latency, handling }, *json)
        }
        What::Loading { data, picture_size, seconds, threads, json } => {
            ensure!(*picture_size > 0, "--picture-size 0: a picture has at least one pixel");
            use_threads(*threads)?;
            loading(&loading_time(pictures(data)?, *picture_size, *seconds)?, *json)
        }
    }
}

/// The training pictures of a list or folder.
fn pictures(data: &Path) -> Result<vr_data::ImageSet> {
    if vr_data::picture_list::is_list(data) {
        return Ok(vr_data::picture_list::open(data)?.train);
    }
    Ok(vr_data::image_folder(data)?.set.train)
}

fn shared_passes(cluster: &Cluster, json: bool) -> Result<()> {
    let passes = Model::ALL.into_iter().map(|model| SharedPass::of(model, cluster)).collect::<Result<Vec<_>, _>>()?;
    if json {
        for pass in &passes {
            say!("{}", serde_json::to_string(pass)?)?;
        }
        return Ok(());
    }
    let headings = [
        "network",
        "parameters",
        "minibatches",
        "a gradient",
        "its way",
        "to the root a pass",
        "pass",
        "at most",
        "SVRG's epoch",
        "pays above",
    ];
    let rows = passes.iter().map(|pass| {
        let gbit = pass.least_gbit.map_or("never".into(), |least| format!("{least:.2} Gbit/s"));
        vec![
            pass.model.clone(),
            pass.parameters.to_string(),
            format!("{} of {}", pass.minibatches, pass.batch),
            format!("{:.1} ms", 1e3 * pass.compute),
            format!("{:.2} ms", 1e3 * pass.carry),
            format!("{:.2} GB", 1e-9 * pass.bytes),
            format!("{:.1} times", pass.gain),
            format!("{:.0}", pass.limit),
            format!("{:.2} times", pass.epoch_gain),
            gbit,
        ]
    });
    say!("{}", aligned(&headings.map(str::to_owned), &rows.collect::<Vec<_>>()))?;
    Ok(())
}

fn loading(time: &LoadingTime, json: bool) -> Result<()> {
    if json {
        say!("{}", serde_json::to_string(time)?)?;
        return Ok(());
    }
    let LoadingTime { isa, picture_size, pictures, threads, epochs, pictures_per_second, pictures_per_core_second } =
        time;
    say!("{pictures} pictures to {picture_size}×{picture_size} ({isa}), {threads} threads, {epochs} epochs")?;
    let core = pictures_per_core_second.map_or("".into(), |speed| format!(", {speed:.0} a second of a core"));
    say!("{pictures_per_second:.0} pictures a second{core}")?;
    Ok(())
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
    let EpochTimings { model, engine, isa, train_size, minibatches, threads, .. } = times;
    say!("{model}, {train_size} pictures (m = {minibatches}), engine {engine} ({isa}), {threads} threads")?;
    say!("sgd                {:8.3} s", times.sgd_s)?;
    say!("svrg, recomputed   {:8.3} s, {:.2} times sgd's", times.recomputed_s, times.recomputed_ratio)?;
    say!("svrg, stored       {:8.3} s, {:.2} times sgd's", times.stored_s, times.stored_ratio)?;
    let scaling = 100.0 * times.variance_pass_scaling;
    say!("variance pass      {:8.3} s, {scaling:.0} % of perfect scaling", times.variance_pass_s)?;
    let share = 100.0 * times.loading_share;
    say!("loading            {:8.3} s of one thread, {share:.1} % of sgd's", times.loading_one_thread_s)?;
    Ok(())
}
