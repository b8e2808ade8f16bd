//! The description beside the files of a set that this crate wrote.

use super::{CifarError, LARGEST_TEXT};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// The description's name in the folder.
pub const MANIFEST: &str = "set.json";

/// What a written set says about itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// What reports call the set.
    pub name: String,
    /// Records in the five training files and the test file.
    pub records: [usize; 6],
    /// Digest of the training set.
    pub train_digest: String,
    /// Digest of the test set.
    pub test_digest: String,
}

/// The description, if there is one.
pub(crate) fn read(dir: &Path) -> Result<Option<Manifest>, CifarError> {
    let file = dir.join(MANIFEST);
    if !file.is_file() {
        return Ok(None);
    }
    let bytes = vr_files::read(&file, LARGEST_TEXT)?;
    serde_json::from_slice(&bytes).map(Some).map_err(|source| CifarError::Manifest { file, source })
}
