//! The paper's four CIFAR networks, and variants of the small ones.

use std::fmt;
use std::str::FromStr;

use crate::graph::{Conv, ConvInit, Graph, GraphBuilder, GraphError, NodeId};

/// A network for 32×32 pictures in ten classes: one of the paper's or a variant of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Model {
    /// LeNet with batch norm: 62,458 parameters.
    Lenet,
    /// LeNet with ELU in place of ReLU: as many parameters.
    LenetElu,
    /// LeNet with dropout of [`DROPOUT`] after the ReLU of both hidden linear layers: as many parameters.
    LenetDropout,
    /// The CIFAR ResNet of 3×3 pre-activation blocks with widths 8, 16, 32: 68,642 parameters.
    ResnetSmall,
    /// The small ResNet with ELU in place of ReLU: as many parameters.
    ResnetSmallElu,
    /// The ResNet of 3×18 blocks with widths 16, 32, 64: 1,730,426 parameters.
    Resnet110,
    /// DenseNet-BC of depth 40 and growth 36: 1,542,682 parameters.
    Densenet4036,
}

/// No network has this name.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("unknown model `{0}`, expected one of `{names}`", names = Model::ALL.map(Model::name).join("`, `"))]
pub struct UnknownModel(pub String);

/// The rate of [`Model::LenetDropout`], the usual one for hidden layers (Srivastava et al., JMLR 2014).
pub const DROPOUT: f64 = 0.5;

impl Model {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Lenet,
        Self::LenetElu,
        Self::LenetDropout,
        Self::ResnetSmall,
        Self::ResnetSmallElu,
        Self::Resnet110,
        Self::Densenet4036,
    ];

    /// The name on the command line and in results.
    pub fn name(self) -> &'static str {
        match self {
            Self::Lenet => "lenet",
            Self::LenetElu => "lenet-elu",
            Self::LenetDropout => "lenet-dropout",
            Self::ResnetSmall => "resnet-small",
            Self::ResnetSmallElu => "resnet-small-elu",
            Self::Resnet110 => "resnet110",
            Self::Densenet4036 => "densenet-40-36",
        }
    }

    /// The network.
    ///
    /// # Errors
    /// None in fact: a test builds them all.
    pub fn graph(self) -> Result<Graph, GraphError> {
        match self {
            Self::Lenet => lenet(GraphBuilder::relu, None),
            Self::LenetElu => lenet(GraphBuilder::elu, None),
            Self::LenetDropout => lenet(GraphBuilder::relu, Some(DROPOUT)),
            Self::ResnetSmall => resnet(3, [8, 16, 32], GraphBuilder::relu),
            Self::ResnetSmallElu => resnet(3, [8, 16, 32], GraphBuilder::elu),
            Self::Resnet110 => resnet(18, [16, 32, 64], GraphBuilder::relu),
            Self::Densenet4036 => densenet(6, 36),
        }
    }
}

impl fmt::Display for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Model {
    type Err = UnknownModel;
    fn from_str(name: &str) -> Result<Self, UnknownModel> {
        Self::ALL.into_iter().find(|m| m.name() == name).ok_or_else(|| UnknownModel(name.into()))
    }
}

/// Appends ReLU or ELU.
type Activation = fn(&mut GraphBuilder, NodeId) -> NodeId;

fn norm_act(g: &mut GraphBuilder, from: NodeId, name: &str, activation: Activation) -> NodeId {
    let norm = g.batch_norm(from, name);
    activation(g, norm)
}

fn lenet(activation: Activation, dropout: Option<f64>) -> Result<Graph, GraphError> {
    let mut g = GraphBuilder::new([3, 32, 32]);
    let mut x = 0;
    for (i, out) in [(1, 6), (2, 16)] {
        x = g.conv(x, &format!("conv{i}"), Conv::new(out, 5).bias());
        x = norm_act(&mut g, x, &format!("bn{i}"), activation);
        x = g.max_pool(x, 2);
    }
    x = g.flatten(x);
    for (i, out) in [(1, 120), (2, 84)] {
        x = g.linear(x, &format!("fc{i}"), out);
        x = norm_act(&mut g, x, &format!("fc_bn{i}"), activation);
        x = dropout.map_or(x, |rate| g.dropout(x, rate));
    }
    g.linear(x, "fc3", 10);
    g.finish(ConvInit::KaimingUniform)
}

