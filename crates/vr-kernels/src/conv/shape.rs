//! The sizes of a convolution.

use crate::LANES;

/// A square convolution over a picture, with the same stride and zero padding on both axes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ConvShape {
    /// Channels of the input.
    pub in_channels: usize,
    /// Channels of the output.
    pub out_channels: usize,
    /// Rows of the input.
    pub height: usize,
    /// Columns of the input.
    pub width: usize,
    /// Rows and columns of the kernel.
    pub kernel: usize,
    /// Input rows (and columns) from one output to the next.
    pub stride: usize,
    /// Zeros around the input.
    pub padding: usize,
}

impl ConvShape {
    /// Rows of the output.
    pub fn out_height(&self) -> usize {
        (self.height + 2 * self.padding - self.kernel) / self.stride + 1
    }

    /// Columns of the output.
    pub fn out_width(&self) -> usize {
        (self.width + 2 * self.padding - self.kernel) / self.stride + 1
    }

    /// Number of weights.
    pub fn weights(&self) -> usize {
        self.out_channels * self.in_channels * self.kernel * self.kernel
    }

    /// Multiply-adds of one sample's forward pass, those with the padding counted too.
    pub fn macs(&self) -> usize {
        self.weights() * self.out_height() * self.out_width()
    }

    /// Floats of one lane block of inputs.
    pub fn input_len(&self) -> usize {
        self.in_channels * self.height * self.width * LANES
    }

    /// Floats of one lane block of outputs.
    pub fn output_len(&self) -> usize {
        self.out_channels * self.out_height() * self.out_width() * LANES
    }

    pub(super) fn check(&self) {
        let &Self { in_channels, out_channels, height, width, kernel, stride, padding } = self;
        let sizes = [in_channels, out_channels, height, width, kernel, stride];
        assert!(!sizes.contains(&0), "a size of zero: {self:?}");
        assert!(kernel <= height.min(width) + 2 * padding, "a kernel larger than the padded picture: {self:?}");
    }
}
