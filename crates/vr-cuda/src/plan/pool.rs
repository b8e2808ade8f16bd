//! Pooling.

use vr_models::graph::{NodeId, Op, Windows};

use super::builder::{Builder, Target, View};
use crate::CudaError;
use crate::kernels::{Address, MaxPool, MaxPoolBackward, MeanPool, MeanPoolBackward, PoolShape};

/// The pictures and windows of a node that pools.
fn shape(builder: &Builder<'_>, node: NodeId, windows: &Windows) -> PoolShape {
    let sides = |node: NodeId| {
        let shape = &builder.graph.nodes()[node].shape;
        [shape[1], shape[2]]
    };
    let &Windows { kernel, stride, padding } = windows;
    let input = sides(builder.graph.nodes()[node].inputs[0]);
    PoolShape { channels: builder.channels(node), input, output: sides(node), kernel, stride, padding }
}

/// Appends the forward pass, and returns where the maxima's places are kept if a gradient will ask for them.
pub fn forward(
    builder: &mut Builder<'_>,
    node: NodeId,
    windows: &Windows,
    x: View,
    y: View,
) -> Result<Option<Address<u32>>, CudaError> {
    let (shape, len) = (shape(builder, node, windows), builder.len(node));
    let (x_pitch, y_pitch) = (x.pitch, y.pitch);
    let (x, y) = (x.address, y.address);
    if matches!(builder.graph.nodes()[node].op, Op::MaxPool(_)) {
        let chosen = builder.mode.gradient.then(|| builder.fresh(len));
        builder.launch(&MaxPool { x, y, chosen: chosen.unwrap_or(Address::NULL), len, shape, x_pitch, y_pitch })?;
        return Ok(chosen);
    }
    builder.launch(&MeanPool { x, y, len, shape, x_pitch, y_pitch })?;
    Ok(None)
}

/// Appends the backward pass.
pub fn backward(
    builder: &mut Builder<'_>,
    node: NodeId,
    windows: &Windows,
    chosen: Option<Address<u32>>,
    dy: View,
    dx: Target,
) -> Result<(), CudaError> {
    let (shape, len) = (shape(builder, node, windows), builder.len(builder.graph.nodes()[node].inputs[0]));
    let (dy_pitch, dx_pitch, add) = (dy.pitch, dx.to.pitch, dx.add);
    let (dy, dx) = (dy.address, dx.to.address);
    match chosen {
        Some(chosen) => builder.launch(&MaxPoolBackward { dy, chosen, dx, len, shape, dy_pitch, dx_pitch, add }),
        None => builder.launch(&MeanPoolBackward { dy, dx, len, shape, dy_pitch, dx_pitch, add }),
    }
}
