//! What can go wrong with an estimator.

use vr_core::StateError;

use crate::estimator::Point;
use crate::fault::Fault;
use crate::table::TableError;

/// Why an estimator cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum EstimatorError {
    /// A gradient table failed.
    #[error(transparent)]
    Table(#[from] TableError),
    /// A state does not fit the estimator.
    #[error(transparent)]
    State(#[from] StateError),
    /// The options do not fit the problem.
    #[error("{method}: {fault}")]
    Config {
        /// The estimator.
        method: &'static str,
        /// Which option, what is wrong with it and what would do.
        fault: Fault,
    },
    /// A gradient was asked for at a point that the estimator does not hand out.
    #[error("{method} asks for a gradient at its {point}, but has none at the moment")]
    NoPoint {
        /// The estimator.
        method: &'static str,
        /// The point.
        point: Point,
    },
    /// Anything else that an estimator outside this crate meets.
    #[error("{method}: {error}")]
    Other {
        /// The estimator.
        method: &'static str,
        /// Its own error.
        #[source]
        error: Box<dyn std::error::Error + Send + Sync>,
    },
}
