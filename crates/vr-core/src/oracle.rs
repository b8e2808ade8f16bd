//! The gradient oracle: what a network must be able to do, and nothing it could hide.

use std::sync::Arc;

use crate::{FlatVector, NormLayer, NormStatistics, ParameterSpace, Scalar};

/// Which statistics batch norm normalises with.
#[derive(Clone, Copy, Debug)]
pub enum Normalization<'a, S> {
    /// Train mode: the minibatch's own. The gradient does not depend on any running statistics.
    Batch,
    /// Evaluation mode: these stored ones.
    Stored(&'a NormStatistics<S>),
}

/// What an evaluation returns beside the gradient.
#[derive(Clone, Debug, PartialEq)]
pub struct Evaluation<S = f32> {
    /// Mean loss over the minibatch.
    pub loss: f64,
    /// Samples whose largest logit is the label's; `None` where the oracle knows of no classes.
    pub correct: Option<usize>,
    /// Samples in the minibatch.
    pub samples: usize,
    /// In train mode the batch's statistics (variance unbiased), for the caller to fold into the
    /// running ones or to drop; `None` in evaluation mode.
    pub statistics: Option<NormStatistics<S>>,
}

/// A network with its loss, as a pure function of parameters, statistics and minibatch.
///
/// Equal arguments give equal results; nothing is kept from one call to the next. So a snapshot
/// pass may evaluate its minibatches in any order or at once, and batch-norm statistics go exactly
/// where the caller puts them.
pub trait Oracle {
    /// Element type of parameters and gradients.
    type Scalar: Scalar;
    /// What a minibatch is.
    type Batch;
    /// What can go wrong.
    type Error: std::error::Error + Send + Sync + 'static;

    /// The parameters, in order.
    fn space(&self) -> &Arc<ParameterSpace>;

    /// The batch-norm layers, in order; empty when the network has none.
    fn norm_layers(&self) -> &Arc<[NormLayer]>;

    /// Writes the gradient of the mean loss of `batch` at `x` to `out` and returns the rest.
    ///
    /// # Errors
    /// When `x`, `out` or the batch do not fit the network, or the computation fails.
    fn gradient(
        &self,
        x: &FlatVector<Self::Scalar>,
        norm: Normalization<'_, Self::Scalar>,
        batch: &Self::Batch,
        out: &mut FlatVector<Self::Scalar>,
    ) -> Result<Evaluation<Self::Scalar>, Self::Error>;

    /// The same without the gradient.
    ///
    /// # Errors
    /// As [`gradient`](Oracle::gradient).
    fn evaluate(
        &self,
        x: &FlatVector<Self::Scalar>,
        norm: Normalization<'_, Self::Scalar>,
        batch: &Self::Batch,
    ) -> Result<Evaluation<Self::Scalar>, Self::Error>;
}
