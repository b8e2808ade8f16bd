//! Biases of convolutions and linear layers.

use super::{Address, Grid};

kernel! {
    /// `y[n][c][p] += bias[c]`.
    AddBias = "add_bias", |of| Grid::Elements(of.len),
    {
        /// `[N][C][positions]`, added to.
        y: Address<f32>,
        /// One of each channel.
        bias: Address<f32>,
        /// N · row.
        len: usize,
        /// Elements of a sample: C · positions.
        row: usize,
        /// Positions of a channel of one sample: 1 after a linear layer.
        positions: usize,
        /// Elements from one sample of y to the next.
        y_pitch: usize,
    }
}

kernel! {
    /// The sum of each chunk of each channel; with x the gradient of a layer's output, [`ChannelSumsFold`] makes of it that of the bias.
    ChannelSums = "channel_sums", |of| Grid::Blocks(of.channels.saturating_mul(of.chunks)),
    {
        /// `[N][channels][positions]`.
        x: Address<f32>,
        /// `[channels][chunks]`, written.
        parts: Address<f64>,
        /// Channels.
        channels: usize,
        /// Values of a channel: N · positions.
        count: usize,
        /// Positions of a channel of one sample.
        positions: usize,
        /// Elements from one sample of x to the next.
        x_pitch: usize,
        /// As [`ChannelCut`](super::ChannelCut) says.
        chunk: usize,
        /// As [`ChannelCut`](super::ChannelCut) says.
        chunks: usize,
    }
}

kernel! {
    /// The sum of each channel's parts, in order.
    ChannelSumsFold = "channel_sums_fold", |of| Grid::Elements(of.channels),
    {
        /// `[channels][chunks]`.
        parts: Address<f64>,
        /// One of each channel, written.
        sums: Address<f32>,
        /// Channels.
        channels: usize,
        /// Parts of a channel.
        chunks: usize,
    }
}
