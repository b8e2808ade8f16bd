//! A network described once, for any engine to run.

use std::sync::Arc;

use vr_core::{NormLayer, ParameterSpace, SpaceError};

/// What a node computes from its inputs; pictures are `[C, H, W]`, vectors `[C]`.
#[derive(Clone, Debug, PartialEq)]
pub enum Op {
    /// The pictures.
    Input,
    /// Convolution, with or without bias.
    Conv(Conv),
    /// Batch norm over every channel: momentum 0.1, eps 1e-5.
    BatchNorm,
    /// `x <= 0 ? 0 : x`: NaN stays NaN.
    Relu,
    /// `x > 0 ? x : e^x − 1`.
    Elu,
    /// 0 with probability `rate`, otherwise `x / (1 − rate)`, as the batch's [`Noise`](vr_core::Noise)
    /// says, whatever batch norm's mode; x itself for a batch without, which train mode refuses.
    Dropout {
        /// How much is dropped out, in [0, 1).
        rate: f64,
    },
    /// Sum of two inputs of one shape.
    Add,
    /// The inputs' channels one after another.
    Concat,
    /// Maximum of k×k windows with stride k.
    MaxPool(usize),
    /// Mean of k×k windows with stride k.
    AvgPool(usize),
    /// Everything in one vector.
    Flatten,
    /// Fully connected layer with bias.
    Linear {
        /// Output features.
        out: usize,
    },
}

/// A convolution with a square kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conv {
    /// Output channels.
    pub out: usize,
    /// Side of the kernel.
    pub kernel: usize,
    /// Step between patches.
    pub stride: usize,
    /// Zeros added on every side.
    pub padding: usize,
    /// Whether a bias is added.
    pub bias: bool,
}

impl Conv {
    /// Stride 1, no padding, no bias.
    pub fn new(out: usize, kernel: usize) -> Self {
        Self { out, kernel, stride: 1, padding: 0, bias: false }
    }
    /// With this stride.
    pub fn stride(self, stride: usize) -> Self {
        Self { stride, ..self }
    }
    /// With the padding that keeps the size at stride 1.
    pub fn same(self) -> Self {
        Self { padding: self.kernel / 2, ..self }
    }
    /// With a bias.
    pub fn bias(self) -> Self {
        Self { bias: true, ..self }
    }
}

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
    /// N(0, √(2/(k²·out))), as DenseNet's authors do.
    NormalFanOut,
}

/// Why a network cannot be described.
#[derive(Debug, thiserror::Error, PartialEq)]
pub enum GraphError {
    /// A node cannot take its inputs' shapes.
    #[error("node `{node}` cannot take an input of shape {found:?}; {expected}")]
    Shape {
        /// The node.
        node: String,
        /// Its input's shape.
        found: Vec<usize>,
        /// What would do.
        expected: String,
    },
    /// A layer without outputs, taps or progress.
    #[error("node `{node}` has a size of 0; outputs, kernel and stride must be at least 1")]
    Empty {
        /// The node.
        node: String,
    },
    /// A dropout rate is no probability below 1.
    #[error("node `{node}` cannot drop out {rate} of its input; at least 0 and less than 1 was expected")]
    Rate {
        /// The node.
        node: String,
        /// The rate given.
        rate: f64,
    },
    /// Two nodes share a name.
    #[error(transparent)]
    Space(#[from] SpaceError),
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
    /// Number of logits.
    pub fn classes(&self) -> usize {
        self.nodes.last().map_or(0, |node| node.shape[0])
    }
}

/// Builds a [`Graph`] node by node. The first misfit is kept and returned by [`finish`](Self::finish),
/// so that a network reads as its layers. Inputs are nodes that the same builder returned; any other
/// panics.
#[derive(Debug)]
pub struct GraphBuilder {
    nodes: Vec<Node>,
    tensors: Vec<(String, Vec<usize>)>,
    layers: Vec<NormLayer>,
    draws: u32,
    error: Option<GraphError>,
}

impl GraphBuilder {
    /// A network over pictures of shape `[C, H, W]`; node 0 is the input.
    pub fn new(input: [usize; 3]) -> Self {
        let mut graph = Self { nodes: Vec::new(), tensors: Vec::new(), layers: Vec::new(), draws: 0, error: None };
        graph.append("input", Op::Input, Vec::new(), input.to_vec());
        graph
    }

