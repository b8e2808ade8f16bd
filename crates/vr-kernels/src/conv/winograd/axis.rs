//! The maps of `F(m, 3)` along one axis: `m` outputs, or gradients of 3 taps, by `m + 2` products.

use pulp::Simd;

/// Outputs of a tile along an axis at most.
pub(super) const MAX_SIDE: usize = 4;
/// Points at most: inputs of a tile along an axis, and products.
pub(super) const MAX_POINTS: usize = 6;

/// One of the algorithms along an axis. Values beyond its own are ignored, and zero.
pub(super) trait Axis {
    /// Outputs of a tile.
    const SIDE: usize;
    /// Inputs of a tile, and products.
    const POINTS: usize = Self::SIDE + 2;

    /// Inputs to points.
    fn input<S: Simd>(simd: S, d: [S::f32s; MAX_POINTS]) -> [S::f32s; MAX_POINTS];

    /// Products to outputs.
    fn output<S: Simd>(simd: S, m: [S::f32s; MAX_POINTS]) -> [S::f32s; MAX_SIDE];

    /// Gradients of outputs to points: the transpose of [`output`](Self::output).
    fn output_grad<S: Simd>(simd: S, g: [S::f32s; MAX_SIDE]) -> [S::f32s; MAX_POINTS];

    /// Sums at points to gradients of taps: the transpose of [`weights`](Self::weights).
    fn weight_grad<S: Simd>(simd: S, u: [S::f32s; MAX_POINTS]) -> [S::f32s; 3];

    /// The taps of some outputs to points, in double precision so that they are rounded once.
    fn weights<const R: usize>(taps: [[f64; R]; 3]) -> [[f64; R]; MAX_POINTS];
}

/// The vectors at `index` of each of some arrays. A loop, since `map` on an array may stay a call, and
/// a call without the instruction set's features.
#[inline(always)]
pub(super) fn across<V: Copy, const N: usize, const M: usize>(arrays: &[[V; M]; N], index: usize) -> [V; N] {
    let mut across = [arrays[0][index]; N];
    for (to, array) in across.iter_mut().zip(arrays) {
        *to = array[index];
    }
    across
}
