//! A convolution's kernels in terms of correlations.

use super::ConvShape;
use super::algorithms::{Correlations, WeightGrads};
use super::correlation::Correlation;
use super::few_positions::FewPositions;
use super::gather::Window;
use super::weight_grad::WeightGrad;
use super::winograd;
use crate::LANES;

fn window(shape: &ConvShape) -> Window {
    let origin = -(shape.padding as isize);
    Window {
        height: shape.height,
        width: shape.width,
        strides: [shape.height * shape.width * LANES, shape.width * LANES, LANES],
        taps_y: shape.kernel,
        taps_x: shape.kernel,
        stride: shape.stride,
        origin_y: origin,
        origin_x: origin,
        columns: shape.out_width(),
    }
}

pub(super) fn forward(shape: &ConvShape) -> Correlations {
    if let Some(rows) = winograd::forward(shape) {
        let channels = [shape.in_channels, shape.out_channels];
        return Correlations::Winograd(winograd::Correlation::new(channels, [shape.height, shape.width], rows));
    }
    let row = shape.out_width() * LANES;
    let strides = [shape.out_height() * row, row, LANES];
    let sizes = [shape.in_channels, shape.out_channels, shape.out_height()];
    Correlations::Direct(vec![Correlation::new(window(shape), sizes, strides, 0)])
}

pub(super) fn backward(shape: &ConvShape) -> Correlations {
    if let Some(rows) = winograd::input_grad(shape) {
        let channels = [shape.out_channels, shape.in_channels];
        return Correlations::Winograd(winograd::Correlation::new(channels, [shape.height, shape.width], rows));
    }
    let &ConvShape { in_channels, out_channels, height, width, kernel, stride, padding, .. } = shape;
    let (out_height, out_width) = (shape.out_height(), shape.out_width());
    let row = width * LANES;
    let mut phases = Vec::with_capacity(stride * stride);
    for py in 0..stride {
        for px in 0..stride {
            let [y, x] = [py, px].map(|phase| Taps::new(phase, kernel, stride, padding));
            let window = Window {
                height: out_height,
                width: out_width,
                strides: [out_height * out_width * LANES, out_width * LANES, LANES],
                taps_y: y.count,
                taps_x: x.count,
                stride: 1,
                origin_y: y.origin,
                origin_x: x.origin,
                columns: width.saturating_sub(px).div_ceil(stride),
            };
            let rows = height.saturating_sub(py).div_ceil(stride);
            let strides = [height * row, stride * row, stride * LANES];
            let origin = py * row + px * LANES;
            phases.push(Correlation::new(window, [out_channels, in_channels, rows], strides, origin));
        }
    }
    Correlations::Direct(phases)
}

pub(super) fn weight_grad(shape: &ConvShape) -> WeightGrads {
    let &ConvShape { in_channels, out_channels, height, width, .. } = shape;
    if let Some(rows) = winograd::weight_grad(shape) {
        return WeightGrads::Winograd(winograd::WeightGrad::new([in_channels, out_channels], [height, width], rows));
    }
    let sizes = [in_channels, out_channels, shape.out_height()];
    if FewPositions::fits(shape) {
        return WeightGrads::FewPositions(FewPositions::new(window(shape), sizes));
    }
    WeightGrads::Direct(WeightGrad::new(window(shape), sizes))
}

/// The taps that reach the inputs of one phase along one axis: input `stride · q + phase` gets
/// from output `q + origin + t` the tap `first + (count − 1 − t) · stride`.
pub(super) struct Taps {
    first: usize,
    count: usize,
    origin: isize,
}

impl Taps {
    pub fn new(phase: usize, kernel: usize, stride: usize, padding: usize) -> Self {
        let first = (phase + padding) % stride;
        let count = kernel.saturating_sub(first).div_ceil(stride);
        let origin = ((phase + padding) / stride) as isize - count as isize + 1;
        Self { first, count, origin }
    }

    /// The tap of t = 0; each next one is `stride` less.
    pub fn last(&self, stride: usize) -> usize {
        self.first + self.count.saturating_sub(1) * stride
    }
}
