//! What an experiment is run on: data, model, length, seeds.

use std::path::PathBuf;
use std::sync::Arc;

use vr_data::{Dataset, ImageSet, SyntheticConfig, balanced_subset, cifar10, synthetic};
pub use vr_models::{EngineKind, Model};

use crate::error::BenchError;
use crate::results::DataInfo;

/// Which pictures.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum DataChoice {
    /// The embedded synthetic set: nothing to download.
    Synthetic,
    /// A folder in CIFAR-10's binary format.
    Cifar10(PathBuf),
}

/// Settings shared by all experiments.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Settings {
    /// The pictures.
    pub data: DataChoice,
    /// A class-balanced subset of the training pictures; `None` takes all.
    pub train_size: Option<usize>,
    /// The network's name.
    #[serde(serialize_with = "name")]
    pub model: Model,
    /// What computes the gradients.
    #[serde(serialize_with = "name")]
    pub engine: EngineKind,
    /// Epochs to run.
    pub epochs: usize,
    /// One run for each.
    pub seeds: Vec<u64>,
    /// Pictures in a minibatch.
    pub batch_size: usize,
}

fn name<S: serde::Serializer>(named: &impl std::fmt::Display, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(named)
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
    /// Reads or makes the pictures. A subset is drawn with the first seed.
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
            Some(size) => {
                let seed = self.seeds.first().copied().unwrap_or_default();
                balanced_subset(&train, size, seed).map_err(|e| data(Box::new(e)))?
            }
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
