//! Batch norm with what follows it.
//!
//! Training: [`NormMoments`], [`NormFold`], [`NormForward`]; with stored statistics [`NormStored`] in place of the first two. Backward:
//! [`NormBackwardSums`], [`NormBackwardFold`], [`NormBackward`]. The formulas are those of `vr-kernels`.

use super::{Activation, Address, Grid};

kernel! {
    /// Mean, and sum of squared deviations from it, of each chunk of each channel.
    NormMoments = "norm_moments", |of| Grid::Blocks(of.channels.saturating_mul(of.chunks)),
    {
        /// `[N][channels][positions]`.
        x: Address<f32>,
        /// `[channels][chunks][2]`, written.
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
    /// Batch statistics from the parts of [`NormMoments`], and the affine map `scale · x + shift` that batch norm is with them.
    NormFold = "norm_fold", |of| Grid::Elements(of.channels),
    {
        /// `[channels][chunks][2]`.
        parts: Address<f64>,
        /// γ.
        gamma: Address<f32>,
        /// β.
        beta: Address<f32>,
        /// ε, added to the variance.
        epsilon: f64,
        /// Channels.
        channels: usize,
        /// Values of a channel.
        count: usize,
        /// As for the moments.
        chunk: usize,
        /// As for the moments.
        chunks: usize,
        /// `γ / √(var + ε)`, written.
        scale: Address<f32>,
        /// `β − mean · scale`, written.
        shift: Address<f32>,
        /// Mean of the batch, written.
        mean: Address<f64>,
        /// `1 / √(var + ε)`, written.
        inv_std: Address<f64>,
        /// Mean of the batch, written: for the running statistics.
        batch_mean: Address<f32>,
        /// Unbiased variance of the batch, written: for the running statistics.
        batch_variance: Address<f32>,
    }
}

kernel! {
    /// The affine map that batch norm is with stored statistics.
    NormStored = "norm_stored", |of| Grid::Elements(of.channels),
    {
        /// Mean.
        stored_mean: Address<f32>,
        /// Variance.
        stored_variance: Address<f32>,
        /// γ.
        gamma: Address<f32>,
        /// β.
        beta: Address<f32>,
        /// ε, added to the variance.
        epsilon: f64,
        /// Channels.
        channels: usize,
        /// `γ / √(var + ε)`, written.
        scale: Address<f32>,
        /// `β − mean · scale`, written.
        shift: Address<f32>,
        /// The mean in double precision, written.
        mean: Address<f64>,
        /// `1 / √(var + ε)`, written.
        inv_std: Address<f64>,
    }
}

kernel! {
    /// `y = activation(scale[c] · x + shift[c] + residual)`.
    NormForward = "norm_forward", |of| Grid::Elements(of.len.div_ceil(4)),
    {
        /// `[N][C][positions]`.
        x: Address<f32>,
        /// As x, or NULL.
        residual: Address<f32>,
        /// One of each channel.
        scale: Address<f32>,
        /// One of each channel.
        shift: Address<f32>,
        /// As x, written. It may be x itself.
        y: Address<f32>,
        /// N · row.
        len: usize,
        /// Elements of a sample: C · positions.
        row: usize,
        /// Positions of a channel of one sample.
        positions: usize,
        /// Elements from one sample of x to the next.
        x_pitch: usize,
        /// Elements from one sample of the residual to the next.
        residual_pitch: usize,
        /// Elements from one sample of y to the next.
        y_pitch: usize,
        /// What follows.
        activation: Activation,
    }
}

kernel! {
    /// The sums over each chunk of each channel that the gradients are made of: `Σ dz` and `Σ dz · (x − mean)`, where dz is the gradient of
    /// what went into the activation.
    NormBackwardSums = "norm_backward_sums", |of| Grid::Blocks(of.channels.saturating_mul(of.chunks)),
    {
        /// `[N][channels][positions]`.
        x: Address<f32>,
        /// What came out of the activation. NULL where it may be computed again from x: without a residual.
        y: Address<f32>,
        /// The gradient of y.
        dy: Address<f32>,
        /// One of each channel.
        scale: Address<f32>,
        /// One of each channel.
        shift: Address<f32>,
        /// One of each channel.
        mean: Address<f64>,
        /// `[channels][chunks][2]`, written.
        parts: Address<f64>,
        /// Channels.
        channels: usize,
        /// Values of a channel: N · positions.
        count: usize,
        /// Positions of a channel of one sample.
        positions: usize,
        /// Elements from one sample of x to the next.
        x_pitch: usize,
        /// Elements from one sample of y to the next.
        y_pitch: usize,
        /// Elements from one sample of dy to the next.
        dy_pitch: usize,
        /// As [`ChannelCut`](super::ChannelCut) says.
        chunk: usize,
        /// As [`ChannelCut`](super::ChannelCut) says.
        chunks: usize,
        /// What followed.
        activation: Activation,
    }
}

kernel! {
    /// The gradients of γ and β from the parts of [`NormBackwardSums`], and the map from dz and x to the gradient of x.
    NormBackwardFold = "norm_backward_fold", |of| Grid::Elements(of.channels),
    {
        /// `[channels][chunks][2]`.
        parts: Address<f64>,
        /// γ.
        gamma: Address<f32>,
        /// One of each channel.
        scale: Address<f32>,
        /// One of each channel.
        mean: Address<f64>,
        /// One of each channel.
        inv_std: Address<f64>,
        /// Channels.
        channels: usize,
        /// Values of a channel.
        count: usize,
        /// As for the sums.
        chunks: usize,
        /// Whether the statistics are the batch's own; stored ones do not depend on x.
        training: bool,
        /// The gradient of γ, written.
        dgamma: Address<f32>,
        /// The gradient of β, written.
        dbeta: Address<f32>,
        /// `[channels][4]`, written: `dx = map[0] · dz + map[1] · (x − map[2]) + map[3]`.
        map: Address<f32>,
    }
}

kernel! {
    /// The gradient of x from that of y, and dz, the residual's.
    NormBackward = "norm_backward", |of| Grid::Elements(of.len.div_ceil(4)),
    {
        /// `[N][C][positions]`.
        x: Address<f32>,
        /// What came out of the activation, or NULL, as for the sums.
        y: Address<f32>,
        /// The gradient of y.
        dy: Address<f32>,
        /// One of each channel.
        scale: Address<f32>,
        /// One of each channel.
        shift: Address<f32>,
        /// `[C][4]`.
        map: Address<f32>,
        /// Written, or added to. It may be dy itself.
        dx: Address<f32>,
        /// dz, written or added to; or NULL.
        dresidual: Address<f32>,
        /// N · row.
        len: usize,
        /// Elements of a sample: C · positions.
        row: usize,
        /// Positions of a channel of one sample.
        positions: usize,
        /// Elements from one sample of x to the next.
        x_pitch: usize,
        /// Elements from one sample of y to the next.
        y_pitch: usize,
        /// Elements from one sample of dy to the next.
        dy_pitch: usize,
        /// Elements from one sample of dx to the next.
        dx_pitch: usize,
        /// Elements from one sample of dresidual to the next.
        dresidual_pitch: usize,
        /// What followed.
        activation: Activation,
        /// Whether dx is added to.
        add_dx: bool,
        /// Whether dresidual is added to.
        add_dresidual: bool,
    }
}
