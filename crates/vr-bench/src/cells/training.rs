//! A cell's training: the pair of network and loader that it drives, and its test error.

use vr_core::{Batch, MinibatchSource};
use vr_data::{ImageSet, Loader, LoaderConfig, Transforms, test_batch};
use vr_models::{Engine, Graph, initialize};
use vr_optim::ranks::Hand;
use vr_optim::{Clock, NormTrack, TestSet, Training};
use vr_run::CellError;

use crate::cell::Cell;
use crate::data::LoadedData;
use crate::engine::engine;
use crate::error::BenchError;
use crate::paper::schedule::Unit;
use crate::settings::Settings;

/// Minibatches that are prepared while gradients are computed. All cores compute gradients, so a thread that prepares what
/// lies in memory would only take their time; what is on disk has to be waited for.
const AHEAD_IN_MEMORY: usize = 0;
const AHEAD_ON_DISK: usize = 2;

/// A cell's training.
pub(crate) type Run = Training<Engine, Loader>;

/// A cell's network and minibatches.
fn evaluated_with(
    settings: &Settings,
    data: &LoadedData,
    cell: &Cell,
    graph: Graph,
) -> Result<(Engine, Loader), BenchError> {
    let engine = engine(settings.engine, graph)?;
    let config = LoaderConfig {
        batch_size: settings.batch_size,
        transforms: data.training(cell.model, cell.augmentation),
        seed: cell.seed,
        prefetch_depth: if data.train.pixels().is_some() { AHEAD_IN_MEMORY } else { AHEAD_ON_DISK },
        ..LoaderConfig::default()
    };
    let loader = Loader::new(data.train.clone(), config).map_err(|e| BenchError::Data(Box::new(e)))?;
    Ok((engine, loader))
}

/// What a rank that serves a cell's root evaluates with.
///
/// # Errors
/// When the data do not fit the network.
pub(crate) fn hand<'a>(
    settings: &'a Settings,
    data: &'a LoadedData,
    cell: &'a Cell,
) -> Result<Hand<'a, Engine, Loader>, BenchError> {
    let graph = cell.model.graph().map_err(|e| BenchError::Model(Box::new(e)))?;
    let (oracle, source) = evaluated_with(settings, data, cell, graph)?;
    let sets: Vec<_> = std::iter::once(&data.test).chain(&data.validation).collect();
    let transforms = data.testing(cell.model);
    let test = move |set: u32, minibatch| match sets.get(set as usize) {
        Some(pictures) => read_test(pictures, &transforms, settings.batch_size, minibatch),
        None => Err(format!("there is no test set {set}").into()),
    };
    Ok(Hand { oracle, source, test: Box::new(test) })
}

/// A cell's training before its first step.
///
/// # Errors
/// When the data do not fit the network.
pub(crate) fn begin(settings: &Settings, data: &LoadedData, cell: &Cell) -> Result<Run, BenchError> {
    let graph = cell.model.graph().map_err(|e| BenchError::Model(Box::new(e)))?;
    let x = initialize(&graph, cell.seed);
    let (engine, loader) = evaluated_with(settings, data, cell, graph)?;
    let estimator = cell.estimator_within(settings, x.len(), loader.minibatches());
    let run = Training::new(engine, loader, x, estimator.build())
        .map_err(|e| cell.failed(1, e))?
        .with_rule(cell.rule.build())
        .with_locking(cell.locking)
        .with_norm_policies(&cell.policies)
        .in_parallel();
    Ok(match cell.schedule.by {
        Unit::Gradient => {
            let schedule = cell.schedule.in_steps(run.minibatches());
            run.with_schedule(schedule).with_clock(Clock::Gradients)
        }
        Unit::Step | Unit::Epoch => {
            let schedule = cell.schedule.in_steps(run.steps_per_epoch());
            run.with_schedule(schedule)
        }
    })
}

/// What a test comes to.
pub(crate) struct Test {
    /// Mean loss.
    pub loss: f64,
    /// Misclassified pictures, in percent.
    pub error: f64,
    /// Pictures whose class is not among the five likeliest, in percent; `None` where there are no more than five.
    pub error_top5: Option<f64>,
}

/// Mean loss and error in percent on the pictures of a test set, 0 for the test pictures and 1 for those held out, with a
/// track's running statistics.
pub(crate) fn test(
    run: &Run,
    track: &NormTrack<f32>,
    data: &LoadedData,
    (number, pictures): (u32, &ImageSet),
    cell: &Cell,
    batch_size: usize,
) -> Result<Test, CellError> {
    let transforms = data.testing(cell.model);
    let read = |minibatch| read_test(pictures, &transforms, batch_size, minibatch);
    let minibatches = pictures.len().div_ceil(batch_size) as u32;
    let evaluations = run.test(&TestSet { number, minibatches, read: &read }, &track.running)?;
    let samples: usize = evaluations.iter().map(|e| e.samples).sum();
    let correct: usize = evaluations.iter().filter_map(|e| e.correct).sum();
    let correct_top5: Option<usize> = evaluations.iter().map(|e| e.correct_top5).sum();
    let loss: f64 = evaluations.iter().map(|e| e.loss * e.samples as f64).sum();
    let samples = samples.max(1) as f64;
    let error = |correct: usize| 100.0 * (1.0 - correct as f64 / samples);
    Ok(Test { loss: loss / samples, error: error(correct), error_top5: correct_top5.map(error) })
}

fn read_test(
    pictures: &ImageSet,
    transforms: &Transforms,
    batch_size: usize,
    minibatch: u32,
) -> Result<Batch, CellError> {
    let batch = test_batch(pictures, transforms, batch_size, minibatch as usize);
    batch.map_err(|e| BenchError::Data(Box::new(e)).into())
}
