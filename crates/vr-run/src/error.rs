//! Why a run ended early or cannot be read.

use std::path::PathBuf;

use vr_files::FileError;

use crate::checkpoint::CheckpointError;
use crate::log::LogError;

/// An error of a cell's own making, such as one of its network or of its data.
pub type CellError = Box<dyn std::error::Error + Send + Sync>;

/// Why a run ended early or cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// Training failed.
    #[error("{cell}, epoch {epoch}: {error}")]
    Training {
        /// Which cell.
        cell: String,
        /// 1-based epoch.
        epoch: usize,
        /// What happened.
        #[source]
        error: CellError,
    },
    /// The run was asked to stop, and has saved itself.
    #[error("stopped and saved in `{}`; it can go on from there", .0.display())]
    Interrupted(PathBuf),
    /// A folder without a run.
    #[error("`{}` holds no run", .0.display())]
    NoRun(PathBuf),
    /// A file does not hold what it should.
    #[error("`{}` is damaged: {source}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: serde_json::Error,
    },
    /// A finished cell's numbers are not those of its log.
    #[error("`{}` is not what the log beside it says; put both back, or remove the cell's folder to train it again", .0.display())]
    Result(PathBuf),
    /// A file of a finished cell is not what was written.
    #[error("`{}` is not what was written; put it back, or remove the cell's folder to train it again", .0.display())]
    Changed(PathBuf),
    /// A file of digests is not what was written.
    #[error("`{}` is damaged: its own digest is another", .0.display())]
    Digests(PathBuf),
    /// Something else is in the way.
    #[error("`{}` already holds {what}; choose another folder or remove it", path.display())]
    Occupied {
        /// The folder.
        path: PathBuf,
        /// What is in it.
        what: String,
    },
    /// A cell was run with other settings.
    #[error("`{}` was made with other settings: {difference}; choose another folder or remove it", path.display())]
    OtherSettings {
        /// The cell's folder or file.
        path: PathBuf,
        /// What differs.
        difference: String,
    },
    /// A cell without the settings that it was made with.
    #[error("`{}` has no settings.json, so nobody knows what it is of; put it back, or remove the folder", .0.display())]
    NoSettings(PathBuf),
    /// Two cells would share a folder.
    #[error("two cells are called `{0}`; each needs a name of its own")]
    Twice(String),
    /// A cell's name is too long for a folder's.
    #[error("a cell is called `{name}`, in {} bytes; expected at most {most}", name.len())]
    LongName {
        /// The name.
        name: String,
        /// Bytes that there is room for.
        most: usize,
    },
    /// There are no threads to be had.
    #[error("threads: {0}")]
    Threads(#[from] rayon::ThreadPoolBuildError),
    /// A checkpoint cannot be written or read.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// A log cannot be written or read.
    #[error(transparent)]
    Log(#[from] LogError),
    /// A file of the run cannot be written or read.
    #[error(transparent)]
    File(#[from] FileError),
    /// Something cannot be written as JSON.
    #[error("JSON: {0}")]
    Json(#[from] serde_json::Error),
}
