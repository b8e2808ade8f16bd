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
    /// A run was asked to stop, and has saved itself.
    #[error("stopped and saved; the same command goes on from here")]
    Interrupted,
    /// A folder without a run.
    #[error("`{0}` holds no run")]
    NoRun(std::path::PathBuf),
    /// A file does not hold what it should.
    #[error("`{}` is damaged: {source}", path.display())]
    Damaged {
        /// The file.
        path: std::path::PathBuf,
        /// What is wrong.
        source: serde_json::Error,
    },
    /// A finished cell's numbers are not those of its log.
    #[error("`{}` is not what the log beside it says", .0.display())]
    Result(std::path::PathBuf),
    /// A line of the file of examinations beside a result cannot be used.
    #[error("`{}`: `{line}` begins with no id of a verdict there ({ids}) and a colon", path.display())]
    Examination {
        /// The file.
        path: std::path::PathBuf,
        /// The line.
        line: String,
        /// The ids that there are.
        ids: String,
    },
    /// Something else is in the way.
    #[error("`{}` already holds {what}; choose another --out or remove it", path.display())]
    Occupied {
        /// The folder.
        path: std::path::PathBuf,
        /// What is in it.
        what: String,
    },
    /// A cell was run with other settings.
    #[error("`{}` was made with other settings: {difference}; choose another --out or remove it", path.display())]
    OtherSettings {
        /// The cell's folder or file.
        path: std::path::PathBuf,
        /// What differs.
        difference: String,
    },
    /// Two cells would share a folder.
    #[error("two cells are called `{0}`; model, method and seed must tell them apart")]
    Twice(String),
    /// A configuration is refused.
    #[error(transparent)]
    Config(#[from] vr_run::config::ConfigError),
    /// A checkpoint cannot be written or read.
    #[error(transparent)]
    Checkpoint(#[from] vr_run::CheckpointError),
    /// A log cannot be written or read.
    #[error(transparent)]
    Log(#[from] vr_run::LogError),
    /// A file of the run cannot be written.
    #[error(transparent)]
    File(#[from] vr_files::FileError),
    /// A figure cannot be drawn.
    #[error(transparent)]
    Figure(#[from] crate::figures::FigureError),
    /// A result cannot be written as JSON.
    #[error("JSON: {0}")]
    Json(#[from] serde_json::Error),
}
