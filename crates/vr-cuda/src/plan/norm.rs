//! Batch norm with what follows it.

use super::Ports;
use super::builder::{Builder, Target, View};
use super::fusion::FusedNorm;
use crate::CudaError;
use crate::kernels::{
    Address, ChannelCut, NormBackward, NormBackwardFold, NormBackwardSums, NormFold, NormForward, NormMoments,
    NormStored,
};

/// Added to a variance before its square root, as in `vr_models::graph::Op::BatchNorm`.
const EPSILON: f64 = 1e-5;

/// What the forward pass leaves for the backward pass, one number a channel.
#[derive(Clone, Copy, Debug)]
pub struct Saved {
    scale: Address<f32>,
    shift: Address<f32>,
    mean: Address<f64>,
    inv_std: Address<f64>,
}

/// Appends the forward pass: `y ← activation(norm(x) + residual)`.
pub fn forward(
    builder: &mut Builder<'_>,
    ports: &Ports,
    fused: FusedNorm,
    x: View,
    residual: Option<View>,
    y: View,
) -> Result<Saved, CudaError> {
    let node = &builder.graph.nodes()[fused.norm];
    let (channels, positions, row) =
        (builder.channels(fused.norm), builder.positions(fused.norm), builder.row(fused.norm));
    let (len, count) = (builder.len(fused.norm), builder.mode.samples * positions);
    let first: usize = builder.graph.norm_layers()[..node.norm].iter().map(|layer| layer.channels).sum();
    let (batch_mean, batch_variance) = (ports.mean.address().at(first), ports.variance.address().at(first));
    let [gamma, beta] = [0, 1].map(|tensor| builder.parameter(ports, node.tensor + tensor));
    let (scale, shift) = (builder.fresh(channels), builder.fresh(channels));
    let (mean, inv_std) = (builder.fresh(channels), builder.fresh(channels));
    let epsilon = EPSILON;
    if builder.mode.train {
        let ChannelCut { chunk, chunks, .. } = ChannelCut::new(count);
        let parts = builder.fresh(2 * channels * chunks);
        let (x, x_pitch) = (x.address, x.pitch);
        builder.launch(&NormMoments { x, parts, channels, count, positions, x_pitch, chunk, chunks })?;
        builder.launch(&NormFold {
            parts,
            gamma,
            beta,
            epsilon,
            channels,
            count,
            chunk,
            chunks,
            scale,
            shift,
            mean,
            inv_std,
            batch_mean,
            batch_variance,
        })?;
    } else {
        let (stored_mean, stored_variance) = (batch_mean, batch_variance);
        builder.launch(&NormStored {
            stored_mean,
            stored_variance,
            gamma,
            beta,
            epsilon,
            channels,
            scale,
            shift,
            mean,
            inv_std,
        })?;
    }
    builder.launch(&NormForward {
        x: x.address,
        residual: residual.map_or(Address::NULL, |residual| residual.address),
        scale,
        shift,
        y: y.address,
        len,
        row,
        positions,
        x_pitch: x.pitch,
        residual_pitch: residual.map_or(0, |residual| residual.pitch),
        y_pitch: y.pitch,
        activation: fused.activation,
    })?;
    Ok(Saved { scale, shift, mean, inv_std })
}

/// The tensors of a backward pass.
#[derive(Clone, Copy, Debug)]
pub struct Gradients {
    /// What went in.
    pub x: View,
    /// What came out, where it cannot be computed again from x alone.
    pub y: Option<View>,
    /// The gradient of what came out.
    pub dy: View,
    /// The gradient of what went in, if anything needs it.
    pub dx: Option<Target>,
    /// The gradient of what was added, if anything needs it.
    pub residual: Option<Target>,
    /// The gradients of γ and β.
    pub parameters: [Address<f32>; 2],
}

/// Appends the backward pass.
pub fn backward(
    builder: &mut Builder<'_>,
    ports: &Ports,
    fused: FusedNorm,
    saved: Saved,
    gradients: Gradients,
) -> Result<(), CudaError> {
    let Saved { scale, shift, mean, inv_std } = saved;
    let Gradients { x, y, dy, dx, residual, parameters: [dgamma, dbeta] } = gradients;
    let (channels, positions, row) =
        (builder.channels(fused.norm), builder.positions(fused.norm), builder.row(fused.norm));
    let (len, count) = (builder.len(fused.norm), builder.mode.samples * positions);
    let ChannelCut { chunk, chunks, .. } = ChannelCut::new(count);
    let gamma = builder.parameter(ports, builder.graph.nodes()[fused.norm].tensor);
    let (parts, map) = (builder.fresh(2 * channels * chunks), builder.fresh(4 * channels));
    let (x_pitch, y_pitch, dy_pitch) = (x.pitch, y.map_or(0, |y| y.pitch), dy.pitch);
    let (x, y, dy) = (x.address, y.map_or(Address::NULL, |y| y.address), dy.address);
    let activation = fused.activation;
    builder.launch(&NormBackwardSums {
        x,
        y,
        dy,
        scale,
        shift,
        mean,
        parts,
        channels,
        count,
        positions,
        x_pitch,
        y_pitch,
        dy_pitch,
        chunk,
        chunks,
        activation,
    })?;
    let training = builder.mode.train;
    builder.launch(&NormBackwardFold {
        parts,
        gamma,
        scale,
        mean,
        inv_std,
        channels,
        count,
        chunks,
        training,
        dgamma,
        dbeta,
        map,
    })?;
    let dx = match (dx, residual) {
        (None, None) => return Ok(()),
        (Some(dx), _) => dx,
        // The kernel writes both.
        (None, Some(_)) => Target { to: View { address: builder.fresh(len), pitch: row }, add: false },
    };
    builder.launch(&NormBackward {
        x,
        y,
        dy,
        scale,
        shift,
        map,
        dx: dx.to.address,
        dresidual: residual.map_or(Address::NULL, |residual| residual.to.address),
        len,
        row,
        positions,
        x_pitch,
        y_pitch,
        dy_pitch,
        dx_pitch: dx.to.pitch,
        dresidual_pitch: residual.map_or(0, |residual| residual.to.pitch),
        activation,
        add_dx: dx.add,
        add_dresidual: residual.is_some_and(|residual| residual.add),
    })
}
