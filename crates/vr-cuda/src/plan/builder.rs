//! Appending commands over values that have no place yet.

use std::marker::PhantomData;

use vr_models::graph::{Graph, NodeId};

use super::layout::{Value, stand_in};
use super::{Mode, Ports};
use crate::CudaError;
use crate::command::Command;
use crate::kernels::{self, Address, Kernel};

/// A value that stays in its place, for what goes in and comes out.
#[derive(Debug)]
pub struct Port<T> {
    /// Which value.
    pub value: usize,
    /// Elements.
    pub len: usize,
    element: PhantomData<fn() -> T>,
}

impl<T> Clone for Port<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Port<T> {}

impl<T> Port<T> {
    /// The stand-in of its first element.
    pub fn address(&self) -> Address<T> {
        Address::new(stand_in(self.value, 0))
    }
}

/// A tensor `[N][row]` whose samples begin every `pitch` elements: some channels of a larger one, or all of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct View {
    /// The first element.
    pub address: Address<f32>,
    /// Elements from one sample to the next.
    pub pitch: usize,
}

/// A gradient that is written, or added to.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Where it lies.
    pub to: View,
    /// Whether it is added to what is there.
    pub add: bool,
}

/// A plan in the making.
pub struct Builder<'a> {
    /// The network.
    pub graph: &'a Graph,
    /// What the plan is for.
    pub mode: Mode,
    /// The values.
    pub values: Vec<Value>,
    /// The commands so far, whose addresses are stand-ins.
    pub commands: Vec<Command>,
}

impl<'a> Builder<'a> {
    /// An empty plan.
    pub fn new(graph: &'a Graph, mode: Mode) -> Self {
        Self { graph, mode, values: Vec::new(), commands: Vec::new() }
    }

    fn value(&mut self, bytes: usize, pinned: bool) -> usize {
        self.values.push(Value { bytes: bytes as u64, pinned });
        self.values.len() - 1
    }

    /// A value of so many elements, which lives from the first command that names it to the last.
    pub fn fresh<T>(&mut self, len: usize) -> Address<T> {
        Address::new(stand_in(self.value(len * size_of::<T>(), false), 0))
    }

    /// A value for a node's tensor, or for the gradient of it, without gaps.
    pub fn fresh_view(&mut self, node: NodeId) -> View {
        View { address: self.fresh(self.len(node)), pitch: self.row(node) }
    }

    /// A value that stays.
    pub fn port<T>(&mut self, len: usize) -> Port<T> {
        Port { value: self.value(len * size_of::<T>(), true), len, element: PhantomData }
    }

    /// The first element of a tensor of the parameters.
    pub fn parameter(&self, ports: &Ports, tensor: usize) -> Address<f32> {
        ports.parameters.address().at(self.graph.space().tensors()[tensor].range().start)
    }

    /// Appends a kernel.
    pub fn launch<K: Kernel>(&mut self, kernel: &K) -> Result<(), CudaError> {
        self.commands.push(Command::kernel(kernel)?);
        Ok(())
    }

    /// Elements of a node's value for all samples.
    pub fn len(&self, node: NodeId) -> usize {
        self.mode.samples * self.row(node)
    }

    /// Elements of a node's value for one sample.
    pub fn row(&self, node: NodeId) -> usize {
        self.graph.nodes()[node].shape.iter().product()
    }

    /// Channels of a node's value.
    pub fn channels(&self, node: NodeId) -> usize {
        self.graph.nodes()[node].shape[0]
    }

    /// Positions of a channel of a node's value.
    pub fn positions(&self, node: NodeId) -> usize {
        self.graph.nodes()[node].shape[1..].iter().product()
    }

    /// Copies or adds a tensor of a node's size.
    pub fn copy(&mut self, node: NodeId, x: View, y: View, add: bool) -> Result<(), CudaError> {
        let (len, row) = (self.len(node), self.row(node));
        let (x_pitch, y_pitch) = (x.pitch, y.pitch);
        self.launch(&kernels::Copy { x: x.address, y: y.address, len, row, x_pitch, y_pitch, add })
    }

    /// The same tensor of a node's size without gaps, for what cannot read others.
    pub fn without_gaps(&mut self, node: NodeId, x: View) -> Result<View, CudaError> {
        if x.pitch == self.row(node) {
            return Ok(x);
        }
        let y = self.fresh_view(node);
        self.copy(node, x, y, false)?;
        Ok(y)
    }
}
