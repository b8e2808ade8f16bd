//! What a folder holds, and whether it is still what was written.

use crate::{CifarError, DatasetInfo, cifar10};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// Name, classes, counts and digests of the set in a folder.
///
/// # Errors
/// [`CifarError`] when the folder cannot be read as a set.
pub fn info(dir: impl AsRef<Path>) -> Result<DatasetInfo, CifarError> {
    Ok(cifar10::read(dir)?.info())
}

/// What a check of a folder found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verification {
    /// What is there now.
    pub info: DatasetInfo,
    /// Whether a description with digests was there to compare with. The official files have none: for
    /// them sizes and labels are checked, and each class's count.
    pub digests_known: bool,
    /// What is wrong, in words; empty when all is well.
    pub problems: Vec<String>,
}

impl Verification {
    /// Whether nothing is wrong.
    pub fn is_good(&self) -> bool {
        self.problems.is_empty()
    }
}

/// Reads everything in a folder, and compares it with what its description or CIFAR-10 itself says.
///
/// # Errors
/// [`CifarError`] when the folder cannot even be read as a set.
pub fn verify(dir: impl AsRef<Path>) -> Result<Verification, CifarError> {
    let dir = dir.as_ref();
    check(dir, info(dir)?)
}

/// As [`verify`], of a set whose `info` was taken when it was read from the folder.
///
/// # Errors
/// [`CifarError`] when the description cannot be read.
pub fn check(dir: impl AsRef<Path>, info: DatasetInfo) -> Result<Verification, CifarError> {
    let dir = dir.as_ref();
    let manifest = cifar10::read_manifest(dir)?;
    let mut problems = Vec::new();
    match &manifest {
        Some(manifest) => {
            for (split, digest, expected) in [
                ("training", &info.train.digest, &manifest.train_digest),
                ("test", &info.test.digest, &manifest.test_digest),
            ] {
                if digest != expected {
                    problems.push(format!("the {split} set has digest {digest}; {expected} was written"));
                }
            }
        }
        None => {
            for (split, counts, expected) in [("training", &info.train, 5000), ("test", &info.test, 1000)] {
                for (class, &count) in info.classes.iter().zip(&counts.per_class) {
                    if count != expected {
                        problems.push(format!("the {split} set has {count} of `{class}`; {expected} were expected"));
                    }
                }
            }
        }
    }
    Ok(Verification { info, digests_known: manifest.is_some(), problems })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{SyntheticConfig, synthetic};
    use std::fs;

    #[test]
    fn a_changed_pixel_is_found() {
        let outer = tempfile::tempdir().unwrap();
        let dir = outer.path().join("set");
        let set = synthetic(&SyntheticConfig { seed: 1, train: 20, test: 10 });
        cifar10::write(&dir, &set, false).unwrap();
        let good = verify(&dir).unwrap();
        assert!(good.is_good() && good.digests_known);
        assert_eq!(good.info, set.info());

        let file = dir.join(cifar10::TEST_FILE);
        let mut bytes = fs::read(&file).unwrap();
        bytes[100] ^= 1;
        fs::write(&file, bytes).unwrap();
        let bad = verify(&dir).unwrap();
        assert_eq!(bad.problems.len(), 1);
        assert!(bad.problems[0].starts_with("the test set has digest"));
        let text = serde_json::to_string(&bad).unwrap();
        assert_eq!(serde_json::from_str::<Verification>(&text).unwrap(), bad);
    }
}
