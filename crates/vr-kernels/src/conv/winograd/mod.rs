//! Winograd's algorithm for 3×3 layers: `F(4×4, 3×3)` and `F(2×4, 3×3)`.
//!
//! Lavin & Gray, *Fast Algorithms for Convolutional Neural Networks*, CVPR 2016. A tile of 4×4
//! outputs, with its 6×6 inputs, becomes 36 points along two axes; at each point all tiles and
//! channels meet in a matrix product, where the direct sum has 144 products for each tile. Tiles of
//! 2×4 outputs have 24 products for 72, and are more exact.

mod axis;
mod correlation;
mod four;
mod product;
mod tiles;
mod two;
mod weight_grad;

pub(super) use correlation::{Correlate, Correlation};
pub(super) use tiles::Rows;
pub(super) use weight_grad::WeightGrad;

use super::ConvShape;
use crate::LANES;

/// Tiles along an axis at least: where more of the taps meet the padding, the direct sum is too exact
/// to be matched.
const TILES: usize = 2;

/// Channels from which on it is used: with fewer the transforms cost more than they save.
const CHANNELS: usize = 8;

/// Input channels of a forward pass. With fewer the direct sum is too exact to be matched. With more,
/// errors carry activations over ReLU's kink, which costs the gradient far more than rounding in the
/// backward pass does.
const FORWARD: std::ops::RangeInclusive<usize> = 16..=64;

/// The tiles of the forward pass, if it runs by it.
pub(super) fn forward(shape: &ConvShape) -> Option<Rows> {
    if FORWARD.contains(&shape.in_channels) { input_grad(shape) } else { None }
}

/// The tiles of the input gradient, if it runs by it.
pub(super) fn input_grad(shape: &ConvShape) -> Option<Rows> {
    fits(shape).then_some(Rows::Four)
}

/// The tiles of the weight gradient, if it runs by it.
pub(super) fn weight_grad(shape: &ConvShape) -> Option<Rows> {
    // Sums over few positions are exact.
    let rows = if shape.height * shape.width < 256 { Rows::Two } else { Rows::Four };
    // Output channels stand in the lanes: with fewer the direct sum is as fast.
    (fits(shape) && shape.out_channels >= LANES).then_some(rows)
}

/// Whether tiles cover the picture, and pay.
fn fits(shape: &ConvShape) -> bool {
    let &ConvShape { in_channels, out_channels, height, width, kernel, stride, padding, .. } = shape;
    let covered = |side: usize| side.is_multiple_of(4) && side >= 4 * TILES;
    [kernel, stride, padding] == [3, 1, 1]
        && in_channels.min(out_channels) >= CHANNELS
        && covered(height)
        && covered(width)
}
