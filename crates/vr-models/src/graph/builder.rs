//! Building a network node by node.

use std::sync::Arc;

use vr_core::{NormLayer, ParameterSpace};

use super::op::{Conv, Op, Windows};
use super::shape::{GraphError, infer, pictures};
use super::{ConvInit, Graph, Node, NodeId};

/// A sample's draws end there: [`Noise`](vr_core::Noise) has so many blocks.
const MOST_DRAWS: u32 = 1 << 31;

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
        graph.error = pictures(input).err();
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
    /// Maximum over windows: `k` stands for k×k windows side by side.
    pub fn max_pool(&mut self, from: NodeId, windows: impl Into<Windows>) -> NodeId {
        self.push("max_pool", Op::MaxPool(windows.into()), vec![from])
    }
    /// Mean over windows: `k` stands for k×k windows side by side.
    pub fn avg_pool(&mut self, from: NodeId, windows: impl Into<Windows>) -> NodeId {
        self.push("avg_pool", Op::AvgPool(windows.into()), vec![from])
    }
    /// Mean of whole pictures, of whatever size.
    pub fn global_avg_pool(&mut self, from: NodeId) -> NodeId {
        let side = |axis: usize| self.nodes[from].shape.get(axis).copied().unwrap_or(1);
        self.avg_pool(from, Windows::whole([side(1), side(2)]))
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
    /// The first misfit of shapes, a name used twice, a node that nothing reads, or logits that are no vector.
    pub fn finish(self, conv_init: ConvInit) -> Result<Graph, GraphError> {
        if let Some(error) = self.error {
            return Err(error);
        }
        if let Some(Node { name, shape, .. }) = self.nodes.last().filter(|last| last.shape.len() != 1) {
            let expected = "the last node gives the logits, one vector a sample".into();
            return Err(GraphError::Shape { node: name.clone(), found: shape.clone(), expected });
        }
        let inner = self.nodes.split_last().map_or(&[][..], |(_, inner)| inner);
        let read = |id: usize| self.nodes.iter().any(|node| node.inputs.contains(&id));
        if let Some((_, node)) = inner.iter().enumerate().find(|(id, _)| !read(*id)) {
            return Err(GraphError::Unread { node: node.name.clone() });
        }
        let space = Arc::new(ParameterSpace::new(self.tensors)?);
        Ok(Graph { nodes: self.nodes, space, layers: self.layers.into(), conv_init })
    }

    fn push(&mut self, name: &str, op: Op, inputs: Vec<NodeId>) -> NodeId {
        let shapes: Vec<Vec<usize>> = inputs.iter().map(|&i| self.nodes[i].shape.clone()).collect();
        let shape = match infer(name, &op, &shapes) {
            Ok(shape) => shape,
            Err(error) => {
                self.error.get_or_insert(error);
                let shape = shapes.into_iter().next().unwrap_or_default();
                // Without its tensors, whose sizes may mean nothing.
                return self.append(name, Op::Input, inputs, shape);
            }
        };
        let id = self.append(name, op, inputs, shape);
        let from = shapes.first().cloned().unwrap_or_default();
        let channels = from.first().copied().unwrap_or_default();
        let mut tensor_of = |kind: &str, shape: Vec<usize>| self.tensors.push((format!("{name}.{kind}"), shape));
        match &self.nodes[id].op {
            &Op::Conv(Conv { out, kernel, bias, groups, .. }) => {
                tensor_of("weight", vec![out, channels / groups, kernel, kernel]);
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
            Op::Dropout { .. } => {
                let draws = from.iter().product::<usize>().div_ceil(4) as u32;
                match self.draws.checked_add(draws).filter(|&draws| draws < MOST_DRAWS) {
                    Some(draws) => self.draws = draws,
                    None => {
                        let what = "the masks of all dropouts of a sample have more than 2³³ elements".into();
                        self.error.get_or_insert(GraphError::Size { node: name.into(), what });
                    }
                }
            }
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
            refused(|g| _ = g.conv(0, "empty", Conv::new(4, 3).groups(0))),
            refused(|g| _ = g.max_pool(0, 0)).replace("max_pool", "empty"),
            refused(|g| _ = g.avg_pool(0, Windows::square(2).stride(0))).replace("avg_pool", "empty"),
            refused(|g| {
                let flat = g.flatten(0);
                g.linear(flat, "empty", 0);
            }),
        ] {
            assert!(error.contains("`empty`") && error.contains("at least 1"), "{error}");
        }
    }

    #[test]
    fn sizes_that_nothing_can_address_are_refused() {
        let huge = 1 << 62;
        let layers: [fn(&mut GraphBuilder, usize); 8] = [
            |g, huge| _ = g.conv(0, "large", Conv::new(huge, 3)),
            |g, huge| _ = g.conv(0, "large", Conv::new(4, huge)),
            |g, huge| _ = g.conv(0, "large", Conv::new(4, 3).stride(huge)),
            |g, huge| _ = g.conv(0, "large", Conv { padding: huge, ..Conv::new(4, 3) }),
            |g, huge| _ = g.max_pool(0, Windows::square(huge).padding(huge / 2)),
            |g, _| _ = g.conv(0, "large", Conv { padding: 2000, ..Conv::new(4, 3) }),
            |g, huge| {
                let flat = g.flatten(0);
                g.linear(flat, "large", huge);
            },
            |g, _| {
                let wide = g.conv(0, "wide", Conv::new(1 << 19, 1));
                g.concat(vec![wide; 2]);
            },
        ];
        for (i, layer) in layers.into_iter().enumerate() {
            let mut g = GraphBuilder::new([3, 8, 8]);
            layer(&mut g, huge);
            let error = g.finish(ConvInit::KaimingUniform).unwrap_err();
            assert!(matches!(error, GraphError::Size { .. }), "{i}: {error}");
        }
        for input in [[3, 0, 8], [huge, 2, 8], [1 << 20, 8, 8]] {
            let mut g = GraphBuilder::new(input);
            let flat = g.flatten(0);
            g.linear(flat, "fc", 2);
            g.finish(ConvInit::KaimingUniform).unwrap_err();
        }
    }

    #[test]
    fn groups_divide_the_channels() {
        let grouped = |out: usize, groups: usize| {
            let mut g = GraphBuilder::new([6, 8, 8]);
            let x = g.conv(0, "grouped", Conv::new(out, 3).groups(groups));
            g.flatten(x);
            g.finish(ConvInit::KaimingUniform)
        };
        assert_eq!(grouped(9, 3).unwrap().space().tensors()[0].shape(), [9, 2, 3, 3]);
        for (out, groups) in [(9, 2), (8, 4), (8, 1 << 62)] {
            let error = grouped(out, groups).unwrap_err().to_string();
            assert!(error.contains("`grouped`") && error.contains(&format!("{groups} groups")), "{error}");
        }
    }

    #[test]
    fn pooling_takes_windows_of_its_own() {
        let shape = |windows: Windows| {
            let mut g = GraphBuilder::new([3, 9, 8]);
            let pooled = g.max_pool(0, windows);
            g.flatten(pooled);
            g.finish(ConvInit::KaimingUniform).map(|graph| graph.nodes()[pooled].shape.clone())
        };
        assert_eq!(shape(Windows::square(2)).unwrap(), [3, 4, 4]);
        assert_eq!(shape(Windows::square(3).stride(2).padding(1)).unwrap(), [3, 5, 4]);
        assert_eq!(shape(Windows::whole([9, 4])).unwrap(), [3, 1, 2]);
        let error = shape(Windows::square(3).padding(2)).unwrap_err().to_string();
        assert!(error.contains("more than half a window"), "{error}");
        let error = shape(Windows::square(9)).unwrap_err().to_string();
        assert!(error.contains("larger than the padded picture"), "{error}");
    }

    #[test]
    fn logits_are_a_vector() {
        let mut g = GraphBuilder::new([3, 8, 8]);
        g.conv(0, "conv1", Conv::new(10, 8));
        let error = g.finish(ConvInit::KaimingUniform).unwrap_err().to_string();
        assert!(error.contains("`conv1`") && error.contains("logits"), "{error}");
    }

    #[test]
    fn a_node_that_nothing_reads_is_refused() {
        let mut g = GraphBuilder::new([3, 8, 8]);
        g.batch_norm(0, "forgotten");
        let flat = g.flatten(0);
        g.linear(flat, "fc", 2);
        let error = g.finish(ConvInit::KaimingUniform).unwrap_err();
        assert_eq!(error, GraphError::Unread { node: "forgotten".into() });
    }

    #[test]
    fn a_dropout_rate_is_a_probability_below_one() {
        for (rate, good) in [(0.0, true), (0.999, true), (1.0, false), (-0.1, false), (f64::NAN, false)] {
            let mut g = GraphBuilder::new([3, 8, 8]);
            let dropped = g.dropout(0, rate);
            g.flatten(dropped);
            let result = g.finish(ConvInit::KaimingUniform);
            assert_eq!(result.is_ok(), good, "{rate}");
            assert!(good || matches!(result, Err(GraphError::Rate { .. })));
        }
    }

    #[test]
    fn a_name_used_twice_is_refused() {
        let mut g = GraphBuilder::new([3, 8, 8]);
        let a = g.conv(0, "conv1", Conv::new(3, 3).same());
        let b = g.conv(a, "conv1", Conv::new(3, 3).same());
        g.flatten(b);
        assert!(matches!(g.finish(ConvInit::KaimingUniform), Err(GraphError::Space(_))));
    }
}
