//! Checkpoints: a run's state on disk, whole or not at all.
//!
//! A checkpoint is a folder with `state.safetensors` and, written last, `manifest.json` with the
//! state's length and BLAKE3 digest. It is built under a temporary name, synced and renamed, so a
//! reader sees it complete or not at all; what is incomplete or damaged all the same is passed over.

mod encode;
mod name;
mod policy;
mod store;

pub(crate) use encode::bytes;
pub use encode::{decode, encode};
pub use name::Checkpoint;
pub use policy::CheckpointPolicy;
pub use store::{Checkpoints, load};

use std::path::PathBuf;

use vr_files::FileError;

/// Version of the layout of a checkpoint and of what a run's state means. It changes whenever a run
/// could not go on bit for bit from an older checkpoint.
pub const SCHEMA: u64 = 1;

/// Why a checkpoint cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    /// A file cannot be written or read.
    #[error(transparent)]
    File(#[from] FileError),
    /// The checkpoint is of another version.
    #[error("`{}` has schema {found}; expected {SCHEMA}", path.display())]
    Schema {
        /// The checkpoint.
        path: PathBuf,
        /// Its version.
        found: u64,
    },
    /// The content is not what was written.
    #[error("`{}` is damaged: {reason}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The state cannot be encoded or decoded.
    #[error(transparent)]
    Encoding(#[from] EncodingError),
}

impl CheckpointError {
    /// Whether the checkpoint itself is at fault, rather than the system that should read it.
    pub fn is_damage(&self) -> bool {
        match self {
            Self::File(FileError::TooLarge { .. } | FileError::NoFolder { .. }) => true,
            Self::File(error) => error.is_not_found(),
            Self::Schema { .. } | Self::Damaged { .. } | Self::Encoding(_) => true,
        }
    }
}

/// Why bytes are no state.
#[derive(Debug, thiserror::Error)]
pub enum EncodingError {
    /// The bytes are no safetensors file.
    #[error("not a safetensors file: {0}")]
    Safetensors(#[from] safetensors::SafeTensorError),
    /// A tensor that no state has.
    #[error("tensor `{name}` is {found}; expected a vector of F32 or F64, or one U64")]
    Tensor {
        /// Its name.
        name: String,
        /// Its type and shape.
        found: String,
    },
}
