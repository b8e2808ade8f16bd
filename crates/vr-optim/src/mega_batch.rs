//! Streaming methods, whose snapshot gradient is the mean over a mega-batch: streaming SVRG and SCSG.

use std::sync::Arc;

use vr_core::{FlatVector, ParameterSpace, Scalar, StateReader, StateWriter};

use crate::estimator::{Ask, Control, Estimator, EstimatorError, Request};
use crate::svrg::SnapshotGradients;
use crate::table::TableStorage;

/// How many minibatches make a mega-batch; never more than an epoch's.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MegaBatchSize {
    /// Always as many.
    Constant(u32),
    /// The k-th mega-batch (from 0) has `min(first·factor^k, most)`, rounded down.
    #[serde(rename_all = "kebab-case")]
    Growing {
        /// The first one's.
        first: u32,
        /// At least 1.
        factor: f64,
        /// Where growth ends.
        most: u32,
    },
}

/// How many steps follow a mega-batch.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum InnerSteps {
    /// As many as it has minibatches.
    Matching,
    /// Always as many.
    Fixed(u32),
    /// N with `P(N = k) = (1 − γ)·γ^k` for k = 0, 1, … and `γ = mean/(1 + mean)`, as SCSG was
    /// published. A mega-batch that no step follows would change nothing: it is left out.
    Geometric {
        /// The mean of N, at least 1.
        mean: f64,
    },
}

/// Which minibatches the steps use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum InnerSamples {
    /// The mega-batch's own in their order, again from its first when they are used up.
    Same,
    /// The next ones of the plan; the following mega-batch takes those after them.
    Fresh,
}

/// Options of [`MegaBatch`].
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct MegaBatchConfig {
    /// Minibatches of a mega-batch.
    pub size: MegaBatchSize,
    /// Steps that follow it.
    pub inner: InnerSteps,
    /// Their minibatches.
    pub samples: InnerSamples,
    /// Stored (with [`InnerSamples::Same`] only) or recomputed gradients.
    pub gradients: SnapshotGradients,
    /// Where stored gradients are kept.
    pub storage: TableStorage,
    /// Governs the geometric numbers of steps.
    pub seed: u64,
}

impl MegaBatchConfig {
    /// SCSG as the paper's authors released it: mega-batches of ten minibatches, stored, then one
    /// step on each of those in order.
    pub fn scsg_released() -> Self {
        Self {
            size: MegaBatchSize::Constant(10),
            inner: InnerSteps::Matching,
            samples: InnerSamples::Same,
            gradients: SnapshotGradients::Stored,
            storage: TableStorage::default(),
            seed: 0,
        }
    }

    /// SCSG as published (Lei, Ju, Chen & Jordan, NIPS 2017) with mega-batches of ten minibatches: a
    /// geometric number of steps, ten in the mean, on fresh minibatches.
    pub fn scsg_published(seed: u64) -> Self {
        Self { inner: InnerSteps::Geometric { mean: 10.0 }, seed, ..Self::streaming(MegaBatchSize::Constant(10)) }
    }

    /// Streaming SVRG (Frostig, Ge, Kakade & Sidford, COLT 2015): as many steps as the mega-batch has
    /// minibatches, on fresh ones.
    pub fn streaming(size: MegaBatchSize) -> Self {
        Self { size, samples: InnerSamples::Fresh, gradients: SnapshotGradients::Recomputed, ..Self::scsg_released() }
    }
}

impl Default for MegaBatchConfig {
    /// [`MegaBatchConfig::scsg_released`].
    fn default() -> Self {
        Self::scsg_released()
    }
}

/// `v = (g_b(x) − g_b(x̃)) + μ̂` with μ̂ the mean gradient of a mega-batch at the snapshot x̃, the
/// iterate when the mega-batch was taken.
#[derive(Debug)]
pub struct MegaBatch<S> {
    config: MegaBatchConfig,
    direction: FlatVector<S>,
}

impl<S: Scalar> MegaBatch<S> {
    /// The estimator before its first step.
    pub fn new(config: MegaBatchConfig) -> Self {
        Self { config, direction: FlatVector::default() }
    }
}

impl<S: Scalar> Estimator<S> for MegaBatch<S> {
    fn name(&self) -> &'static str {
        match (self.config.samples, self.config.inner) {
            (InnerSamples::Same, _) => "scsg",
            (InnerSamples::Fresh, InnerSteps::Geometric { .. }) => "scsg-published",
            (InnerSamples::Fresh, _) => "streaming-svrg",
        }
    }

    fn begin(&mut self, _space: &Arc<ParameterSpace>, _minibatches: u32) -> Result<(), EstimatorError> {
        todo!()
    }
    fn steps_per_epoch(&self) -> u32 {
        todo!()
    }
    fn ask(&mut self, _x: &FlatVector<S>) -> Result<Ask<'_, S>, EstimatorError> {
        Ok(Ask::Step(&self.direction))
    }
    fn tell(&mut self, _request: &Request, _gradient: &FlatVector<S>) -> Result<(), EstimatorError> {
        todo!()
    }
    fn advance(&mut self, _x: &FlatVector<S>) {}
    fn save(&self, _out: &mut StateWriter<'_>) -> Result<(), EstimatorError> {
        todo!()
    }
    fn restore(&mut self, _from: &StateReader<'_>) -> Result<(), EstimatorError> {
        Ok(())
    }
    fn generation(&self) -> u32 {
        0
    }
    fn snapshot(&self) -> Option<&FlatVector<S>> {
        None
    }
    fn control(&self) -> Option<Control<'_, S>> {
        None
    }
}
