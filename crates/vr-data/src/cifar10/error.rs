//! What can be wrong with a folder of CIFAR files.

use super::RecordError;
use crate::ImageSetError;
use std::{io, path::PathBuf};
use vr_files::FileError;

/// Why a folder cannot be read or written as CIFAR-10 files.
#[derive(Debug, thiserror::Error)]
pub enum CifarError {
    /// Files are not there: perhaps another folder was meant.
    #[error(
        "{} lacks {missing}; a CIFAR-10 folder holds data_batch_1.bin … data_batch_5.bin, test_batch.bin and \
         batches.meta.txt (the binary version, cifar-10-binary.tar.gz)", dir.display()
    )]
    Missing {
        /// The folder.
        dir: PathBuf,
        /// The files it lacks.
        missing: String,
    },
    /// A file is not as long as its records.
    #[error(
        "{} has {found} bytes; {expected} were expected ({records} records of 3073): {}",
        file.display(), if found < expected { "it is truncated" } else { "it is another file" }
    )]
    Size {
        /// The file.
        file: PathBuf,
        /// Its length.
        found: u64,
        /// The length it should have.
        expected: u64,
        /// The records it should hold.
        records: usize,
    },
    /// A record is wrong.
    #[error("{}: {source}", file.display())]
    Record {
        /// The file.
        file: PathBuf,
        /// What is wrong in it.
        source: RecordError,
    },
    /// The list of classes is not as long as it should be.
    #[error("{} names {found} classes; {expected} were expected, one a line", file.display())]
    Classes {
        /// The file.
        file: PathBuf,
        /// Names in it.
        found: usize,
        /// Names it should hold.
        expected: &'static str,
    },
    /// The description that the importer writes cannot be understood.
    #[error("{} is not a description that an import wrote: {source}", file.display())]
    Manifest {
        /// The file.
        file: PathBuf,
        /// Why.
        source: serde_json::Error,
    },
    /// The folder to replace holds something that is not a picture set.
    #[error("{} also holds `{stranger}`, which is no part of a picture set; it is left as it is", dir.display())]
    Foreign {
        /// The folder.
        dir: PathBuf,
        /// What was found in it.
        stranger: String,
    },
    /// The records do not make a set.
    #[error("{}: {source}", dir.display())]
    Set {
        /// The folder.
        dir: PathBuf,
        /// Why.
        source: ImageSetError,
    },
    /// A file cannot be read.
    #[error("cannot read {}: {source}", file.display())]
    Io {
        /// The file.
        file: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// A file or folder cannot be put in place.
    #[error(transparent)]
    File(#[from] FileError),
}
