//! A network described once, for any engine to run.

mod builder;
mod op;
mod shape;

pub use builder::GraphBuilder;
pub use op::{Conv, Op, Windows};
pub use shape::GraphError;

use std::sync::Arc;

use vr_core::{NormLayer, ParameterSpace};

/// One node of a [`Graph`].
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Its name; parameters are called `name.weight` and `name.bias`.
    pub name: String,
    /// What it computes.
    pub op: Op,
    /// Earlier nodes it reads.
    pub inputs: Vec<NodeId>,
    /// Shape of its value for one sample.
    pub shape: Vec<usize>,
    /// Place of its first tensor in the parameter space, where it has any.
    pub tensor: usize,
    /// Its batch-norm layer, where it is one.
    pub norm: usize,
    /// The first block of a sample's draws that is its own, where it drops out.
    pub draw: u32,
}

/// A node's place in its graph.
pub type NodeId = usize;

/// How the weights of convolutions are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConvInit {
    /// PyTorch's default, Kaiming-uniform with a = √5: U(±1/√fan_in).
    KaimingUniform,
    /// Kaiming-normal by the outputs: N(0, √(2/(k²·out))), as torchvision's ResNet and the authors' DenseNet do.
    NormalFanOut,
    /// Kaiming-normal by the inputs: N(0, √(2/fan_in)). The biases of linear layers are then 0, as in torchvision's
    /// DenseNet.
    NormalFanIn,
}

/// A network: nodes in order of computation, the last of which gives the logits.
#[derive(Clone, Debug, PartialEq)]
pub struct Graph {
    nodes: Vec<Node>,
    space: Arc<ParameterSpace>,
    layers: Arc<[NormLayer]>,
    conv_init: ConvInit,
}

impl Graph {
    /// The nodes in order of computation.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }
    /// The parameters, in the order of the nodes.
    pub fn space(&self) -> &Arc<ParameterSpace> {
        &self.space
    }
    /// The batch-norm layers, in the order of the nodes.
    pub fn norm_layers(&self) -> &Arc<[NormLayer]> {
        &self.layers
    }
    /// How convolutions are initialised.
    pub fn conv_init(&self) -> ConvInit {
        self.conv_init
    }
    /// Shape of one input picture, `[C, H, W]`.
    pub fn input_shape(&self) -> &[usize] {
        &self.nodes[0].shape
    }
    /// The first batch-norm layer with one value a channel in each sample, as after a linear layer: in train mode
    /// it needs minibatches of at least two.
    pub fn single_value_norm(&self) -> Option<&str> {
        let single = |node: &&Node| node.op == Op::BatchNorm && node.shape[1..].iter().all(|&side| side == 1);
        self.nodes.iter().find(single).map(|node| node.name.as_str())
    }
    /// Whether it says something that a label is among the five likeliest classes.
    pub fn has_top5(&self) -> bool {
        self.classes() > 5
    }
    /// Number of logits.
    pub fn classes(&self) -> usize {
        self.nodes.last().map_or(0, |node| node.shape[0])
    }
}
