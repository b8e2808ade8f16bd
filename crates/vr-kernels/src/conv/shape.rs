//! The sizes of a convolution.

use crate::LANES;

/// A square convolution over a picture, with the same stride and zero padding on both axes, in one or more
/// groups of channels.
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
    /// Equal groups of neighbouring channels: each group of outputs reads its group of inputs alone.
    pub groups: usize,
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
        self.out_channels * (self.in_channels / self.groups) * self.kernel * self.kernel
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

    /// The convolution of one group.
    pub(super) fn group(&self) -> Self {
        let [in_channels, out_channels] = [self.in_channels, self.out_channels].map(|n| n / self.groups);
        Self { in_channels, out_channels, groups: 1, ..*self }
    }

    /// What a size may be at most, so that the plan's products of two of them stay far from wrapping.
    const MOST: usize = 1 << 30;
    /// Rows and columns of a kernel at most.
    const MOST_TAPS: usize = 1 << 15;

    /// Panics unless there is something to compute, and every length that a plan computes from the shape
    /// is far from wrapping: the kernels trust them.
    pub(super) fn check(&self) {
        let &Self { in_channels, out_channels, height, width, kernel, stride, padding, groups } = self;
        let sizes = [in_channels, out_channels, height, width, kernel, stride, groups];
        assert!(!sizes.contains(&0), "a size of zero: {self:?}");
        let bounded = sizes.iter().chain([&padding]).all(|&size| size <= Self::MOST) && kernel <= Self::MOST_TAPS;
        assert!(bounded, "a size beyond 2³⁰, or a kernel beyond 2¹⁵: {self:?}");
        assert!(kernel <= height.min(width) + 2 * padding, "a kernel larger than the padded picture: {self:?}");
        let whole = in_channels.is_multiple_of(groups) && out_channels.is_multiple_of(groups);
        assert!(whole, "channels that {groups} groups do not divide: {self:?}");
        let channels = in_channels.max(out_channels);
        // A plan's lengths are at most some hundred times the largest of these.
        let lengths = [
            &[channels, height + 2 * padding, width + 2 * padding, LANES][..],
            &[in_channels / groups, out_channels, kernel, kernel, LANES],
            &[stride, stride],
        ];
        for factors in lengths {
            let product = factors.iter().try_fold(1usize, |product, &factor| product.checked_mul(factor));
            let fits = product.is_some_and(|length| length <= isize::MAX as usize >> 10);
            assert!(fits, "tensors that do not fit into memory: {self:?}");
        }
    }
}
