//! The estimator: a small resumable state machine that asks for gradients and hands out a direction.

mod error;
mod request;

use std::ops::Range;
use std::sync::Arc;

use vr_core::{FlatVector, ParameterSpace, Scalar, StateReader, StateWriter};

pub use error::EstimatorError;
pub use request::{Ask, NormRule, Point, Probe, Request};

/// An estimator's direction on one minibatch.
#[derive(Clone, Debug, PartialEq)]
pub struct Estimate<S> {
    /// The direction v_b.
    pub direction: FlatVector<S>,
    /// The gradient g̃_b that a control variate subtracts, where there is one: the diagnostics
    /// correlate it with the plain gradient.
    pub reference: Option<FlatVector<S>>,
}

/// A snapshot with the mean gradient there.
#[derive(Clone, Debug)]
pub struct Anchor<'a, S> {
    /// The snapshot x̃.
    pub snapshot: &'a FlatVector<S>,
    /// Its mean gradient μ.
    pub mean: &'a FlatVector<S>,
    /// Minibatches of the generation's plan that μ is the mean of: all m, or a mega-batch's.
    pub minibatches: Range<u32>,
}

/// Turns minibatch gradients into a direction of lower variance.
///
/// A driver calls [`ask`](Self::ask) and does what it says until there is a step, applies the step and
/// calls [`advance`](Self::advance). The estimator sees parameters and gradients only: batch-norm
/// statistics are out of its reach. Equal answers must lead to equal directions, to the bit.
///
/// [`ControlVariate`](crate::ControlVariate) is the part that methods with a snapshot share;
/// [`conformance`](crate::conformance) holds the checks that every estimator owes.
pub trait Estimator<S: Scalar>: Send + Sync {
    /// The method's name in results, figures and saved states.
    fn name(&self) -> &'static str;

    /// Sizes the state for a parameter space and `minibatches` minibatches per epoch. Called once,
    /// before anything else.
    ///
    /// # Errors
    /// When the options do not fit, or memory for a table cannot be had.
    fn begin(&mut self, space: &Arc<ParameterSpace>, minibatches: u32) -> Result<(), EstimatorError>;

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

    /// The direction that the coming step would have on minibatch `index` of the plan, from its gradient
    /// at the iterate and those at the [`probes`](Self::probes), in their order: what the variance of
    /// the method is measured by. It changes nothing.
    ///
    /// # Errors
    /// When a table fails.
    fn direction_on(
        &self,
        index: u32,
        gradient: &FlatVector<S>,
        probed: &[&FlatVector<S>],
    ) -> Result<Estimate<S>, EstimatorError>;

    /// The generation of the current batch plan: that of the last step, until the next is asked for.
    fn generation(&self) -> u32;

    /// Writes everything that influences the coming directions, but for what the options say and what
    /// can be computed again to the bit (a table of gradients at a snapshot). A driver saves at any time
    /// but between [`Ask::Move`] or [`Ask::Snapshot`] and the next ask.
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
    /// [`Purpose::Restore`](vr_core::Purpose::Restore).
    fn missing(&self) -> Vec<Request> {
        Vec::new()
    }

    /// Steps that make an epoch of `minibatches` minibatches: as many, unless the method leaves some
    /// out.
    fn steps_per_epoch(&self, minibatches: u32) -> u32 {
        minibatches
    }

    /// A point of the estimator's own; `None` where it has none, or none yet. Asking for a gradient there
    /// is then an error.
    fn point(&self, _point: Point) -> Option<&FlatVector<S>> {
        None
    }

    /// Where minibatch `index` must be evaluated, beside the iterate, to know the direction on it.
    fn probes(&self, _index: u32) -> Vec<Probe> {
        Vec::new()
    }

    /// The snapshot with its mean gradient, once that is known.
    fn anchor(&self) -> Option<Anchor<'_, S>> {
        None
    }

    /// Steps taken since the last snapshot, 0 before the first after it; `None` before there is one.
    fn since_snapshot(&self) -> Option<u64> {
        None
    }

    /// Before its first step: takes the place that it would have after `steps` whole epochs' steps, all of them plain SGD's. Says
    /// whether it can, which a method cannot that is not SGD for so long.
    fn follow_sgd(&mut self, _steps: u64) -> bool {
        false
    }
}

impl<S: Scalar, E: Estimator<S> + ?Sized> Estimator<S> for Box<E> {
    fn name(&self) -> &'static str {
        (**self).name()
    }
    fn begin(&mut self, space: &Arc<ParameterSpace>, minibatches: u32) -> Result<(), EstimatorError> {
        (**self).begin(space, minibatches)
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
    fn direction_on(
        &self,
        index: u32,
        gradient: &FlatVector<S>,
        probed: &[&FlatVector<S>],
    ) -> Result<Estimate<S>, EstimatorError> {
        (**self).direction_on(index, gradient, probed)
    }
    fn generation(&self) -> u32 {
        (**self).generation()
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
    fn steps_per_epoch(&self, minibatches: u32) -> u32 {
        (**self).steps_per_epoch(minibatches)
    }
    fn point(&self, point: Point) -> Option<&FlatVector<S>> {
        (**self).point(point)
    }
    fn probes(&self, index: u32) -> Vec<Probe> {
        (**self).probes(index)
    }
    fn anchor(&self) -> Option<Anchor<'_, S>> {
        (**self).anchor()
    }
    fn since_snapshot(&self) -> Option<u64> {
        (**self).since_snapshot()
    }
    fn follow_sgd(&mut self, steps: u64) -> bool {
        (**self).follow_sgd(steps)
    }
}