    /// Convolution with a square kernel.
    pub fn conv(&mut self, from: NodeId, name: &str, conv: Conv) -> NodeId {
        self.push(name, Op::Conv(conv), vec![from])
    }
    /// Batch norm.
    pub fn batch_norm(&mut self, from: NodeId, name: &str) -> NodeId {
        self.push(name, Op::BatchNorm, vec![from])
    }
    /// ReLU.
    pub fn relu(&mut self, from: NodeId) -> NodeId {
        self.push("relu", Op::Relu, vec![from])
    }
    /// Exponential linear unit.
    pub fn elu(&mut self, from: NodeId) -> NodeId {
        self.push("elu", Op::Elu, vec![from])
    }
    /// Dropout of a share `rate`.
    pub fn dropout(&mut self, from: NodeId, rate: f64) -> NodeId {
        self.push("dropout", Op::Dropout { rate }, vec![from])
    }
    /// Sum of two nodes.
    pub fn add(&mut self, a: NodeId, b: NodeId) -> NodeId {
        self.push("add", Op::Add, vec![a, b])
    }
    /// Channels of several nodes one after another.
    pub fn concat(&mut self, from: Vec<NodeId>) -> NodeId {
        self.push("concat", Op::Concat, from)
    }
    /// Maximum over k×k windows.
    pub fn max_pool(&mut self, from: NodeId, k: usize) -> NodeId {
        self.push("max_pool", Op::MaxPool(k), vec![from])
    }
    /// Mean over k×k windows.
    pub fn avg_pool(&mut self, from: NodeId, k: usize) -> NodeId {
        self.push("avg_pool", Op::AvgPool(k), vec![from])
    }
    /// One vector a sample.
    pub fn flatten(&mut self, from: NodeId) -> NodeId {
        self.push("flatten", Op::Flatten, vec![from])
    }
    /// Fully connected layer.
    pub fn linear(&mut self, from: NodeId, name: &str, out: usize) -> NodeId {
        self.push(name, Op::Linear { out }, vec![from])
    }

    /// The network, whose logits are the last node's.
    ///
    /// # Errors
    /// The first misfit of shapes, or a name used twice.
    pub fn finish(self, conv_init: ConvInit) -> Result<Graph, GraphError> {
        if let Some(error) = self.error {
            return Err(error);
        }
        let space = Arc::new(ParameterSpace::new(self.tensors)?);
        Ok(Graph { nodes: self.nodes, space, layers: self.layers.into(), conv_init })
    }

    fn push(&mut self, name: &str, op: Op, inputs: Vec<NodeId>) -> NodeId {
        let shapes: Vec<Vec<usize>> = inputs.iter().map(|&i| self.nodes[i].shape.clone()).collect();
        let shape = infer(name, &op, &shapes).unwrap_or_else(|error| {
            self.error.get_or_insert(error);
            shapes.first().cloned().unwrap_or_default()
        });
        let id = self.append(name, op, inputs, shape);
        let from = shapes.first().cloned().unwrap_or_default();
        let channels = from.first().copied().unwrap_or_default();
        let mut tensor_of = |kind: &str, shape: Vec<usize>| self.tensors.push((format!("{name}.{kind}"), shape));
        match &self.nodes[id].op {
            &Op::Conv(Conv { out, kernel, bias, .. }) => {
                tensor_of("weight", vec![out, channels, kernel, kernel]);
                if bias {
                    tensor_of("bias", vec![out]);
                }
            }
            &Op::Linear { out } => {
                tensor_of("weight", vec![out, channels]);
                tensor_of("bias", vec![out]);
            }
            Op::BatchNorm => {
                tensor_of("weight", vec![channels]);
                tensor_of("bias", vec![channels]);
                self.layers.push(NormLayer { name: name.into(), channels, momentum: 0.1 });
            }
            Op::Dropout { .. } => self.draws += from.iter().product::<usize>().div_ceil(4) as u32,
            _ => {}
        }
        id
    }

