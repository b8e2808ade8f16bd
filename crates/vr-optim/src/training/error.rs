//! What can go wrong in a run.

use vr_core::{MinibatchKey, MinibatchSource, Oracle, SpaceError};

use crate::estimator::EstimatorError;
use crate::ranks::RankError;

/// Why a run cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum TrainingError<O: std::error::Error, D: std::error::Error> {
    /// The network failed on a minibatch.
    #[error("gradient of minibatch {} of generation {}: {error}", key.index, key.generation)]
    Oracle {
        /// Which minibatch.
        key: MinibatchKey,
        /// The oracle's own error.
        #[source]
        error: O,
    },
    /// The data failed.
    #[error("loading minibatch {} of generation {}: {error}", key.index, key.generation)]
    Source {
        /// Which minibatch.
        key: MinibatchKey,
        /// The source's own error.
        #[source]
        error: D,
    },
    /// The iterate does not fit the network.
    #[error(transparent)]
    Space(#[from] SpaceError),
    /// The network's own running statistics cannot be read.
    #[error("reading the network's running statistics: {0}")]
    Statistics(#[source] O),
    /// The source has no minibatches, or 2³² and more.
    #[error("a source of {0} minibatches; there must be at least one and fewer than 2^32")]
    Minibatches(usize),
    /// The estimator failed.
    #[error(transparent)]
    Estimator(#[from] EstimatorError),
    /// The ranks that share the work cannot go on together.
    #[error(transparent)]
    Rank(#[from] RankError),
    /// A minibatch that is only tested on failed.
    #[error("minibatch {minibatch} of test set {set}: {error}")]
    Test {
        /// Number of the set.
        set: u32,
        /// 0-based.
        minibatch: u32,
        /// What happened.
        #[source]
        error: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The loss is no longer a number; the step was not taken.
    #[error("the run diverged: loss {loss} at step {step}")]
    Diverged {
        /// 0-based step.
        step: u64,
        /// The loss.
        loss: f64,
    },
}

/// A result with the errors of an oracle and of a source.
pub type Outcome<T, O, D> = Result<T, TrainingError<<O as Oracle>::Error, <D as MinibatchSource>::Error>>;
