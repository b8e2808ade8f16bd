//! The paper's four CIFAR networks.

use std::fmt;
use std::str::FromStr;

use crate::graph::{Conv, ConvInit, Graph, GraphBuilder, GraphError, NodeId};

/// One of the paper's networks for 32×32 pictures in ten classes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Model {
    /// LeNet with batch norm: 62,458 parameters.
    Lenet,
    /// The CIFAR ResNet of 3×3 pre-activation blocks with widths 8, 16, 32: 68,642 parameters.
    ResnetSmall,
    /// The same of 3×18 blocks with widths 16, 32, 64: 1,730,426 parameters.
    Resnet110,
    /// DenseNet-BC of depth 40 and growth 36: 1,542,682 parameters.
    Densenet4036,
}

/// No network has this name.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("unknown model `{0}`; there are lenet, resnet-small, resnet110 and densenet-40-36")]
pub struct UnknownModel(pub String);

impl Model {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Lenet, Self::ResnetSmall, Self::Resnet110, Self::Densenet4036];

    /// The name on the command line and in results.
    pub fn name(self) -> &'static str {
        match self {
            Self::Lenet => "lenet",
            Self::ResnetSmall => "resnet-small",
            Self::Resnet110 => "resnet110",
            Self::Densenet4036 => "densenet-40-36",
        }
    }

    /// The network.
    ///
    /// # Errors
    /// None in fact: a test builds all four.
    pub fn graph(self) -> Result<Graph, GraphError> {
        match self {
            Self::Lenet => lenet(),
            Self::ResnetSmall => resnet(3, [8, 16, 32]),
            Self::Resnet110 => resnet(18, [16, 32, 64]),
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

fn norm_relu(g: &mut GraphBuilder, from: NodeId, name: &str) -> NodeId {
    let norm = g.batch_norm(from, name);
    g.relu(norm)
}

fn lenet() -> Result<Graph, GraphError> {
    let mut g = GraphBuilder::new([3, 32, 32]);
    let mut x = 0;
    for (i, out) in [(1, 6), (2, 16)] {
        x = g.conv(x, &format!("conv{i}"), Conv::new(out, 5).bias());
        x = norm_relu(&mut g, x, &format!("bn{i}"));
        x = g.max_pool(x, 2);
    }
    x = g.flatten(x);
    for (i, out) in [(1, 120), (2, 84)] {
        x = g.linear(x, &format!("fc{i}"), out);
        x = norm_relu(&mut g, x, &format!("fc_bn{i}"));
    }
    g.linear(x, "fc3", 10);
    g.finish(ConvInit::KaimingUniform)
}

/// CIFAR ResNet of pre-activation blocks; where the shape changes, a 1×1 convolution of the
/// post-activation makes the shortcut; nothing follows the last block but pooling.
fn resnet(blocks: usize, widths: [usize; 3]) -> Result<Graph, GraphError> {
    let mut g = GraphBuilder::new([3, 32, 32]);
    let stem = g.conv(0, "conv1", Conv::new(widths[0], 3).same());
    let mut x = norm_relu(&mut g, stem, "bn1");
    let mut channels = widths[0];
    for (stage, &width) in widths.iter().enumerate() {
        for block in 0..blocks {
            let name = |part: &str| format!("layer{}.{block}.{part}", stage + 1);
            let stride = if stage > 0 && block == 0 { 2 } else { 1 };
            let active = norm_relu(&mut g, x, &name("bn1"));
            let y = g.conv(active, &name("conv1"), Conv::new(width, 3).same().stride(stride));
            let y = norm_relu(&mut g, y, &name("bn2"));
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
            let y = norm_relu(&mut g, x, &name("bn1"));
            let y = g.conv(y, &name("conv1"), Conv::new(4 * growth, 1));
            let y = norm_relu(&mut g, y, &name("bn2"));
            let y = g.conv(y, &name("conv2"), Conv::new(growth, 3).same());
            x = g.concat(vec![x, y]);
            channels += growth;
        }
        if block < 3 {
            channels /= 2;
            let y = norm_relu(&mut g, x, &format!("trans{block}.bn"));
            let y = g.conv(y, &format!("trans{block}.conv"), Conv::new(channels, 1));
            x = g.avg_pool(y, 2);
        }
    }
    x = norm_relu(&mut g, x, "bn");
    x = g.avg_pool(x, 8);
    x = g.flatten(x);
    g.linear(x, "fc", 10);
    g.finish(ConvInit::NormalFanOut)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exact_parameter_counts() {
        for (model, parameters) in Model::ALL.into_iter().zip([62_458, 68_642, 1_730_426, 1_542_682]) {
            assert_eq!(model.graph().unwrap().space().len(), parameters, "{model}");
        }
    }

    #[test]
    fn names_round_trip_and_a_wrong_one_lists_them() {
        for model in Model::ALL {
            assert_eq!(model.name().parse(), Ok(model));
        }
        assert!("lenett".parse::<Model>().unwrap_err().to_string().contains("densenet-40-36"));
    }
}
