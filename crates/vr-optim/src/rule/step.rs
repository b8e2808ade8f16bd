//! One step as an update rule sees it.

use vr_core::{FlatVector, ParameterSpace, Scalar, TensorSpec};

/// A direction to follow, and which tensors follow it.
#[derive(Clone, Copy, Debug)]
pub struct Step<'a, S> {
    /// The parameters, with each tensor's options.
    pub space: &'a ParameterSpace,
    /// The schedule's rate, which a tensor's options scale.
    pub learning_rate: f64,
    /// The estimator's direction v.
    pub direction: &'a FlatVector<S>,
    /// Tensors that the step's own losses do not depend on, as indices into the space, ascending.
    pub unused: &'a [usize],
}

impl<'a, S: Scalar> Step<'a, S> {
    /// A step in which every loss depends on every tensor.
    pub fn new(space: &'a ParameterSpace, learning_rate: f64, direction: &'a FlatVector<S>) -> Self {
        Self { space, learning_rate, direction, unused: &[] }
    }

    /// The tensors that move: all but the frozen ones and those without a gradient.
    ///
    /// As in PyTorch and candle-nn, a tensor without a gradient neither decays nor coasts on its momentum. It has
    /// one, used in this step or not, where the direction is not zero: SVRG moves a tensor by μ after a minibatch
    /// that does not use it.
    pub fn tensors(&self) -> impl Iterator<Item = &'a TensorSpec> {
        let step = *self;
        let tensors = step.space.tensors().iter().enumerate();
        tensors
            .filter(move |(i, tensor)| !tensor.options().is_frozen() && step.has_gradient(*i, tensor))
            .map(|(_, t)| t)
    }

    fn has_gradient(&self, index: usize, tensor: &TensorSpec) -> bool {
        self.unused.binary_search(&index).is_err() || self.direction[tensor.range()].iter().any(|v| v.to_f64() != 0.0)
    }
}
