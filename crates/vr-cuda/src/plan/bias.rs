//! Biases.

use vr_models::graph::NodeId;

use super::builder::{Builder, View};
use crate::CudaError;
use crate::kernels::{AddBias, Address, ChannelCut, ChannelSums, ChannelSumsFold};

/// Appends `y ← y + bias`.
pub fn add(builder: &mut Builder<'_>, node: NodeId, bias: Address<f32>, y: View) -> Result<(), CudaError> {
    let (len, row, positions) = (builder.len(node), builder.row(node), builder.positions(node));
    builder.launch(&AddBias { y: y.address, bias, len, row, positions, y_pitch: y.pitch })
}

/// Appends the gradient of a bias, from that of the output of its node.
pub fn gradient(builder: &mut Builder<'_>, node: NodeId, dy: View, dbias: Address<f32>) -> Result<(), CudaError> {
    let (channels, positions) = (builder.channels(node), builder.positions(node));
    let ChannelCut { count, chunk, chunks } = ChannelCut::new(builder.mode.samples * positions);
    let parts = builder.fresh(channels * chunks);
    let (x, x_pitch) = (dy.address, dy.pitch);
    builder.launch(&ChannelSums { x, parts, channels, count, positions, x_pitch, chunk, chunks })?;
    builder.launch(&ChannelSumsFold { parts, sums: dbias, channels, chunks })
}
