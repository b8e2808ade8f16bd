//! Scalar products of flat vectors in double precision: parts of each chunk, and [`SumChunks`] of each tensor.

use super::{Address, Grid};

kernel! {
    /// `⟨x, y⟩` over each chunk.
    Dot = "dot", |of| Grid::Blocks(of.blocks),
    {
        /// x.
        x: Address<f32>,
        /// y.
        y: Address<f32>,
        /// `[chunks]`, written.
        parts: Address<f64>,
        /// The table of [`Chunks`](super::Chunks).
        chunks: Address<u32>,
        /// Chunks.
        blocks: usize,
    }
}

kernel! {
    /// `[⟨y, y⟩, ⟨d, y⟩, ⟨d, d⟩]` over each chunk, with `d = gradient − reference` and `y = reference − mean`
    /// (`vr_core::vector::deviations`).
    Deviations = "deviations", |of| Grid::Blocks(of.blocks),
    {
        /// g.
        gradient: Address<f32>,
        /// g̃.
        reference: Address<f32>,
        /// μ.
        mean: Address<f32>,
        /// `[chunks][3]`, written.
        parts: Address<f64>,
        /// The table of [`Chunks`](super::Chunks).
        chunks: Address<u32>,
        /// Chunks.
        blocks: usize,
    }
}

kernel! {
    /// The sum of each tensor's parts, in order.
    SumChunks = "sum_chunks", |of| Grid::Elements(of.tensors.saturating_mul(of.width)),
    {
        /// `[chunks][width]`.
        parts: Address<f64>,
        /// [`Chunks::firsts`](super::Chunks::firsts).
        firsts: Address<u32>,
        /// `[tensors][width]`, written.
        sums: Address<f64>,
        /// Tensors of the space.
        tensors: usize,
        /// Numbers of a part.
        width: usize,
    }
}
