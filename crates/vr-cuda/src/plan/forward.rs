//! The forward pass.

use vr_models::graph::{Conv, NodeId, Op};

use super::builder::{Builder, View};
use super::fusion::{FusedNorm, Role, roles};
use super::homes::{Home, homes};
use super::values::Concatenations;
use super::{Ports, bias, norm, pool};
use crate::CudaError;
use crate::command::{Command, ConvShape, Convolution, Direction, Product};
use crate::kernels::{Activate, Activation, Add, Address, CrossEntropy, Dropout, FromLanes};

/// What a forward pass leaves for the backward pass.
pub struct Forward {
    /// How each node was computed.
    pub roles: Vec<Role>,
    /// The part of a concatenation that each node writes, if it does.
    pub homes: Vec<Option<Home>>,
    /// What a batch norm keeps, at the place of its node.
    pub norms: Vec<Option<norm::Saved>>,
    /// Where the maxima lie, at the place of a node that pools.
    pub chosen: Vec<Option<Address<u32>>>,
    /// The gradient of the logits, where a gradient is asked for.
    pub logits: Address<f32>,
    values: Vec<Option<View>>,
    concatenations: Concatenations,
}

/// Appends the forward pass with the loss.
pub fn forward(builder: &mut Builder<'_>, ports: &Ports) -> Result<Forward, CudaError> {
    let nodes = builder.graph.nodes();
    let writes = |node: NodeId| !matches!(nodes[node].op, Op::Input | Op::Dropout { .. } | Op::Flatten);
    let mut pass = Forward {
        roles: roles(builder.graph),
        homes: homes(builder.graph, writes),
        norms: vec![None; nodes.len()],
        chosen: vec![None; nodes.len()],
        logits: Address::NULL,
        values: vec![None; nodes.len()],
        concatenations: Concatenations::new(nodes.len(), false),
    };
    for node in 0..nodes.len() {
        match pass.roles[node] {
            Role::Inside => {}
            Role::End(fused) => pass.normed(builder, ports, node, fused)?,
            Role::Alone => pass.alone(builder, ports, node)?,
        }
    }
    let last = nodes.len() - 1;
    let logits = pass.value(builder, last)?;
    let logits = builder.without_gaps(last, logits)?.address;
    let gradient = if builder.mode.gradient { builder.fresh(builder.len(last)) } else { Address::NULL };
    let (samples, classes) = (builder.mode.samples, builder.row(last));
    builder.launch(&CrossEntropy {
        logits,
        labels: ports.labels.address(),
        losses: ports.losses.address(),
        hits: ports.hits.address(),
        gradient,
        scale: 1.0 / samples as f64,
        samples,
        classes,
    })?;
    pass.logits = gradient;
    Ok(pass)
}

impl Forward {
    /// The tensor of a node that is stored.
    pub fn value(&mut self, builder: &mut Builder<'_>, node: NodeId) -> Result<View, CudaError> {
        if let Some(value) = self.values[node] {
            return Ok(value);
        }
        let value = match self.homes[node] {
            Some(home) => self.concatenations.part(builder, home)?,
            None => builder.fresh_view(node),
        };
        self.values[node] = Some(value);
        Ok(value)
    }

    /// Whether the parts of a concatenation that a node computes lie in it already.
    pub fn is_part(&self, concatenation: NodeId, input: NodeId, first: usize) -> bool {
        let inside = self.homes[concatenation].map(|home| Home { first: home.first + first, ..home });
        inside.is_some() && self.homes[input] == inside
    }

    fn normed(
        &mut self,
        builder: &mut Builder<'_>,
        ports: &Ports,
        end: NodeId,
        fused: FusedNorm,
    ) -> Result<(), CudaError> {
        let x = self.value(builder, builder.graph.nodes()[fused.norm].inputs[0])?;
        let residual = fused.residual.map(|node| self.value(builder, node)).transpose()?;
        let y = self.value(builder, end)?;
        self.norms[fused.norm] = Some(norm::forward(builder, ports, fused, x, residual, y)?);
        Ok(())
    }

