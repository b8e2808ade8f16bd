//! The description beside the files of a set that this crate wrote.

use super::{CifarError, io_error};
use serde::{Deserialize, Serialize};
use std::{fs, io, path::Path};

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
    match fs::read(&file) {
        Ok(bytes) => serde_json::from_slice(&bytes).map(Some).map_err(|source| CifarError::Manifest { file, source }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(io_error(&file)(error)),
    }
}
