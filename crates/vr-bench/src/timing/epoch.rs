//! How long an epoch takes by each way of computing its gradients.

use std::time::Instant;

use serde::Serialize;
use vr_core::{MinibatchKey, MinibatchSource, Stream, TransformKey};
use vr_data::{Augmentation, Loader, LoaderConfig};
use vr_optim::Locking;

use crate::cell::Cell;
use crate::cells::training::{Run, begin};
use crate::data::LoadedData;
use crate::error::BenchError;
use crate::paper::methods;
use crate::settings::{Isa, Settings};

/// Times of whole epochs, in seconds; medians over the rounds.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct EpochTimings {
    /// The network.
    pub model: String,
    /// What computed it.
    pub engine: String,
    /// The instruction set of the cpu engine.
    pub isa: String,
    /// Training pictures.
    pub train_size: usize,
    /// Minibatches of an epoch, m.
    pub minibatches: usize,
    /// Threads.
    pub threads: usize,
    /// An epoch of SGD.
    pub sgd_s: f64,
    /// One of SVRG that recomputes the snapshot's gradients, its snapshot pass included.
    pub recomputed_s: f64,
    /// One of SVRG that stores them, likewise.
    pub stored_s: f64,
    /// `recomputed_s / sgd_s`.
    pub recomputed_ratio: f64,
    /// `stored_s / sgd_s`.
    pub stored_ratio: f64,
    /// A variance pass, with stored gradients: m gradients.
    pub variance_pass_s: f64,
    /// The same on one thread.
    pub variance_pass_one_thread_s: f64,
    /// How much of the threads the pass uses: the ratio of the two over the threads.
    pub variance_pass_scaling: f64,
    /// Loading an epoch's pictures with their transforms, on one thread.
    pub loading_one_thread_s: f64,
    /// Its share of the threads' time in an epoch of SGD.
    pub loading_share: f64,
}

/// Times epochs of each method in turn, `rounds` times after one to warm up.
///
/// # Errors
/// When the data do not fit the network, a run fails, or there is no thread to be had.
pub fn epoch_timings(settings: &Settings, data: &LoadedData, rounds: usize) -> Result<EpochTimings, BenchError> {
    // Inside the pool, as the cells of an experiment are.
    rayon::scope(|_| in_the_pool(settings, data, rounds))
}

fn in_the_pool(settings: &Settings, data: &LoadedData, rounds: usize) -> Result<EpochTimings, BenchError> {
    let cells =
        [methods::sgd(settings, 0), methods::recomputed(settings, 0), methods::stored(settings, Locking::Locked, 0)];
    let mut runs = Vec::new();
    for cell in &cells {
        let mut run = begin(settings, data, cell)?;
        epoch(cell, &mut run)?;
        runs.push((cell, run));
    }
    let one = rayon::ThreadPoolBuilder::new().num_threads(1).build().map_err(|e| BenchError::Model(e.into()))?;
    let mut times: [Vec<f64>; 6] = Default::default();
    for _ in 0..rounds.max(1) {
        for ((cell, run), times) in runs.iter_mut().zip(&mut times) {
            times.push(epoch(cell, run)?);
        }
        let (cell, run) = &mut runs[2];
        times[3].push(pass(cell, run)?);
        times[4].push(one.install(|| pass(cell, run))?);
        times[5].push(one.install(|| loading(settings, data))?);
    }
    let minibatches = runs[0].1.minibatches();
    let [sgd_s, recomputed_s, stored_s, variance_pass_s, variance_pass_one_thread_s, loading_one_thread_s] =
        times.map(median);
    let threads = rayon::current_num_threads();
    Ok(EpochTimings {
        model: settings.model.to_string(),
        engine: settings.engine.to_string(),
        isa: Isa::detect().name().into(),
        train_size: data.train.len(),
        minibatches,
        threads,
        sgd_s,
        recomputed_s,
        stored_s,
        recomputed_ratio: recomputed_s / sgd_s,
        stored_ratio: stored_s / sgd_s,
        variance_pass_s,
        variance_pass_one_thread_s,
        variance_pass_scaling: variance_pass_one_thread_s / variance_pass_s / threads as f64,
        loading_one_thread_s,
        loading_share: loading_one_thread_s / (threads as f64 * sgd_s),
    })
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

fn epoch(cell: &Cell, run: &mut Run) -> Result<f64, BenchError> {
    let started = Instant::now();
    run.epoch().map_err(|e| cell.failed(1, e))?;
    Ok(started.elapsed().as_secs_f64())
}

fn pass(cell: &Cell, run: &mut Run) -> Result<f64, BenchError> {
    let started = Instant::now();
    run.variance().map_err(|e| cell.failed(1, e))?;
    Ok(started.elapsed().as_secs_f64())
}

fn loading(settings: &Settings, data: &LoadedData) -> Result<f64, BenchError> {
    let config = LoaderConfig {
        batch_size: settings.batch_size,
        transforms: data.training(settings.model, Augmentation::Standard),
        prefetch_depth: 0,
        ..LoaderConfig::default()
    };
    let loader = Loader::new(data.train.clone(), config).map_err(|e| BenchError::Data(Box::new(e)))?;
    let started = Instant::now();
    let transform = TransformKey { stream: Stream::LockedTransform, generation: 0, visit: 0 };
    for index in 0..loader.minibatches() as u32 {
        let key = MinibatchKey { generation: 0, index, transform };
        loader.minibatch(key).map_err(|e| BenchError::Data(Box::new(e)))?;
    }
    Ok(started.elapsed().as_secs_f64())
}
