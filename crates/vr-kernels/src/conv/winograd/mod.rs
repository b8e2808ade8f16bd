//! Winograd's algorithm for 3×3 layers: `F(4×4, 3×3)` and `F(2×4, 3×3)`.
//!
//! Lavin & Gray, *Fast Algorithms for Convolutional Neural Networks*, CVPR 2016. A tile of 4×4
//! outputs, with its 6×6 inputs, becomes 36 points along two axes; at each point all tiles and
//! channels meet in a matrix product, of the same micro-kernels as the direct sum, which has 144
//! products for each tile. Tiles of 2×4 outputs have 24 products for 72, and are more exact.

mod axis;
mod correlation;
mod four;
mod tiles;
mod two;
mod weight_grad;

pub(super) use correlation::{Correlate, Correlation};
pub(super) use tiles::Rows;
pub(super) use weight_grad::{GradWeights, WeightGrad};

use super::ConvShape;

/// Tiles along an axis at least: where more of the taps meet the padding, the direct sum is too exact
/// to be matched.
const TILES: usize = 2;

/// Input channels of a forward pass at most. Its errors carry activations over ReLU's kink, which costs
/// the gradient far more than rounding in the backward pass does; beyond, the direct sum is kept.
const INPUTS: usize = 64;

/// The tiles of the forward pass, if it runs by it.
pub(super) fn forward(shape: &ConvShape) -> Option<Rows> {
    if shape.in_channels <= INPUTS { input_grad(shape) } else { None }
}

/// The tiles of the input gradient, if it runs by it: with few channels the transforms cost more than
/// they save.
pub(super) fn input_grad(shape: &ConvShape) -> Option<Rows> {
    match shape.in_channels.min(shape.out_channels) {
        _ if !fits(shape) => None,
        0..16 => None,
        _ => Some(Rows::Four),
    }
}

/// The tiles of the weight gradient, if it runs by it.
pub(super) fn weight_grad(shape: &ConvShape) -> Option<Rows> {
    match shape.in_channels.min(shape.out_channels) {
        _ if !fits(shape) => None,
        0..16 => None,
        // Sums over few positions are exact.
        _ if shape.height * shape.width < 256 => Some(Rows::Two),
        _ => Some(Rows::Four),
    }
}

/// Whether tiles cover the picture.
fn fits(shape: &ConvShape) -> bool {
    let &ConvShape { height, width, kernel, stride, padding, .. } = shape;
    let covered = |side: usize| side.is_multiple_of(4) && side >= 4 * TILES;
    [kernel, stride, padding] == [3, 1, 1] && covered(height) && covered(width)
}
