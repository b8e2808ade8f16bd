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
    /// A network that an experiment does not ask about.
    #[error("experiment `{experiment}` asks about {models}, not about `{model}`")]
    OtherModel {
        /// The experiment.
        experiment: &'static str,
        /// The network.
        model: String,
        /// The networks that it asks about.
        models: String,
    },
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
    /// A file of a finished run has changed since it was written.
    #[error("`{}` is not what the run wrote: `{}` has another digest of it", path.display(), vr_run::digests::DIGESTS)]
    Changed {
        /// The file.
        path: std::path::PathBuf,
    },
    /// A run ended early or cannot be read.
    #[error(transparent)]
    Run(#[from] vr_run::RunError),
    /// An experiment that nobody knows.
    #[error("`{}` holds a run of `{experiment}`, which is no experiment here", path.display())]
    Unknown {
        /// The run's folder.
        path: std::path::PathBuf,
        /// What its record says.
        experiment: String,
    },
    /// The ranks of a run cannot go on together.
    #[error(transparent)]
    Rank(#[from] vr_optim::RankError),
    /// A configuration is refused.
    #[error(transparent)]
    Config(#[from] vr_run::config::ConfigError),
    /// A file of the run cannot be written.
    #[error(transparent)]
    File(#[from] vr_files::FileError),
    /// A figure cannot be drawn.
    #[error(transparent)]
    Figure(#[from] crate::figures::FigureError),
    /// A table cannot be written in the form that was asked for.
    #[error(transparent)]
    Format(#[from] crate::facts::FormatError),
    /// A table cannot be written as Parquet.
    #[cfg(feature = "parquet")]
    #[error("Parquet: {0}")]
    Parquet(#[from] parquet::errors::ParquetError),
    /// A result cannot be written as JSON.
    #[error("JSON: {0}")]
    Json(#[from] serde_json::Error),
}
