//! The backward pass: the gradient of every node, from the last to the first, and of every tensor of the parameters.

use vr_models::graph::{Conv, NodeId, Op};

use super::builder::{Builder, Target, View};
use super::forward::{Forward, activation, conv_shape, dropout};
use super::fusion::{FusedNorm, Role};
use super::values::Concatenations;
use super::{Ports, bias, norm, pool};
use crate::CudaError;
use crate::command::{Command, Convolution, Direction, Product};
use crate::kernels::{ActivateBackward, Activation, Add, Address};

/// What is known of a node's gradient while its readers are gone through.
#[derive(Clone, Copy)]
enum Gradient {
    /// Nothing yet.
    None,
    /// A tensor of its own, or its part of a concatenation's.
    Own(View),
    /// The gradient of another node, which must stay as it is.
    Shared(View),
}

/// A backward pass in the making.
struct Backward<'b, 'g> {
    builder: &'b mut Builder<'g>,
    ports: &'b Ports,
    forward: &'b mut Forward,
    gradients: Vec<Gradient>,
    concatenations: Concatenations,
    /// Whether a node depends on any parameter.
    needed: Vec<bool>,
}

/// Appends the backward pass.
pub fn backward(builder: &mut Builder<'_>, ports: &Ports, forward: &mut Forward) -> Result<(), CudaError> {
    let nodes = builder.graph.nodes();
    let mut needed = vec![false; nodes.len()];
    for (id, node) in nodes.iter().enumerate() {
        let has_parameters = matches!(node.op, Op::Conv(_) | Op::Linear { .. } | Op::BatchNorm);
        needed[id] = has_parameters || node.inputs.iter().any(|&input| needed[input]);
    }
    let mut gradients = vec![Gradient::None; nodes.len()];
    let last = nodes.len() - 1;
    gradients[last] = Gradient::Own(View { address: forward.logits, pitch: builder.row(last) });
    let concatenations = Concatenations::new(nodes.len(), true);
    let mut pass = Backward { builder, ports, forward, gradients, concatenations, needed };
    (0..nodes.len()).rev().try_for_each(|node| pass.node(node))
}

impl Backward<'_, '_> {
    fn node(&mut self, node: NodeId) -> Result<(), CudaError> {
        let (Gradient::Own(dy) | Gradient::Shared(dy)) = self.gradients[node] else { return Ok(()) };
        match self.forward.roles[node] {
            Role::Inside => Ok(()),
            Role::End(fused) => self.normed(node, fused, dy),
            Role::Alone => self.alone(node, dy),
        }
    }

    /// The first element of a tensor of the gradient.
    fn tensor(&self, tensor: usize) -> Address<f32> {
        self.ports.gradient.address().at(self.builder.graph.space().tensors()[tensor].range().start)
    }

    /// Where a part of a node's gradient is to be written, or added; none if nothing depends on it.
    fn open(&mut self, node: NodeId) -> Result<Option<Target>, CudaError> {
        if !self.needed[node] {
            return Ok(None);
        }
        let target = match (self.gradients[node], self.forward.homes[node]) {
            (Gradient::Own(to), _) => Target { to, add: true },
            // Concatenations' gradients begin as zeros.
            (_, Some(home)) => Target { to: self.concatenations.part(self.builder, home)?, add: true },
            (Gradient::None, None) => Target { to: self.builder.fresh_view(node), add: false },
            (Gradient::Shared(other), None) => {
                let to = self.builder.fresh_view(node);
                self.builder.copy(node, other, to, false)?;
                Target { to, add: true }
            }
        };
        self.gradients[node] = Gradient::Own(target.to);
        Ok(Some(target))
    }

    /// Adds a complete gradient to that of a node of the same size.
    fn share(&mut self, node: NodeId, dy: View) -> Result<(), CudaError> {
        if !self.needed[node] {
            return Ok(());
        }
        match (self.gradients[node], self.forward.homes[node]) {
            (Gradient::None, None) => {
                self.gradients[node] = Gradient::Shared(dy);
                Ok(())
            }
            (Gradient::Shared(other), None) => {
                let (sum, len, row) = (self.builder.fresh_view(node), self.builder.len(node), self.builder.row(node));
                self.gradients[node] = Gradient::Own(sum);
                self.builder.launch(&Add {
                    a: other.address,
                    b: dy.address,
                    y: sum.address,
                    len,
                    row,
                    a_pitch: other.pitch,
                    b_pitch: dy.pitch,
                    y_pitch: sum.pitch,
                    activation: Activation::None,
                })
            }
            _ => match self.open(node)? {
                Some(Target { to, add }) => self.builder.copy(node, dy, to, add),
                None => Ok(()),
            },
        }
    }

    /// A batch norm with what follows it, the end of which has the gradient `dy`.
    fn normed(&mut self, end: NodeId, fused: FusedNorm, dy: View) -> Result<(), CudaError> {
        let node = &self.builder.graph.nodes()[fused.norm];
        let Some(saved) = self.forward.norms[fused.norm] else { return Ok(()) };
        let (input, parameters) = (node.inputs[0], [0, 1].map(|tensor| self.tensor(node.tensor + tensor)));
        let x = self.forward.value(self.builder, input)?;
        let bends = fused.activation != Activation::None;
        let y = match fused.residual {
            Some(_) if bends => Some(self.forward.value(self.builder, end)?),
            _ => None,
        };
        // The kernel writes the residual's gradient before that of x, which may be the same tensor.
        let residual = match fused.residual {
            Some(node) if bends => self.open(node)?,
            Some(node) => {
                self.share(node, dy)?;
                None
            }
            None => None,
        };
        let dx = self.open(input)?;
        norm::backward(self.builder, self.ports, fused, saved, norm::Gradients { x, y, dy, dx, residual, parameters })
    }

