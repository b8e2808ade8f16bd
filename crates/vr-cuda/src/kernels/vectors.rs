//! The arithmetic of estimators on flat vectors, with the bits of `vr-core`.

use super::{Address, Grid};

kernel! {
    /// The control variate `out = (g − α·g̃) + α·μ` with one α of each tensor (`vr_core::Coefficient`).
    Combine = "combine", |of| Grid::Blocks(of.blocks),
    {
        /// g.
        gradient: Address<f32>,
        /// g̃.
        reference: Address<f32>,
        /// μ.
        mean: Address<f32>,
        /// α of each tensor of the space.
        alphas: Address<f32>,
        /// Written.
        out: Address<f32>,
        /// The table of [`Chunks`](super::Chunks).
        chunks: Address<u32>,
        /// Chunks.
        blocks: usize,
    }
}

kernel! {
    /// The control variate with one α of each coordinate.
    CombineEach = "combine_each", |of| Grid::Elements(of.len),
    {
        /// g.
        gradient: Address<f32>,
        /// g̃.
        reference: Address<f32>,
        /// μ.
        mean: Address<f32>,
        /// α of each coordinate.
        alphas: Address<f32>,
        /// Written.
        out: Address<f32>,
        /// Elements.
        len: usize,
    }
}

kernel! {
    /// `y += a · x`.
    Axpy = "axpy", |of| Grid::Elements(of.len),
    {
        /// Added to.
        y: Address<f32>,
        /// x.
        x: Address<f32>,
        /// Rounded to single precision.
        a: f64,
        /// Elements.
        len: usize,
    }
}

kernel! {
    /// `y = keep · y + (1 − keep) · x`.
    AverageIn = "average_in", |of| Grid::Elements(of.len),
    {
        /// Moved.
        y: Address<f32>,
        /// x.
        x: Address<f32>,
        /// The share of y that stays.
        keep: f64,
        /// Elements.
        len: usize,
    }
}

kernel! {
    /// `sum += sign · x` in double precision (`vr_core::Mean`).
    MeanAdd = "mean_add", |of| Grid::Elements(of.len),
    {
        /// Added to.
        sum: Address<f64>,
        /// x.
        x: Address<f32>,
        /// 1 to add, −1 to take away.
        sign: f64,
        /// Elements.
        len: usize,
    }
}

kernel! {
    /// `mean = sum / count`, rounded once.
    MeanWrite = "mean_write", |of| Grid::Elements(of.len),
    {
        /// Σ.
        sum: Address<f64>,
        /// Written.
        mean: Address<f32>,
        /// Vectors in the sum.
        count: f64,
        /// Elements.
        len: usize,
    }
}
