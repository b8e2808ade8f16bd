//! The element-wise map that kernels apply to activations while reading them.

use std::ops::Range;

use pulp::Simd;

/// A per-channel affine map with an optional ReLU: `relu(scale[c] · x + shift[c])`.
///
/// Batch normalisation folds into it, so that normalised activations need not be stored.
#[derive(Clone, Copy, Debug)]
pub struct Affine<'a> {
    /// The factor of each channel.
    pub scale: &'a [f32],
    /// The summand of each channel.
    pub shift: &'a [f32],
    /// Whether `v <= 0 ? 0 : v` follows: NaN stays NaN.
    pub relu: bool,
}

impl<'a> Affine<'a> {
    /// That of some of the channels.
    pub(crate) fn of_channels(self, channels: Range<usize>) -> Self {
        let part = |values: &'a [f32]| &values[channels.clone()];
        Self { scale: part(self.scale), shift: part(self.shift), relu: self.relu }
    }

    /// Panics unless there is one scale and one shift for each channel.
    pub(crate) fn check(&self, channels: usize) {
        assert_eq!(self.scale.len(), channels, "prologue scale: one value per channel");
        assert_eq!(self.shift.len(), channels, "prologue shift: one value per channel");
    }
}

/// `v <= 0 ? 0 : v`. NaN is not at most zero, so it stays; −0 becomes 0.
#[inline(always)]
pub(crate) fn relu<S: Simd>(simd: S, v: S::f32s) -> S::f32s {
    let zero = simd.splat_f32s(0.0);
    simd.select_f32s(simd.less_than_or_equal_f32s(v, zero), zero, v)
}
