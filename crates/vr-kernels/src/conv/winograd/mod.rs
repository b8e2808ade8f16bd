//! Winograd's algorithm `F(4×4, 3×3)`: 36 products where the direct sum has 144.
//!
//! Lavin & Gray, *Fast Algorithms for Convolutional Neural Networks*, CVPR 2016. A tile of 4×4
//! outputs, with its 6×6 inputs, becomes 36 points along two axes; at each point all tiles and
//! channels meet in a matrix product, of the same micro-kernels as the direct sum.

mod correlation;
mod tiles;
mod transform;
mod weight_grad;

pub(super) use correlation::{Correlate, Correlation};
pub(super) use weight_grad::{GradWeights, WeightGrad};

use super::ConvShape;
use transform::SIDE;

/// Whether tiles cover the shape.
fn fits(shape: &ConvShape) -> bool {
    let &ConvShape { height, width, kernel, stride, padding, .. } = shape;
    [kernel, stride, padding] == [3, 1, 1] && height.is_multiple_of(SIDE) && width.is_multiple_of(SIDE)
}

/// Whether forward and input gradient run by it: the direct sum is as fast with few channels, and
/// several times as exact.
pub(super) fn correlates(shape: &ConvShape) -> bool {
    fits(shape) && shape.in_channels.min(shape.out_channels) >= 16 && shape.height.min(shape.width) >= 2 * SIDE
}

/// Whether the weight gradient runs by it.
pub(super) fn correlates_weights(shape: &ConvShape) -> bool {
    correlates(shape) && shape.height * shape.width >= 16 * SIDE * SIDE
}
