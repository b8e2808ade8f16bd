//! What a node of a network computes.

/// What a node computes from its inputs; pictures are `[C, H, W]`, vectors `[C]`.
#[derive(Clone, Debug, PartialEq)]
pub enum Op {
    /// The pictures.
    Input,
    /// Convolution, with or without bias.
    Conv(Conv),
    /// Batch norm over every channel: momentum 0.1, eps 1e-5.
    BatchNorm,
    /// `x <= 0 ? 0 : x`: NaN stays NaN.
    Relu,
    /// `x > 0 ? x : e^x − 1`.
    Elu,
    /// 0 with probability `rate`, otherwise `x / (1 − rate)`, as the batch's [`Noise`](vr_core::Noise)
    /// says, whatever batch norm's mode; x itself for a batch without, which train mode refuses.
    Dropout {
        /// How much is dropped out, in [0, 1).
        rate: f64,
    },
    /// Sum of two inputs of one shape.
    Add,
    /// The inputs' channels one after another.
    Concat,
    /// Maximum of windows, which does not see the padding.
    MaxPool(Windows),
    /// Mean of windows, which counts the padding as zeros.
    AvgPool(Windows),
    /// Everything in one vector.
    Flatten,
    /// Fully connected layer with bias.
    Linear {
        /// Output features.
        out: usize,
    },
}

/// A convolution with a square kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conv {
    /// Output channels.
    pub out: usize,
    /// Side of the kernel.
    pub kernel: usize,
    /// Step between patches.
    pub stride: usize,
    /// Zeros added on every side.
    pub padding: usize,
    /// Whether a bias is added.
    pub bias: bool,
    /// Equal groups of neighbouring channels: each group of outputs reads its group of inputs alone.
    pub groups: usize,
}

impl Conv {
    /// Stride 1, no padding, no bias, one group.
    pub fn new(out: usize, kernel: usize) -> Self {
        Self { out, kernel, stride: 1, padding: 0, bias: false, groups: 1 }
    }
    /// With this stride.
    pub fn stride(self, stride: usize) -> Self {
        Self { stride, ..self }
    }
    /// With the padding that keeps the size at stride 1.
    pub fn same(self) -> Self {
        Self { padding: self.kernel / 2, ..self }
    }
    /// In so many groups of channels.
    pub fn groups(self, groups: usize) -> Self {
        Self { groups, ..self }
    }
    /// With a bias.
    pub fn bias(self) -> Self {
        Self { bias: true, ..self }
    }
}

/// The windows of a pooling, each `[rows, columns]`. What none of them covers is dropped: a side gives
/// `⌊(side + 2 · padding − kernel) / stride⌋ + 1` outputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Windows {
    /// Size of a window.
    pub kernel: [usize; 2],
    /// Step from one window to the next.
    pub stride: [usize; 2],
    /// Padding on each side, at most half a window. The maximum ignores it; the mean counts it as zeros, which is
    /// PyTorch's `count_include_pad=True`.
    pub padding: [usize; 2],
}

impl Windows {
    /// `k × k` windows side by side.
    pub fn square(k: usize) -> Self {
        Self::whole([k; 2])
    }
    /// Windows of this size side by side.
    pub fn whole(kernel: [usize; 2]) -> Self {
        Self { kernel, stride: kernel, padding: [0; 2] }
    }
    /// With this stride on both axes.
    pub fn stride(self, stride: usize) -> Self {
        Self { stride: [stride; 2], ..self }
    }
    /// With this padding on all sides.
    pub fn padding(self, padding: usize) -> Self {
        Self { padding: [padding; 2], ..self }
    }

    /// Windows along an axis (0 for rows, 1 for columns) of a side that a window fits.
    pub(crate) fn outputs(&self, axis: usize, side: usize) -> usize {
        (side + 2 * self.padding[axis] - self.kernel[axis]) / self.stride[axis] + 1
    }

    /// What window `index` covers along an axis of a side.
    #[cfg(feature = "candle")]
    pub(crate) fn cover(&self, axis: usize, side: usize, index: usize) -> std::ops::Range<usize> {
        let start = index * self.stride[axis];
        let end = (start + self.kernel[axis]).saturating_sub(self.padding[axis]).min(side);
        start.saturating_sub(self.padding[axis])..end
    }

    /// The positions of a window.
    #[cfg(feature = "candle")]
    pub(crate) fn area(&self) -> usize {
        self.kernel[0] * self.kernel[1]
    }
}

/// `k × k` windows side by side.
impl From<usize> for Windows {
    fn from(k: usize) -> Self {
        Self::square(k)
    }
}
