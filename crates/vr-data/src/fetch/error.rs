//! Why a download failed.

use crate::ImportError;
use std::{io, path::PathBuf};
use vr_files::FileError;

/// Why nothing was fetched; existing data is as it was.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The network, or the server, did not deliver.
    #[error("cannot download {url}: {reason}. Without a network, {instead}")]
    Network {
        /// The address.
        url: String,
        /// What happened.
        reason: String,
        /// What does as well.
        instead: String,
    },
    /// What arrived is not the archive.
    #[error(
        "{url} delivered something with MD5 {found}; {expected} was expected. It was deleted; existing data is untouched"
    )]
    Checksum {
        /// The address.
        url: String,
        /// MD5 of what arrived.
        found: String,
        /// MD5 of the archive.
        expected: String,
    },
    /// Another process is downloading to the same place.
    #[error("another process is writing {}", part.display())]
    Busy {
        /// The partial download.
        part: PathBuf,
    },
    /// The partial download cannot be read or written.
    #[error("cannot write {}: {source}", part.display())]
    Io {
        /// The partial download.
        part: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// The partial download cannot be opened: it may be a link, which is not followed.
    #[error(transparent)]
    File(#[from] FileError),
    /// The archive cannot be imported.
    #[error(transparent)]
    Import(#[from] ImportError),
}
