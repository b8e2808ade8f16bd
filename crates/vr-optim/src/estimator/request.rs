//! What an estimator asks for: gradients of minibatches at its points.

use std::fmt;

use vr_core::{FlatVector, Purpose};

/// Where a gradient is wanted.
///
/// The driver holds the iterate; every other point is the estimator's own, handed out by
/// [`Estimator::point`](crate::Estimator::point).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Point {
    /// The iterate x.
    Current,
    /// The snapshot x̃.
    Snapshot,
    /// The iterate before the last step.
    Previous,
    /// A point that only this estimator knows, by its name.
    Other(&'static str),
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Current => "iterate",
            Self::Snapshot => "snapshot",
            Self::Previous => "previous iterate",
            Self::Other(name) => name,
        })
    }
}

/// Which batch-norm statistics an evaluation normalises with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NormRule {
    /// The minibatch's own (train mode): the paper's choice at both points.
    #[default]
    Batch,
    /// The running statistics as they stood when the snapshot was taken (evaluation mode).
    Frozen,
    /// The running statistics of the moment (evaluation mode). They move between the snapshot pass
    /// and the step, so the estimator is biased.
    Current,
}

/// One gradient that an estimator wants.
///
/// Requests of one step that differ only in `point` and `norm` are for the same minibatch with the same
/// random transforms, whether these are locked or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    /// At which point.
    pub point: Point,
    /// Generation of the batch plan and of the locked transforms.
    pub generation: u32,
    /// Minibatch of that plan, in 0..m.
    pub index: u32,
    /// How often the generation's plan has been gone through before; tells unlocked draws apart.
    pub visit: u32,
    /// What the gradient is for. A driver calls evaluations that are not [`Purpose::Inner`] a pass,
    /// and may leave it between two of them.
    pub purpose: Purpose,
    /// With which statistics.
    pub norm: NormRule,
}

/// What an estimator wants next.
#[derive(Debug)]
pub enum Ask<'a, S> {
    /// Move the iterate here, then ask again.
    Move(&'a FlatVector<S>),
    /// A snapshot was taken: keep the running statistics of this moment for [`NormRule::Frozen`], then
    /// ask again.
    Snapshot,
    /// Answer each request with [`Estimator::tell`](crate::Estimator::tell), in this order, then ask
    /// again. A driver may stop after any answer: the next ask names what is still missing.
    Evaluate(Vec<Request>),
    /// The direction is ready: apply it, then call [`Estimator::advance`](crate::Estimator::advance).
    Step(&'a FlatVector<S>),
}

/// A further evaluation of a minibatch that an estimator's direction on it depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Probe {
    /// At which point.
    pub point: Point,
    /// With which statistics.
    pub norm: NormRule,
}
