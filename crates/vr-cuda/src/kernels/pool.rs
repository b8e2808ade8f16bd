//! Pooling, as `vr_kernels::Pool` has it.

use super::argument::{Argument, Meaning};
use super::{Address, Grid};

/// Pictures and the windows over them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolShape {
    /// Channels.
    pub channels: usize,
    /// Rows and columns of a picture.
    pub input: [usize; 2],
    /// Rows and columns of what comes out: `⌊(side + 2 · padding − kernel) / stride⌋ + 1`.
    pub output: [usize; 2],
    /// Rows and columns of a window.
    pub kernel: [usize; 2],
    /// Rows and columns from one window to the next.
    pub stride: [usize; 2],
    /// Rows and columns added on each side, at most half a window: the maximum does not see them, and the mean counts them as zeros.
    pub padding: [usize; 2],
}

impl Argument for PoolShape {
    fn fields(_: &'static str) -> Vec<(&'static str, &'static str)> {
        let names = ["channels", "height", "width", "out_height", "out_width", "kernel_height", "kernel_width"];
        let more = ["stride_height", "stride_width", "padding_height", "padding_width"];
        names.into_iter().chain(more).map(|name| ("size", name)).collect()
    }

    fn values(self) -> Vec<Meaning> {
        let Self { channels, input, output, kernel, stride, padding } = self;
        let sizes = [&[channels][..], &input, &output, &kernel, &stride, &padding].concat();
        sizes.into_iter().map(Meaning::Count).collect()
    }
}

kernel! {
    /// The largest value of each window, and where it was.
    MaxPool = "max_pool", |of| Grid::Elements(of.len),
    {
        /// `[N][C][H][W]`.
        x: Address<f32>,
        /// `[N][C][OH][OW]`, written.
        y: Address<f32>,
        /// `[N][C][OH][OW]`, without gaps, written: where in its channel the value was, the first of the largest or the last NaN. Or NULL.
        chosen: Address<u32>,
        /// Elements of y.
        len: usize,
        /// Pictures and windows.
        shape: PoolShape,
        /// Elements from one sample of x to the next.
        x_pitch: usize,
        /// Elements from one sample of y to the next.
        y_pitch: usize,
    }
}

kernel! {
    /// The gradient of [`MaxPool`]: that of a window goes to the value that it chose.
    MaxPoolBackward = "max_pool_backward", |of| Grid::Elements(of.len),
    {
        /// `[N][C][OH][OW]`.
        dy: Address<f32>,
        /// As [`MaxPool`] wrote it.
        chosen: Address<u32>,
        /// `[N][C][H][W]`, written or added to.
        dx: Address<f32>,
        /// Elements of dx.
        len: usize,
        /// Pictures and windows.
        shape: PoolShape,
        /// Elements from one sample of dy to the next.
        dy_pitch: usize,
        /// Elements from one sample of dx to the next.
        dx_pitch: usize,
        /// Whether dx is added to.
        add: bool,
    }
}

kernel! {
    /// The mean of each window. A window over the whole picture is global pooling.
    MeanPool = "mean_pool", |of| Grid::Elements(of.len),
    {
        /// `[N][C][H][W]`.
        x: Address<f32>,
        /// `[N][C][OH][OW]`, written.
        y: Address<f32>,
        /// Elements of y.
        len: usize,
        /// Pictures and windows.
        shape: PoolShape,
        /// Elements from one sample of x to the next.
        x_pitch: usize,
        /// Elements from one sample of y to the next.
        y_pitch: usize,
    }
}

kernel! {
    /// The gradient of [`MeanPool`]: each value of a window has the same share.
    MeanPoolBackward = "mean_pool_backward", |of| Grid::Elements(of.len),
    {
        /// `[N][C][OH][OW]`.
        dy: Address<f32>,
        /// `[N][C][H][W]`, written or added to.
        dx: Address<f32>,
        /// Elements of dx.
        len: usize,
        /// Pictures and windows.
        shape: PoolShape,
        /// Elements from one sample of dy to the next.
        dy_pitch: usize,
        /// Elements from one sample of dx to the next.
        dx_pitch: usize,
        /// Whether dx is added to.
        add: bool,
    }
}
