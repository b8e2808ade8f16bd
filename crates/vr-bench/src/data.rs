//! The pictures that a run is trained and tested on.

use std::sync::Arc;

use vr_data::{Dataset, ImageSet, SyntheticConfig, balanced_subset, cifar10, synthetic};

use crate::error::BenchError;
use crate::results::DataInfo;
use crate::settings::{DataChoice, Settings};

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
    /// The default synthetic set, or a larger one where more pictures are asked for.
    fn drawn(&self) -> SyntheticConfig {
        let least = SyntheticConfig::default();
        SyntheticConfig { train: self.train_size.unwrap_or(0).max(least.train), ..least }
    }

    /// Reads or makes the pictures. Subsets are the same whatever the seeds of the runs.
    ///
    /// # Errors
    /// [`BenchError::Data`] when the set cannot be read or is too small.
    pub fn load(&self) -> Result<LoadedData, BenchError> {
        let data = |error: Box<dyn std::error::Error + Send + Sync>| BenchError::Data(error);
        let Dataset { name, train, test } = match &self.data {
            DataChoice::Synthetic => synthetic(&self.drawn()),
            DataChoice::Cifar10(dir) => cifar10::read(dir).map_err(|e| data(Box::new(e)))?,
        };
        let part = |set: ImageSet, size: Option<usize>| match size {
            Some(size) => balanced_subset(&set, size, 0).map_err(|e| data(Box::new(e))),
            None => Ok(set),
        };
        let (train, test) = (part(train, self.train_size)?, part(test, self.test_size)?);
        let info = DataInfo {
            name,
            train_size: train.len(),
            test_size: test.len(),
            digest: format!("train {} test {}", train.digest(), test.digest()),
        };
        Ok(LoadedData { train: Arc::new(train), test: Arc::new(test), info })
    }
}
