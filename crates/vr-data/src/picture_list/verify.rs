//! Whether every picture of a list can be decoded.

use super::open;
use crate::{DatasetInfo, ImageSet, ImportError};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::{
    path::Path,
    sync::atomic::{AtomicU64, Ordering},
};

/// What a check of all pictures found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PictureCheck {
    /// What is listed.
    pub info: DatasetInfo,
    /// The pictures that cannot be read, in their order, training set first.
    pub faults: Vec<PictureFault>,
}

/// A picture that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PictureFault {
    /// Whether it is one of the training set.
    pub train: bool,
    /// Its place in its set.
    pub index: usize,
    /// Its file, and why it cannot be read.
    pub reason: String,
}

impl PictureCheck {
    /// Whether every picture can be read.
    pub fn is_good(&self) -> bool {
        self.faults.is_empty()
    }
}

/// Decodes every picture of the set that a folder lists, on all threads. `progress` is told how many of how many are done.
///
/// # Errors
/// [`ImportError`] when the list cannot be read. A picture that cannot be is no error but in [`PictureCheck::faults`].
pub fn verify(dir: impl AsRef<Path>, progress: impl Fn(u64, u64) + Sync) -> Result<PictureCheck, ImportError> {
    let set = open(dir)?;
    let total = (set.train.len() + set.test.len()) as u64;
    let done = AtomicU64::new(0);
    let faults = |set: &ImageSet, train| {
        let fault = |index| {
            let fault = set.picture(index).err();
            progress(done.fetch_add(1, Ordering::Relaxed) + 1, total);
            fault.map(|error| PictureFault { train, index, reason: error.to_string() })
        };
        (0..set.len()).into_par_iter().filter_map(fault).collect::<Vec<_>>()
    };
    let faults = [faults(&set.train, true), faults(&set.test, false)].concat();
    Ok(PictureCheck { info: set.info(), faults })
}
