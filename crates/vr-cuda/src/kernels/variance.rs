//! What a variance report is made of (`vr_core::VarianceAccumulator`).

use super::{Address, Grid};

kernel! {
    /// Adds one minibatch by Welford's update. [`SumChunks`](super::SumChunks) of width 5 makes sums of each tensor of the parts.
    ObserveVariance = "observe_variance", |of| Grid::Blocks(of.blocks),
    {
        /// g_b.
        gradient: Address<f32>,
        /// v_b.
        estimate: Address<f32>,
        /// g̃_b, or NULL.
        reference: Address<f32>,
        /// Mean of the gradients, updated.
        gradient_mean: Address<f64>,
        /// Mean of the directions, updated.
        estimate_mean: Address<f64>,
        /// Mean of the control variates, updated where there is one.
        reference_mean: Address<f64>,
        /// `[chunks][5]`, added to: sums of deviations of gradient, estimate, reference, gradient with reference, estimate with reference.
        parts: Address<f64>,
        /// The table of [`Chunks`](super::Chunks).
        chunks: Address<u32>,
        /// One over the number of minibatches with this one.
        weight: f64,
        /// Chunks.
        blocks: usize,
    }
}
