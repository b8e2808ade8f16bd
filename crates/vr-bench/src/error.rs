//! What can go wrong in an experiment.

/// Why an experiment ended early.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// The data set cannot be read.
    #[error("data set: {0}")]
    Data(Box<dyn std::error::Error + Send + Sync>),
    /// The network cannot be built or evaluated.
    #[error("network: {0}")]
    Model(Box<dyn std::error::Error + Send + Sync>),
    /// Training failed or diverged.
    #[error("{method}, seed {seed}, epoch {epoch}: {error}")]
    Training {
        /// Which method.
        method: String,
        /// Its seed.
        seed: u64,
        /// 1-based epoch.
        epoch: usize,
        /// What happened.
        #[source]
        error: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A run folder is in the way.
    #[error("`{0}` already holds a run; choose another --out or remove it")]
    Exists(std::path::PathBuf),
    /// A file of the run cannot be written.
    #[error(transparent)]
    File(#[from] vr_files::FileError),
    /// A figure cannot be drawn.
    #[error(transparent)]
    Figure(#[from] crate::figures::FigureError),
    /// A result cannot be written as JSON.
    #[error("JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// A run folder cannot be made.
    #[error("cannot write to the run folder: `{}`: {source}", path.display())]
    Folder {
        /// The folder or file.
        path: std::path::PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}
