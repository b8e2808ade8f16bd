//! One training run as a file describes it: what `cargo xtask train CONFIG.toml` reads.
//!
//! A configuration speaks the language of a run's own records: its keys are those of a cell's
//! `settings.json`, with what concerns the run beside them. Everything has a default, and the run keeps
//! the whole, defaults filled in, as `config.toml` in its folder. A list where one value belongs makes a [grid].

mod check;
pub mod grid;

pub use check::check_engine;
pub use grid::{Grid, parse, read};

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use vr_data::Augmentation;
use vr_optim::{EstimatorConfig, Locking, NormPolicy, RuleConfig};

use vr_run::CheckpointPolicy;
use vr_run::config::{ConfigError, Fault};

use crate::cell::Cell;
use crate::measure::Measures;
use crate::paper::schedule::{Schedule, Version};
use crate::results::ranking::Measure;
use crate::settings::{Comparison, DataChoice, EngineKind, Model, Settings};

/// What to train, on what, how and for how long.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct TrainConfig {
    /// The method's name in the results; `None` is the estimator's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// The network.
    #[serde(serialize_with = "crate::settings::name", deserialize_with = "crate::settings::named")]
    pub model: Model,
    /// What computes the gradients.
    #[serde(serialize_with = "crate::settings::name", deserialize_with = "crate::settings::named")]
    pub engine: EngineKind,
    /// The pictures.
    pub data: DataChoice,
    /// So many of the classes, chosen at random once and for all; `None` takes all. The network has an option of that name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub classes: Option<usize>,
    /// A class-balanced subset of the training pictures; `None` takes all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub train_size: Option<usize>,
    /// Class-balanced pictures that are held out of the training set before any subset of it is taken, and tested on by
    /// themselves; `None` holds none out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub validation: Option<usize>,
    /// How training pictures are changed at random.
    pub augmentation: Augmentation,
    /// Pictures in a minibatch.
    pub batch_size: usize,
    /// Epochs to run: the beginning of the schedule.
    pub epochs: usize,
    /// One training for each.
    pub seeds: Vec<u64>,
    /// Keys with several values each, every combination of which is trained with every seed.
    #[serde(skip_serializing_if = "Grid::is_empty")]
    pub grid: Grid,
    /// What the settings of a grid are ranked by; `None` is the error on what is held out for validation, and nothing where
    /// nothing is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub best_by: Option<Measure>,
    /// The folder that the run is written to; `None` is the first free `runs/train-N`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub out: Option<PathBuf>,
    /// Threads in all; `None` is one for each core. Results do not depend on it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub threads: Option<usize>,
    /// Trainings that run at once, each on its share of the threads. Results do not depend on it.
    pub jobs: usize,
    /// Whether event files for TensorBoard are written as the run goes. Results do not depend on it.
    pub tensorboard: bool,
    /// A gradient table that would take more memory than this goes to a file in the run's folder; `None`
    /// sets no limit. Results do not depend on it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub table_limit_mib: Option<u64>,
    /// How many MiB of decoded pictures are kept in memory, of sets whose pictures are read when they are asked for; `None`
    /// keeps none. Results do not depend on it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub picture_limit_mib: Option<u64>,
    /// Whether transforms are locked.
    pub locking: Locking,
    /// Sets of batch-norm statistics to carry; with more than one, each has test errors of its own.
    pub policies: Vec<NormPolicy>,
    /// The estimator.
    pub estimator: EstimatorConfig,
    /// The update rule.
    pub rule: RuleConfig,
    /// The learning rate.
    pub schedule: Schedule,
    /// What is measured along the way; it never changes the training.
    pub measures: Measures,
    /// When the run saves itself.
    pub checkpoints: CheckpointPolicy,
}