/// CIFAR ResNet of pre-activation blocks; where the shape changes, a 1×1 convolution of the
/// post-activation makes the shortcut; nothing follows the last block but pooling.
fn resnet(blocks: usize, widths: [usize; 3], activation: Activation) -> Result<Graph, GraphError> {
    let mut g = GraphBuilder::new([3, 32, 32]);
    let stem = g.conv(0, "conv1", Conv::new(widths[0], 3).same());
    let mut x = norm_act(&mut g, stem, "bn1", activation);
    let mut channels = widths[0];
    for (stage, &width) in widths.iter().enumerate() {
        for block in 0..blocks {
            let name = |part: &str| format!("layer{}.{block}.{part}", stage + 1);
            let stride = if stage > 0 && block == 0 { 2 } else { 1 };
            let active = norm_act(&mut g, x, &name("bn1"), activation);
            let y = g.conv(active, &name("conv1"), Conv::new(width, 3).same().stride(stride));
            let y = norm_act(&mut g, y, &name("bn2"), activation);
            let y = g.conv(y, &name("conv2"), Conv::new(width, 3).same());
            let shortcut = if stride != 1 || channels != width {
                g.conv(active, &name("shortcut"), Conv::new(width, 1).stride(stride))
            } else {
                x
            };
            x = g.add(y, shortcut);
            channels = width;
        }
    }
    x = g.avg_pool(x, 8);
    x = g.flatten(x);
    g.linear(x, "fc", 10);
    g.finish(ConvInit::KaimingUniform)
}

/// DenseNet-BC: three blocks of `layers` bottleneck layers, bottleneck ×4, compression 2.
fn densenet(layers: usize, growth: usize) -> Result<Graph, GraphError> {
    let mut g = GraphBuilder::new([3, 32, 32]);
    let mut channels = 2 * growth;
    let mut x = g.conv(0, "conv1", Conv::new(channels, 3).same());
    for block in 1..=3 {
        for layer in 0..layers {
            let name = |part: &str| format!("block{block}.{layer}.{part}");
            let y = norm_act(&mut g, x, &name("bn1"), GraphBuilder::relu);
            let y = g.conv(y, &name("conv1"), Conv::new(4 * growth, 1));
            let y = norm_act(&mut g, y, &name("bn2"), GraphBuilder::relu);
            let y = g.conv(y, &name("conv2"), Conv::new(growth, 3).same());
            x = g.concat(vec![x, y]);
            channels += growth;
        }
        if block < 3 {
            channels /= 2;
            let y = norm_act(&mut g, x, &format!("trans{block}.bn"), GraphBuilder::relu);
            let y = g.conv(y, &format!("trans{block}.conv"), Conv::new(channels, 1));
            x = g.avg_pool(y, 2);
        }
    }
    x = norm_act(&mut g, x, "bn", GraphBuilder::relu);
    x = g.avg_pool(x, 8);
    x = g.flatten(x);
    g.linear(x, "fc", 10);
    g.finish(ConvInit::NormalFanOut)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::Op;

    #[test]
    fn exact_parameter_counts() {
        let counts = [62_458, 62_458, 62_458, 68_642, 68_642, 1_730_426, 1_542_682];
        for (model, parameters) in Model::ALL.into_iter().zip(counts) {
            assert_eq!(model.graph().unwrap().space().len(), parameters, "{model}");
        }
    }

    #[test]
    fn variants_differ_in_their_activations_alone() {
        let count = |model: Model, op: Op| model.graph().unwrap().nodes().iter().filter(|node| node.op == op).count();
        for (plain, elu) in [(Model::Lenet, Model::LenetElu), (Model::ResnetSmall, Model::ResnetSmallElu)] {
            assert_eq!((count(elu, Op::Elu), count(elu, Op::Relu)), (count(plain, Op::Relu), 0));
        }
        assert_eq!(count(Model::LenetDropout, Op::Dropout { rate: DROPOUT }), 2);
    }

    #[test]
    fn names_round_trip_and_a_wrong_one_lists_them() {
        for model in Model::ALL {
            assert_eq!(model.name().parse(), Ok(model));
        }
        assert!("lenett".parse::<Model>().unwrap_err().to_string().contains("densenet-40-36"));
    }
}