    /// A node that is computed by itself.
    fn alone(&mut self, builder: &mut Builder<'_>, ports: &Ports, id: NodeId) -> Result<(), CudaError> {
        let node = &builder.graph.nodes()[id];
        let inputs = node.inputs.iter().map(|&input| self.value(builder, input)).collect::<Result<Vec<_>, _>>()?;
        if matches!(node.op, Op::Dropout { .. }) && !builder.mode.noise {
            self.values[id] = Some(inputs[0]);
            return Ok(());
        }
        if node.op == Op::Flatten {
            self.values[id] = Some(builder.without_gaps(node.inputs[0], inputs[0])?);
            return Ok(());
        }
        let y = self.value(builder, id)?;
        let (len, row) = (builder.len(id), builder.row(id));
        match &node.op {
            Op::Input => builder.launch(&FromLanes { blocks: ports.pictures.address(), y: y.address, len, row }),
            Op::Conv(conv) => {
                builder.commands.push(Command::Convolution(Convolution {
                    direction: Direction::Forward,
                    shape: conv_shape(builder, id, conv),
                    x: inputs[0].address,
                    weight: builder.parameter(ports, node.tensor),
                    y: y.address,
                    x_pitch: inputs[0].pitch,
                    y_pitch: y.pitch,
                    add: false,
                }));
                match conv.bias {
                    true => bias::add(builder, id, builder.parameter(ports, node.tensor + 1), y),
                    false => Ok(()),
                }
            }
            Op::Linear { out } => {
                builder.commands.push(Command::Product(Product {
                    sizes: [builder.mode.samples, *out, builder.row(node.inputs[0])],
                    transposed: [false, true],
                    a: inputs[0].address,
                    b: builder.parameter(ports, node.tensor),
                    c: y.address,
                    add: false,
                }));
                bias::add(builder, id, builder.parameter(ports, node.tensor + 1), y)
            }
            Op::Relu | Op::Elu => builder.launch(&Activate {
                x: inputs[0].address,
                y: y.address,
                len,
                row,
                x_pitch: inputs[0].pitch,
                y_pitch: y.pitch,
                activation: activation(&node.op),
            }),
            &Op::Dropout { rate } => {
                let x = builder.without_gaps(node.inputs[0], inputs[0])?;
                dropout(builder, ports, id, rate, x, y, false)
            }
            Op::Add => builder.launch(&Add {
                a: inputs[0].address,
                b: inputs[1].address,
                y: y.address,
                len,
                row,
                a_pitch: inputs[0].pitch,
                b_pitch: inputs[1].pitch,
                y_pitch: y.pitch,
                activation: Activation::None,
            }),
            Op::Concat => {
                let mut first = 0;
                for (&input, &x) in node.inputs.iter().zip(&inputs) {
                    if !self.is_part(id, input, first) {
                        let address = y.address.at(first * builder.positions(id));
                        builder.copy(input, x, View { address, ..y }, false)?;
                    }
                    first += builder.channels(input);
                }
                Ok(())
            }
            Op::MaxPool(windows) | Op::AvgPool(windows) => {
                self.chosen[id] = pool::forward(builder, id, windows, inputs[0], y)?;
                Ok(())
            }
            // These have no tensor of their own, or another role.
            Op::Flatten | Op::BatchNorm => Ok(()),
        }
    }
}

/// The activation that a node is.
pub fn activation(op: &Op) -> Activation {
    match op {
        Op::Relu => Activation::Relu,
        Op::Elu => Activation::Elu,
        _ => Activation::None,
    }
}

/// Appends a product of `x` and a node's mask.
pub fn dropout(
    builder: &mut Builder<'_>,
    ports: &Ports,
    node: NodeId,
    rate: f64,
    x: View,
    y: View,
    add: bool,
) -> Result<(), CudaError> {
    builder.launch(&Dropout {
        x: x.address,
        y: y.address,
        key: ports.key.address(),
        samples: ports.samples.address(),
        rate,
        len: builder.len(node),
        row: builder.row(node),
        draw: builder.graph.nodes()[node].draw as usize,
        add,
    })
}

/// The sizes of a node that is a convolution.
pub fn conv_shape(builder: &Builder<'_>, node: NodeId, conv: &Conv) -> ConvShape {
    let &Conv { out, kernel, stride, padding, groups, .. } = conv;
    let from = &builder.graph.nodes()[builder.graph.nodes()[node].inputs[0]].shape;
    let samples = builder.mode.samples;
    ConvShape { samples, channels: from[0], sides: [from[1], from[2]], out, kernel, stride, padding, groups }
}