/// Three epochs of SGD with the paper's LeNet, update rule and schedule, on the synthetic set.
impl Default for TrainConfig {
    fn default() -> Self {
        let Settings { model, engine, data, classes, train_size, batch_size, epochs, seeds, checkpoints, jobs, .. } =
            Settings::default();
        Self {
            method: None,
            model,
            engine,
            data,
            classes,
            train_size,
            validation: None,
            augmentation: Augmentation::Standard,
            batch_size,
            epochs,
            seeds,
            grid: Grid::new(),
            best_by: None,
            out: None,
            threads: None,
            jobs,
            tensorboard: false,
            table_limit_mib: None,
            picture_limit_mib: None,
            locking: Locking::Locked,
            policies: vec![NormPolicy::Reset],
            estimator: EstimatorConfig::Sgd,
            rule: RuleConfig::default(),
            schedule: Schedule::default(),
            measures: Measures::NONE,
            checkpoints,
        }
    }
}

impl TrainConfig {
    /// The method's name in the results.
    pub fn method(&self) -> String {
        self.method.clone().unwrap_or_else(|| self.estimator.build().name().to_owned())
    }

    /// What the run in the folder `out` is run on.
    pub fn settings(&self, out: &Path) -> Settings {
        let bytes = |mib: u64| mib.saturating_mul(1 << 20);
        Settings {
            data: self.data.clone(),
            classes: self.classes,
            train_size: self.train_size,
            validation: self.validation,
            test_size: None,
            bf16_tables: false,
            model: self.model,
            engine: self.engine,
            epochs: self.longest(),
            schedule_epochs: self.schedule.length,
            learning_rate: Some(self.schedule.base),
            version: Version::default(),
            seeds: self.seeds.clone(),
            batch_size: self.batch_size,
            places: self.measures.places,
            every: self.measures.every,
            comparison: Comparison::default(),
            checkpoints: self.checkpoints,
            jobs: self.jobs,
            tensorboard: self.tensorboard,
            table_limit: self.table_limit_mib.map(|mib| (bytes(mib), out.to_owned())),
            picture_limit: self.picture_limit_mib.map(bytes),
            ranks: None,
        }
    }

    /// Epochs of the longest training.
    fn longest(&self) -> usize {
        let others = self.grid.get("epochs").into_iter().flatten();
        let others = others.filter_map(|epochs| epochs.as_integer()?.try_into().ok());
        others.max().unwrap_or(self.epochs)
    }

    /// What the settings of a grid are ranked by; none of what is no grid, or of which nothing tells which is the best.
    pub fn ranked_by(&self) -> Option<Measure> {
        let held_out = self.validation.map(|_| Measure::ValidationError);
        self.best_by.or(held_out).filter(|_| !self.grid.is_empty())
    }

    /// One cell for each seed and setting.
    ///
    /// # Errors
    /// The key of the grid with a value that it cannot have.
    pub fn cells(&self) -> Result<Vec<Cell>, Fault> {
        Ok(self.settings_of_grid()?.iter().flat_map(Self::cells_of_setting).collect())
    }

    fn cells_of_setting(&self) -> Vec<Cell> {
        let cell = |&seed| Cell {
            model: self.model,
            method: self.method(),
            estimator: self.estimator.clone(),
            rule: self.rule,
            schedule: self.schedule.clone(),
            epochs: self.epochs,
            augmentation: self.augmentation,
            locking: self.locking,
            policies: self.policies.clone(),
            measures: self.measures,
            seed,
            prefix: None,
            branches: Vec::new(),
        };
        self.seeds.iter().map(cell).collect()
    }

    /// The whole as TOML, which [`read`] reads.
    ///
    /// # Errors
    /// When a number is beyond what TOML has, such as a seed of 2⁶³.
    pub fn to_toml(&self) -> Result<String, ConfigError> {
        let mut table = toml::Table::try_from(self).map_err(ConfigError::Write)?;
        grid::spread(&mut table);
        toml::to_string(&table).map_err(ConfigError::Write)
    }
}
