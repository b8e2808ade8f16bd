//! The estimator: a small resumable state machine that asks for gradients and hands out a direction.

use std::sync::Arc;

use vr_core::{Coefficient, FlatVector, ParameterSpace, Purpose, Scalar, StateError, StateReader, StateWriter};

use crate::table::{GradientTable, TableError};

/// Where a gradient is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Point {
    /// The iterate x.
    Current,
    /// The snapshot x̃.
    Snapshot,
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
    /// What the gradient is for.
    pub purpose: Purpose,
    /// With which statistics.
    pub norm: NormRule,
}

/// What an estimator wants next.
#[derive(Debug)]
pub enum Ask<'a, S> {
    /// Move the iterate here, then ask again.
    Move(&'a FlatVector<S>),
    /// Answer each request with [`Estimator::tell`], in this order, then ask again. A driver may
    /// stop after any answer: the next ask names what is still missing.
    Evaluate(Vec<Request>),
    /// The direction is ready: apply it, then call [`Estimator::advance`].
    Step(&'a FlatVector<S>),
}

/// Where the control variate's gradients g̃_b come from.
#[derive(Clone, Copy, Debug)]
pub enum Reference<'a, S> {
    /// A table; row r belongs to the r-th minibatch that μ is the mean of. Those of other minibatches
    /// are evaluated at the snapshot.
    Table(&'a GradientTable<S>),
    /// A second evaluation at this snapshot.
    Evaluate(&'a FlatVector<S>, NormRule),
}

/// What a diagnostic needs to know of an estimator to compute its direction on any minibatch.
#[derive(Clone, Debug)]
pub struct Control<'a, S> {
    /// μ.
    pub mean: &'a FlatVector<S>,
    /// α.
    pub coefficient: &'a Coefficient<S>,
    /// g̃_b.
    pub reference: Reference<'a, S>,
    /// The minibatches of the generation's plan that μ is the mean of: all m, or a mega-batch's.
    pub minibatches: std::ops::Range<u32>,
}

/// Why an estimator cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum EstimatorError {
    /// A gradient table failed.
    #[error(transparent)]
    Table(#[from] TableError),
    /// A state does not fit the estimator.
    #[error(transparent)]
    State(#[from] StateError),
    /// The configuration does not fit the problem.
    #[error("{method}: {reason}")]
    Config {
        /// The estimator.
        method: &'static str,
        /// What is wrong and what would do.
        reason: String,
    },
}

/// Turns minibatch gradients into a direction of lower variance.
///
/// It sees parameters and gradients only: batch-norm statistics are out of its reach.
pub trait Estimator<S: Scalar>: Send {
    /// The method's name in results and figures.
    fn name(&self) -> &'static str;

    /// Sizes the state for a parameter space and `minibatches` minibatches per epoch. Called once,
    /// before anything else.
    ///
    /// # Errors
    /// When the configuration does not fit, or memory for a table cannot be had.
    fn begin(&mut self, space: &Arc<ParameterSpace>, minibatches: u32) -> Result<(), EstimatorError>;

    /// Steps that make an epoch: m, unless the method leaves minibatches out.
    fn steps_per_epoch(&self) -> u32;

    /// What is wanted next, with the iterate at `x`.
    ///
    /// # Errors
    /// When a table fails.
    fn ask(&mut self, x: &FlatVector<S>) -> Result<Ask<'_, S>, EstimatorError>;

    /// Answers one request.
    ///
    /// # Errors
    /// When a table fails.
    fn tell(&mut self, request: &Request, gradient: &FlatVector<S>) -> Result<(), EstimatorError>;

    /// Says that the step was taken and led to `x`.
    fn advance(&mut self, x: &FlatVector<S>);

    /// Writes everything that influences the coming directions, but for what the configuration says
    /// and what can be computed again to the bit (a table of gradients at a snapshot).
    ///
    /// # Errors
    /// When a table that must be written cannot be read.
    fn save(&self, out: &mut StateWriter<'_>) -> Result<(), EstimatorError>;

    /// Puts what [`save`](Self::save) wrote in place of the state after [`begin`](Self::begin).
    /// [`missing`](Self::missing) then says what must be evaluated again.
    ///
    /// # Errors
    /// When the state is of another method or does not fit, or a table cannot be written.
    fn restore(&mut self, from: &StateReader<'_>) -> Result<(), EstimatorError>;

    /// What must be evaluated again after [`restore`](Self::restore) before anything else, with
    /// [`Purpose::Restore`].
    fn missing(&self) -> Vec<Request> {
        Vec::new()
    }

    /// The generation of the current batch plan.
    fn generation(&self) -> u32;

    /// The snapshot x̃, where there is one.
    fn snapshot(&self) -> Option<&FlatVector<S>>;

    /// The control variate of the coming step; `None` while the direction is a plain gradient.
    fn control(&self) -> Option<Control<'_, S>>;
}

impl<S: Scalar, E: Estimator<S> + ?Sized> Estimator<S> for Box<E> {
    fn name(&self) -> &'static str {
        (**self).name()
    }
    fn begin(&mut self, space: &Arc<ParameterSpace>, minibatches: u32) -> Result<(), EstimatorError> {
        (**self).begin(space, minibatches)
    }
    fn steps_per_epoch(&self) -> u32 {
        (**self).steps_per_epoch()
    }
    fn ask(&mut self, x: &FlatVector<S>) -> Result<Ask<'_, S>, EstimatorError> {
        (**self).ask(x)
    }
    fn tell(&mut self, request: &Request, gradient: &FlatVector<S>) -> Result<(), EstimatorError> {
        (**self).tell(request, gradient)
    }
    fn advance(&mut self, x: &FlatVector<S>) {
        (**self).advance(x);
    }
    fn save(&self, out: &mut StateWriter<'_>) -> Result<(), EstimatorError> {
        (**self).save(out)
    }
    fn restore(&mut self, from: &StateReader<'_>) -> Result<(), EstimatorError> {
        (**self).restore(from)
    }
    fn missing(&self) -> Vec<Request> {
        (**self).missing()
    }
    fn generation(&self) -> u32 {
        (**self).generation()
    }
    fn snapshot(&self) -> Option<&FlatVector<S>> {
        (**self).snapshot()
    }
    fn control(&self) -> Option<Control<'_, S>> {
        (**self).control()
    }
}
