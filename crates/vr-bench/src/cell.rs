//! One cell of an experiment: a method trained with one seed, measured along the way.

use serde::Serialize;
use vr_data::Augmentation;
use vr_models::Model;
use vr_optim::{EstimatorConfig, Locking, NormPolicy, RuleConfig};
use vr_run::RunError;

use crate::error::BenchError;
use crate::measure::Measures;
use crate::paper::schedule::Schedule;
use crate::settings::Settings;

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
    /// Sets of running statistics to carry; with more than one, each has its own rows of test error.
    pub policies: Vec<NormPolicy>,
    /// What is measured along the way.
    pub measures: Measures,
    /// The seed of everything random.
    pub seed: u64,
    /// The method of the cell with the same seed that it shares its first epochs with, and how many; plain SGD until then. It
    /// changes no result.
    #[serde(skip)]
    pub prefix: Option<(String, usize)>,
    /// Epochs after which other cells branch off.
    #[serde(skip)]
    pub branches: Vec<usize>,
}

impl Cell {
    /// What an error of the cell's says of where it happened.
    pub(crate) fn failed(
        &self,
        epoch: usize,
        error: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> BenchError {
        let cell = format!("{}, seed {}", self.method, self.seed);
        RunError::Training { cell, epoch, error: error.into() }.into()
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
}
