//! A cell's training: the pair of network and loader that it drives, and its test error.

use rayon::prelude::*;
use vr_core::{MinibatchSource, Normalization, Oracle};
use vr_data::{Loader, LoaderConfig, Transforms, test_batches};
use vr_models::{Engine, initialize};
use vr_optim::{NormTrack, Training};

use crate::cell::Cell;
use crate::data::LoadedData;
use crate::error::BenchError;
use crate::settings::Settings;

/// A cell's training.
pub(crate) type Run = Training<Engine, Loader>;

/// A cell's training before its first step.
///
/// # Errors
/// When the data do not fit the network.
pub(crate) fn begin(settings: &Settings, data: &LoadedData, cell: &Cell) -> Result<Run, BenchError> {
    let graph = cell.model.graph().map_err(|e| BenchError::Model(Box::new(e)))?;
    let x = initialize(&graph, cell.seed);
    let engine = Engine::new(settings.engine, graph).map_err(|e| BenchError::Model(Box::new(e)))?;
    let config = LoaderConfig {
        batch_size: settings.batch_size,
        transforms: cell.augmentation.transforms(),
        seed: cell.seed,
        // All cores compute gradients: a thread that prepares minibatches ahead would only take their time.
        prefetch_depth: 0,
        ..LoaderConfig::default()
    };
    let loader = Loader::new(data.train.clone(), config).map_err(|e| BenchError::Data(Box::new(e)))?;
    let estimator = cell.estimator_within(settings, x.len(), loader.minibatches());
    let run = Training::new(engine, loader, x, estimator.build())
        .map_err(|e| cell.failed(1, e))?
        .with_rule(cell.rule.build())
        .with_locking(cell.locking)
        .with_norm_policies(&cell.policies)
        .in_parallel();
    let steps = run.steps_per_epoch();
    Ok(run.with_schedule(cell.schedule.in_steps(steps)))
}

/// Mean test loss and test error in percent with a track's running statistics.
pub(crate) fn test(
    run: &Run,
    track: &NormTrack<f32>,
    data: &LoadedData,
    batch_size: usize,
) -> Result<(f64, f64), BenchError> {
    let batches = test_batches(&data.test, &Transforms::new(), batch_size)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|e| BenchError::Data(Box::new(e)))?;
    let (engine, x) = (run.oracle(), run.iterate());
    let evaluations = batches
        .par_iter()
        .map(|batch| engine.evaluate(x, Normalization::Stored(&track.running), batch))
        .collect::<Result<Vec<_>, _>>()
        .map_err(|e| BenchError::Model(Box::new(e)))?;
    let samples: usize = evaluations.iter().map(|e| e.samples).sum();
    let correct: usize = evaluations.iter().filter_map(|e| e.correct).sum();
    let loss: f64 = evaluations.iter().map(|e| e.loss * e.samples as f64).sum();
    let samples = samples.max(1) as f64;
    Ok((loss / samples, 100.0 * (1.0 - correct as f64 / samples)))
}
