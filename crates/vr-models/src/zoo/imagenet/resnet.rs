//! ImageNet's ResNets (He et al., *Deep Residual Learning for Image Recognition*, CVPR 2016). A bottleneck has its
//! stride on the 3×3 convolution.

use super::super::{Family, Options, norm_act};
use super::{STEM, classify, stem};
use crate::graph::{Conv, ConvInit, Graph, GraphBuilder, GraphError, NodeId};

/// The one of eighteen layers.
pub const RESNET18: Family = Family {
    name: "resnet18",
    about: "ImageNet's ResNet-18, as in torchvision",
    defaults: Options::IMAGENET,
    build: |options| resnet(options, [2, 2, 2, 2], Block::Basic),
};

/// The one of fifty layers.
pub const RESNET50: Family = Family {
    name: "resnet50",
    about: "ImageNet's ResNet-50, as in torchvision",
    build: |options| resnet(options, [3, 4, 6, 3], Block::Bottleneck { groups: 1, width: 64 }),
    ..RESNET18
};

/// What is added to a block's input.
#[derive(Clone, Copy)]
pub enum Block {
    /// Two 3×3 convolutions.
    Basic,
    /// 1×1, 3×3 and 1×1 convolutions, the last of four times as many channels as a basic block has.
    Bottleneck {
        /// Groups of the 3×3 convolution.
        groups: usize,
        /// Channels of each group in the first stage.
        width: usize,
    },
}

/// Four stages of residual blocks, each of twice the channels of the one before at half the side; ReLU follows the
/// sum, and where the shape changes the shortcut is a 1×1 convolution with batch norm.
pub fn resnet(options: Options, blocks: [usize; 4], kind: Block) -> Result<Graph, GraphError> {
    let mut g = GraphBuilder::new(options.picture);
    let mut x = stem(&mut g, "conv1", "bn1");
    let mut channels = STEM;
    for (stage, blocks) in blocks.into_iter().enumerate() {
        for block in 0..blocks {
            let name = |part: &str| format!("layer{}.{block}.{part}", stage + 1);
            let stride = if stage > 0 && block == 0 { 2 } else { 1 };
            let basic = STEM << stage;
            // The convolutions, the last of which no ReLU follows.
            let (out, convs) = match kind {
                Block::Basic => (basic, vec![Conv::new(basic, 3).same().stride(stride), Conv::new(basic, 3).same()]),
                Block::Bottleneck { groups, width } => {
                    let (inner, out) = ((groups * width) << stage, 4 * basic);
                    let middle = Conv::new(inner, 3).same().stride(stride).groups(groups);
                    (out, vec![Conv::new(inner, 1), middle, Conv::new(out, 1)])
                }
            };
            let y = branch(&mut g, x, &convs, name);
            let shortcut = if stride != 1 || channels != out {
                let y = g.conv(x, &name("downsample.0"), Conv::new(out, 1).stride(stride));
                g.batch_norm(y, &name("downsample.1"))
            } else {
                x
            };
            let sum = g.add(y, shortcut);
            x = g.relu(sum);
            channels = out;
        }
    }
    classify(&mut g, x, "fc", options.classes);
    g.finish(ConvInit::NormalFanOut)
}

/// Convolutions with batch norm, and ReLU between them.
fn branch(g: &mut GraphBuilder, from: NodeId, convs: &[Conv], name: impl Fn(&str) -> String) -> NodeId {
    let mut y = from;
    for (i, &conv) in (1..).zip(convs) {
        let norm = name(&format!("bn{i}"));
        y = g.conv(y, &name(&format!("conv{i}")), conv);
        y = if i < convs.len() { norm_act(g, y, &norm, GraphBuilder::relu) } else { g.batch_norm(y, &norm) };
    }
    y
}
