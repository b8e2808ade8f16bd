//! The pictures that a run is trained and tested on.

use std::path::Path;
use std::sync::Arc;

use vr_data::verify::check;
use vr_data::{
    Augmentation, BatchSpec, CifarError, Dataset, ImageSet, SyntheticConfig, balanced_subset, cifar10, synthetic,
};
use vr_models::{Graph, Options};
use vr_run::config::{ConfigError, within};

use crate::cell::Cell;
use crate::error::BenchError;
use crate::results::DataInfo;
use crate::settings::{DataChoice, Model, Settings};

/// Pictures that may be drawn for a set: as many take 3 GB.
const MOST_DRAWN: usize = 1_000_000;

/// Why a network cannot be trained on a set.
#[derive(Debug, thiserror::Error)]
pub enum Misfit {
    /// Their shapes or classes differ.
    #[error("{model}: {source}; take `{suggestion}`")]
    Spec {
        /// The network.
        model: String,
        /// What differs.
        source: vr_data::Misfit,
        /// The network of its name for such pictures.
        suggestion: String,
    },
    /// The last minibatch is too small for batch norm.
    #[error(
        "{pictures} pictures in minibatches of {batch_size} leave a last one of a single picture, of which batch norm \
         `{layer}` of {model} has no variance: choose another train-size or batch-size"
    )]
    SinglePicture {
        /// Training pictures.
        pictures: usize,
        /// Pictures in a minibatch.
        batch_size: usize,
        /// The network.
        model: String,
        /// The layer.
        layer: String,
    },
}

/// Pictures in memory, with what a result says of them.
#[derive(Clone, Debug)]
pub struct LoadedData {
    /// Training pictures, after any subset.
    pub train: Arc<ImageSet>,
    /// Test pictures.
    pub test: Arc<ImageSet>,
    /// Training pictures of the whole set, before any subset.
    pub whole: usize,
    /// Name, sizes and digest.
    pub info: DataInfo,
    /// In what the set is not what was written, as `data verify` tells; a run on it says so.
    pub problems: Vec<String>,
}

/// Whether a network can be trained on pictures in minibatches of `batch_size`.
fn fits(model: Model, train: &ImageSet, batch_size: usize) -> Result<(), BenchError> {
    let misfit = |misfit: Misfit| Err(BenchError::Model(Box::new(misfit)));
    let spec = BatchSpec::of(train, &Augmentation::Standard.transforms())
        .map_err(|error| BenchError::Data(Box::new(error)))?;
    let (name, Options { picture, classes, .. }) = (model.to_string(), model.options());
    if let Err(source) = spec.check(picture, classes) {
        let suggestion = model.for_pictures(spec.shape, spec.classes).unwrap_or(model).to_string();
        return misfit(Misfit::Spec { model: name, source, suggestion });
    }
    let single = if train.len() % batch_size.max(1) == 1 { model.graph().ok() } else { None };
    match single.as_ref().and_then(Graph::single_value_norm) {
        Some(layer) => {
            let (pictures, layer) = (train.len(), layer.into());
            misfit(Misfit::SinglePicture { pictures, batch_size, model: name, layer })
        }
        None => Ok(()),
    }
}

impl LoadedData {
    /// Minibatches in an epoch.
    pub fn minibatches(&self, settings: &Settings) -> usize {
        self.info.train_size.div_ceil(settings.batch_size)
    }

    /// Whether the networks of all cells can be trained on the pictures.
    ///
    /// # Errors
    /// [`BenchError::Model`] for the first that cannot.
    pub fn fit(&self, cells: &[Cell], batch_size: usize) -> Result<(), BenchError> {
        let mut seen: Vec<String> = Vec::new();
        for cell in cells {
            let name = cell.model.to_string();
            if !seen.contains(&name) {
                fits(cell.model, &self.train, batch_size)?;
                seen.push(name);
            }
        }
        Ok(())
    }
}

impl Settings {
    /// The default synthetic set, or a larger one where more pictures are asked for.
    fn drawn(&self) -> Result<SyntheticConfig, BenchError> {
        let least = SyntheticConfig::default();
        let train = self.train_size.unwrap_or(0).max(least.train);
        within("train-size", train, ..=MOST_DRAWN).map_err(ConfigError::Fit)?;
        Ok(SyntheticConfig { train, ..least })
    }

    /// Reads or makes the pictures. Subsets are the same whatever the seeds of the runs.
    ///
    /// # Errors
    /// [`BenchError::Data`] when the set cannot be read or is too small, [`BenchError::Config`] when too many pictures would
    /// have to be drawn, [`BenchError::Model`] when the network
    /// cannot be trained on it.
    pub fn load(&self) -> Result<LoadedData, BenchError> {
        let data = |error: Box<dyn std::error::Error + Send + Sync>| BenchError::Data(error);
        let (Dataset { name, train, test }, problems) = match &self.data {
            DataChoice::Synthetic => (synthetic(&self.drawn()?), Vec::new()),
            DataChoice::Cifar10(dir) => read(dir).map_err(|e| data(Box::new(e)))?,
        };
        let part = |set: ImageSet, size: Option<usize>| match size {
            Some(size) => balanced_subset(&set, size, 0).map_err(|e| data(Box::new(e))),
            None => Ok(set),
        };
        let whole = train.len();
        let (train, test) = (part(train, self.train_size)?, part(test, self.test_size)?);
        fits(self.model, &train, self.batch_size)?;
        let info = DataInfo {
            name,
            train_size: train.len(),
            test_size: test.len(),
            digest: format!("train {} test {}", train.digest(), test.digest()),
        };
        Ok(LoadedData { train: Arc::new(train), test: Arc::new(test), whole, info, problems })
    }
}

/// A set from disk with what is wrong with it, which is said, too.
fn read(dir: &Path) -> Result<(Dataset, Vec<String>), CifarError> {
    let set = cifar10::read(dir)?;
    let problems = check(dir, set.info())?.problems;
    for problem in &problems {
        tracing::warn!(set = %dir.display(), "the set is damaged: {problem}");
    }
    Ok((set, problems))
}