    /// A node that is computed by itself.
    fn alone(&mut self, id: NodeId, dy: View) -> Result<(), CudaError> {
        let node = &self.builder.graph.nodes()[id];
        let Some(&input) = node.inputs.first() else { return Ok(()) };
        match &node.op {
            Op::Conv(conv) => self.conv(id, input, conv, dy),
            &Op::Linear { out } => self.linear(id, input, out, dy),
            Op::Relu | Op::Elu => {
                let y = self.forward.value(self.builder, id)?;
                let Some(Target { to: dx, add }) = self.open(input)? else { return Ok(()) };
                self.builder.launch(&ActivateBackward {
                    y: y.address,
                    dy: dy.address,
                    dx: dx.address,
                    len: self.builder.len(id),
                    row: self.builder.row(id),
                    y_pitch: y.pitch,
                    dy_pitch: dy.pitch,
                    dx_pitch: dx.pitch,
                    activation: activation(&node.op),
                    add,
                })
            }
            &Op::Dropout { rate } => {
                if !self.builder.mode.noise {
                    return self.share(input, dy);
                }
                if self.forward.homes[input].is_none() {
                    let Some(Target { to, add }) = self.open(input)? else { return Ok(()) };
                    return dropout(self.builder, self.ports, id, rate, dy, to, add);
                }
                let dropped = self.builder.fresh_view(id);
                dropout(self.builder, self.ports, id, rate, dy, dropped, false)?;
                self.share(input, dropped)
            }
            Op::Add => node.inputs.iter().try_for_each(|&input| self.share(input, dy)),
            Op::Concat => self.concat(id, dy),
            Op::MaxPool(windows) | Op::AvgPool(windows) => {
                let Some(dx) = self.open(input)? else { return Ok(()) };
                pool::backward(self.builder, id, windows, self.forward.chosen[id], dy, dx)
            }
            Op::Flatten => {
                let dy = self.builder.without_gaps(id, dy)?;
                self.share(input, dy)
            }
            // The pictures have no gradient, and every batch norm has another role.
            Op::Input | Op::BatchNorm => Ok(()),
        }
    }

    fn conv(&mut self, id: NodeId, input: NodeId, conv: &Conv, dy: View) -> Result<(), CudaError> {
        let tensor = self.builder.graph.nodes()[id].tensor;
        let x = self.forward.value(self.builder, input)?;
        let weight = Convolution {
            direction: Direction::WeightGradient,
            shape: conv_shape(self.builder, id, conv),
            x: x.address,
            weight: self.tensor(tensor),
            y: dy.address,
            x_pitch: x.pitch,
            y_pitch: dy.pitch,
            add: false,
        };
        self.builder.commands.push(Command::Convolution(weight));
        if conv.bias {
            bias::gradient(self.builder, id, dy, self.tensor(tensor + 1))?;
        }
        let Some(Target { to: dx, add }) = self.open(input)? else { return Ok(()) };
        self.builder.commands.push(Command::Convolution(Convolution {
            direction: Direction::InputGradient,
            x: dx.address,
            x_pitch: dx.pitch,
            weight: self.builder.parameter(self.ports, tensor),
            add,
            ..weight
        }));
        Ok(())
    }

    fn linear(&mut self, id: NodeId, input: NodeId, out: usize, dy: View) -> Result<(), CudaError> {
        let tensor = self.builder.graph.nodes()[id].tensor;
        let (samples, inputs) = (self.builder.mode.samples, self.builder.row(input));
        let x = self.forward.value(self.builder, input)?;
        self.builder.commands.push(Command::Product(Product {
            sizes: [out, inputs, samples],
            transposed: [true, false],
            a: dy.address,
            b: x.address,
            c: self.tensor(tensor),
            add: false,
        }));
        bias::gradient(self.builder, id, dy, self.tensor(tensor + 1))?;
        let Some(Target { to: dx, add }) = self.open(input)? else { return Ok(()) };
        self.builder.commands.push(Command::Product(Product {
            sizes: [samples, inputs, out],
            transposed: [false, false],
            a: dy.address,
            b: self.builder.parameter(self.ports, tensor),
            c: dx.address,
            add,
        }));
        Ok(())
    }

    /// The parts of a concatenation's gradient that lie in it are those of its inputs already.
    fn concat(&mut self, id: NodeId, dy: View) -> Result<(), CudaError> {
        let inputs = &self.builder.graph.nodes()[id].inputs;
        let mut first = 0;
        for &input in inputs {
            let part = View { address: dy.address.at(first * self.builder.positions(id)), ..dy };
            if !self.forward.is_part(id, input, first) {
                self.share(input, part)?;
            } else if self.needed[input] {
                self.gradients[input] = Gradient::Own(part);
            }
            first += self.builder.channels(input);
        }
        Ok(())
    }
}
