//! What can go wrong when a file or folder is put in place.

use std::{io, path::Path, path::PathBuf};

/// Why a file or folder did not appear.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The system refused an operation.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// Something is there already, and replacing it was not asked for.
    #[error("{} exists already; it is left as it is", path.display())]
    Exists {
        /// What is there.
        path: PathBuf,
    },
    /// The file is larger than its reader allows.
    #[error("{} has {len} bytes; at most {most} were expected", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its length in bytes.
        len: u64,
        /// The bound.
        most: u64,
    },
    /// Another process holds the lock.
    #[error("{} is locked by {holder}", path.display())]
    Locked {
        /// The lock file.
        path: PathBuf,
        /// Who holds it.
        holder: String,
    },
    /// Something else is where a folder is expected.
    #[error("{} is a link or a file; a folder was expected", path.display())]
    NoFolder {
        /// What is there.
        path: PathBuf,
    },
    /// The path does not end in a name.
    #[error("{} does not name a file or folder", path.display())]
    NoName {
        /// The path given.
        path: PathBuf,
    },
}

impl FileError {
    /// Whether it says that there is nothing at the path.
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::Io { source, .. } if source.kind() == io::ErrorKind::NotFound)
    }

    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { action, path, source }
    }
}
