//! One cell of an experiment: a method trained with one seed, measured along the way.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use vr_core::{MinibatchSource, Normalization, Oracle};
use vr_data::{Augmentation, Loader, LoaderConfig, test_batches};
use vr_models::{Engine, Model, initialize};
use vr_optim::{EstimatorConfig, Locking, NormPolicy, NormTrack, RuleConfig, Training};

use crate::diagnostics::Diagnostics;
use crate::error::BenchError;
use crate::measure::Measures;
use crate::results::{Divergence, EpochRow, EpochTime, Point};
use crate::schedule::Schedule;
use crate::settings::{LoadedData, Settings};

/// One method with one seed.
#[derive(Clone, Debug, Serialize)]
pub struct Cell {
    /// The network.
    #[serde(serialize_with = "crate::settings::name")]
    pub model: Model,
    /// The method's name in the results.
    pub method: String,
    /// The estimator.
    pub estimator: EstimatorConfig,
    /// The update rule.
    pub rule: RuleConfig,
    /// The learning rate.
    pub schedule: Schedule,
    /// Epochs to run: the beginning of the schedule.
    pub epochs: usize,
    /// How training pictures are changed at random.
    pub augmentation: Augmentation,
    /// Whether transforms are locked.
    pub locking: Locking,
    /// Sets of running statistics to carry; with more than one, each has its own rows of test error,
    /// called `method/policy`.
    pub policies: Vec<NormPolicy>,
    /// What is measured along the way.
    pub measures: Measures,
    /// The seed of everything random.
    pub seed: u64,
}

/// What a cell measured.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct CellResult {
    /// Variances.
    pub points: Vec<Point>,
    /// Epochs; of a run that diverged, those before.
    pub epochs: Vec<EpochRow>,
    /// Diagnostics beyond the variance of whole steps.
    #[serde(flatten)]
    pub diagnostics: Diagnostics,
    /// Where the run diverged, if it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub diverged: Option<Divergence>,
    /// Seconds of each epoch; kept apart, so that equal runs have equal results.
    #[serde(skip)]
    pub times: Vec<EpochTime>,
}

/// A cell's training.
pub(crate) type Run = Training<Engine, Loader>;

impl Cell {
    /// What an error of the cell's says of where it happened.
    pub(crate) fn failed(
        &self,
        epoch: usize,
        error: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> BenchError {
        BenchError::Training { method: self.method.clone(), seed: self.seed, epoch, error: error.into() }
    }

    /// The estimator with its table where the settings want it, which changes no result.
    pub(crate) fn estimator_within(
        &self,
        settings: &Settings,
        parameters: usize,
        minibatches: usize,
    ) -> EstimatorConfig {
        match &settings.table_limit {
            Some((bytes, folder)) => self.estimator.clone().with_table_within(*bytes, folder, parameters, minibatches),
            None => self.estimator.clone(),
        }
    }

    /// The name of the rows of one set of running statistics.
    pub(crate) fn track_name(&self, policy: NormPolicy) -> String {
        if self.policies.len() > 1 { format!("{}/{}", self.method, policy.name()) } else { self.method.clone() }
    }
}

/// A cell's training before its first step.
///
/// # Errors
/// When the data do not fit the network.
pub(crate) fn begin(settings: &Settings, data: &LoadedData, cell: &Cell) -> Result<Run, BenchError> {
    let graph = cell.model.graph().map_err(|e| BenchError::Model(Box::new(e)))?;
    let x = initialize(&graph, cell.seed);
    let engine = Engine::new(settings.engine, graph);
    let config = LoaderConfig {
        batch_size: settings.batch_size,
        augmentation: cell.augmentation,
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
    let batches: Vec<_> = test_batches(&data.test, batch_size).collect();
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
