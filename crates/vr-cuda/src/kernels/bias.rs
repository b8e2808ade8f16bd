//! Biases of convolutions and linear layers.

use super::{Address, Grid};

kernel! {
    /// `y[n][c][p] += bias[c]`.
    AddBias = "add_bias", |of| Grid::Elements(of.len),
    {
        /// `[N][channels][positions]`.
        y: Address<f32>,
        /// One of each channel.
        bias: Address<f32>,
        /// Elements of y.
        len: usize,
        /// Channels.
        channels: usize,
        /// Positions of a channel of one sample: 1 after a linear layer.
        positions: usize,
    }
}