    fn append(&mut self, name: &str, op: Op, inputs: Vec<NodeId>, shape: Vec<usize>) -> NodeId {
        let (tensor, norm, draw) = (self.tensors.len(), self.layers.len(), self.draws);
        self.nodes.push(Node { name: name.into(), op, inputs, shape, tensor, norm, draw });
        self.nodes.len() - 1
    }
}

/// The shape of a node's value, from its inputs'.
fn infer(name: &str, op: &Op, inputs: &[Vec<usize>]) -> Result<Vec<usize>, GraphError> {
    let first = inputs.first().map_or(&[][..], Vec::as_slice);
    let misfit = |found: &[usize], expected: &str| {
        Err(GraphError::Shape { node: name.into(), found: found.to_vec(), expected: expected.into() })
    };
    match (op, first) {
        (
            &(Op::Conv(Conv { out: 0, .. } | Conv { kernel: 0, .. } | Conv { stride: 0, .. }) | Op::Linear { out: 0 }),
            _,
        ) => Err(GraphError::Empty { node: name.into() }),
        (&Op::Conv(Conv { out, kernel, stride, padding, .. }), &[_, h, w]) => {
            if h + 2 * padding < kernel || w + 2 * padding < kernel {
                return misfit(first, "the kernel is larger than the padded picture");
            }
            let side = |s: usize| (s + 2 * padding - kernel) / stride + 1;
            Ok(vec![out, side(h), side(w)])
        }
        (&(Op::MaxPool(k) | Op::AvgPool(k)), &[c, h, w]) => {
            if k == 0 || h % k != 0 || w % k != 0 {
                return misfit(first, "its sides must be multiples of the window");
            }
            Ok(vec![c, h / k, w / k])
        }
        (Op::Conv(_) | Op::MaxPool(_) | Op::AvgPool(_), _) => misfit(first, "it must be [C, H, W]"),
        (Op::Flatten, _) => Ok(vec![first.iter().product()]),
        (&Op::Linear { out }, &[_]) => Ok(vec![out]),
        (Op::Linear { .. }, _) => misfit(first, "it must be flat"),
        (Op::Add, _) => match inputs.iter().find(|shape| shape.as_slice() != first) {
            Some(other) => misfit(other, &format!("the other summand has shape {first:?}")),
            None => Ok(first.to_vec()),
        },
        (Op::Concat, &[_, h, w]) => {
            if let Some(other) = inputs.iter().find(|shape| shape.get(1..) != Some(&[h, w])) {
                return misfit(other, "the pictures to join must have one size");
            }
            Ok(vec![inputs.iter().map(|shape| shape[0]).sum(), h, w])
        }
        (Op::Concat, _) => misfit(first, "it must be [C, H, W]"),
        (&Op::Dropout { rate }, _) if !(0.0..1.0).contains(&rate) => Err(GraphError::Rate { node: name.into(), rate }),
        (Op::Input | Op::BatchNorm | Op::Relu | Op::Elu | Op::Dropout { .. }, _) => Ok(first.to_vec()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misfit_names_the_node() {
        let mut g = GraphBuilder::new([3, 8, 8]);
        let a = g.conv(0, "conv1", Conv::new(4, 3));
        g.add(0, a);
        let error = g.finish(ConvInit::KaimingUniform).unwrap_err();
        assert!(
            matches!(&error, GraphError::Shape { node, found, .. } if node == "add" && found == &[4, 6, 6]),
            "{error}"
        );
    }

    #[test]
    fn a_layer_of_size_zero_is_refused() {
        let refused = |layer: fn(&mut GraphBuilder)| {
            let mut g = GraphBuilder::new([3, 8, 8]);
            layer(&mut g);
            g.finish(ConvInit::KaimingUniform).unwrap_err().to_string()
        };
        for error in [
            refused(|g| _ = g.conv(0, "empty", Conv::new(0, 3))),
            refused(|g| _ = g.conv(0, "empty", Conv::new(4, 0))),
            refused(|g| _ = g.conv(0, "empty", Conv::new(4, 3).stride(0))),
            refused(|g| {
                let flat = g.flatten(0);
                g.linear(flat, "empty", 0);
            }),
        ] {
            assert!(error.contains("`empty`") && error.contains("at least 1"), "{error}");
        }
    }

    #[test]
    fn a_dropout_rate_is_a_probability_below_one() {
        for (rate, good) in [(0.0, true), (0.999, true), (1.0, false), (-0.1, false), (f64::NAN, false)] {
            let mut g = GraphBuilder::new([3, 8, 8]);
            g.dropout(0, rate);
            let result = g.finish(ConvInit::KaimingUniform);
            assert_eq!(result.is_ok(), good, "{rate}");
            assert!(good || matches!(result, Err(GraphError::Rate { .. })));
        }
    }

    #[test]
    fn a_name_used_twice_is_refused() {
        let mut g = GraphBuilder::new([3, 8, 8]);
        let a = g.conv(0, "conv1", Conv::new(3, 3).same());
        g.conv(a, "conv1", Conv::new(3, 3).same());
        assert!(matches!(g.finish(ConvInit::KaimingUniform), Err(GraphError::Space(_))));
    }
}
