//! A training set with its test set.

use crate::{ImageSet, SetInfo};
use serde::{Deserialize, Serialize};

/// Training and test pictures of the same classes.
#[derive(Clone, Debug, PartialEq)]
pub struct Dataset {
    /// What reports call it.
    pub name: String,
    /// Pictures to train on.
    pub train: ImageSet,
    /// Pictures to test on.
    pub test: ImageSet,
}

/// A dataset without its pictures: what a run records of its data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatasetInfo {
    /// What reports call it.
    pub name: String,
    /// `[channels, height, width]` of every picture; none where each has a size of its own.
    pub shape: Option<[usize; 3]>,
    /// Names of the classes, in the order of the labels.
    pub classes: Vec<String>,
    /// The training set.
    pub train: SetInfo,
    /// The test set.
    pub test: SetInfo,
}

impl Dataset {
    /// Counts and digests.
    pub fn info(&self) -> DatasetInfo {
        DatasetInfo {
            name: self.name.clone(),
            shape: self.train.shape().fixed(),
            classes: self.train.classes().to_vec(),
            train: self.train.info(),
            test: self.test.info(),
        }
    }
}
