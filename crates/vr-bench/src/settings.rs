//! What an experiment is run on: data, model, length, seeds.

use std::path::PathBuf;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use vr_data::{Dataset, ImageSet, SyntheticConfig, balanced_subset, cifar10, synthetic};
pub use vr_models::{EngineKind, Model};
use vr_optim::EstimatorConfig;

use crate::checkpoint::CheckpointPolicy;
use crate::error::BenchError;
use crate::measure::Places;
use crate::results::DataInfo;
pub use crate::schedule::{PAPER_EPOCHS, Schedule, Version};

/// Which pictures.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DataChoice {
    /// The embedded synthetic set: nothing to download.
    Synthetic,
    /// A folder in CIFAR-10's binary format.
    Cifar10(PathBuf),
}

impl DataChoice {
    /// `synthetic`, or a folder.
    pub fn named(name: &str) -> Self {
        if name == "synthetic" { Self::Synthetic } else { Self::Cifar10(name.into()) }
    }
}

/// How much of the paper's experiment is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    /// Minutes: 10 epochs, 5,000 pictures.
    Quick,
    /// Hours: 50 epochs, 10,000 pictures.
    Reduced,
    /// The paper's: 250 epochs, all pictures.
    Paper,
}

impl Scale {
    /// Epochs that the paper's schedule is compressed to.
    pub fn epochs(self) -> usize {
        match self {
            Self::Quick => 10,
            Self::Reduced => 50,
            Self::Paper => PAPER_EPOCHS,
        }
    }

    /// Training pictures; `None` takes all.
    pub fn train_size(self) -> Option<usize> {
        match self {
            Self::Quick => Some(5_000),
            Self::Reduced => Some(10_000),
            Self::Paper => None,
        }
    }
}

/// Settings shared by all experiments.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Settings {
    /// The pictures.
    pub data: DataChoice,
    /// A class-balanced subset of the training pictures; `None` takes all.
    pub train_size: Option<usize>,
    /// The network's name.
    #[serde(serialize_with = "name", deserialize_with = "named")]
    pub model: Model,
    /// What computes the gradients.
    #[serde(serialize_with = "name", deserialize_with = "named")]
    pub engine: EngineKind,
    /// Epochs to run.
    pub epochs: usize,
    /// Epochs of the learning-rate schedule: the paper's 250, or what they are compressed to. The run
    /// is its beginning.
    pub schedule_epochs: usize,
    /// Learning rate before the first drop; `None` is the paper's for the experiment and the model.
    pub learning_rate: Option<f64>,
    /// Whether to follow the released code or the text where they differ.
    pub version: Version,
    /// One run for each.
    pub seeds: Vec<u64>,
    /// Pictures in a minibatch.
    pub batch_size: usize,
    /// Where in an epoch the variance-ratio experiment measures.
    pub places: Places,
    /// Variances are measured in the first epoch and every so many.
    pub every: usize,
    /// When the run saves itself.
    #[serde(skip)]
    pub checkpoints: CheckpointPolicy,
    /// Cells that run at once, each on its share of the cores; up to 1, one after another.
    #[serde(skip)]
    pub jobs: usize,
    /// The most memory that a gradient table may take; `None` sets no limit.
    #[serde(skip)]
    pub tables: Option<TableLimit>,
}

/// Where a gradient table goes that would take more memory than it may; results do not depend on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableLimit {
    /// Bytes that it may take.
    pub bytes: u64,
    /// Folder of the file that a larger one goes to.
    pub folder: PathBuf,
}

pub(crate) fn name<S: Serializer>(named: &impl std::fmt::Display, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(named)
}

pub(crate) fn named<'de, D: Deserializer<'de>, T: std::str::FromStr<Err: std::fmt::Display>>(
    input: D,
) -> Result<T, D::Error> {
    String::deserialize(input)?.parse().map_err(serde::de::Error::custom)
}

/// The first three epochs of the paper's LeNet on the synthetic set.
impl Default for Settings {
    fn default() -> Self {
        Self {
            data: DataChoice::Synthetic,
            train_size: None,
            model: Model::Lenet,
            engine: EngineKind::Cpu,
            epochs: 3,
            schedule_epochs: PAPER_EPOCHS,
            learning_rate: None,
            version: Version::default(),
            seeds: vec![0],
            batch_size: 128,
            places: Places::Paper,
            every: 1,
            checkpoints: CheckpointPolicy::default(),
            jobs: 1,
            tables: None,
        }
    }
}

/// Pictures in memory, with what a result says of them.
#[derive(Clone, Debug)]
pub struct LoadedData {
    /// Training pictures, after any subset.
    pub train: Arc<ImageSet>,
    /// Test pictures.
    pub test: Arc<ImageSet>,
    /// Name, sizes and digest.
    pub info: DataInfo,
}

impl Settings {
    /// An estimator with its table within [`Settings::tables`], for so many minibatches and parameters.
    pub fn limited(&self, estimator: &EstimatorConfig, minibatches: usize, parameters: usize) -> EstimatorConfig {
        match &self.tables {
            None => estimator.clone(),
            Some(TableLimit { bytes, folder }) => estimator.clone().within(*bytes, folder, minibatches, parameters),
        }
    }

    /// The learning rate through the run, from `base` unless another was asked for.
    pub fn schedule(&self, base: f64) -> Schedule {
        Schedule::cifar(self.learning_rate.unwrap_or(base), self.schedule_epochs, self.version)
    }

    /// Reads or makes the pictures. A subset is the same whatever the seeds of the runs.
    ///
    /// # Errors
    /// [`BenchError::Data`] when the set cannot be read or is too small.
    pub fn load(&self) -> Result<LoadedData, BenchError> {
        let data = |error: Box<dyn std::error::Error + Send + Sync>| BenchError::Data(error);
        let Dataset { name, train, test } = match &self.data {
            DataChoice::Synthetic => synthetic(&SyntheticConfig::default()),
            DataChoice::Cifar10(dir) => cifar10::read(dir).map_err(|e| data(Box::new(e)))?,
        };
        let train = match self.train_size {
            Some(size) => balanced_subset(&train, size, 0).map_err(|e| data(Box::new(e)))?,
            None => train,
        };
        let info = DataInfo {
            name,
            train_size: train.len(),
            test_size: test.len(),
            digest: format!("train {} test {}", train.digest(), test.digest()),
        };
        Ok(LoadedData { train: Arc::new(train), test: Arc::new(test), info })
    }
}
