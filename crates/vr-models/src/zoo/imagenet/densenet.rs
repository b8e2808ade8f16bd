//! ImageNet's DenseNet-BC (Huang et al., *Densely Connected Convolutional Networks*, CVPR 2017).

use super::super::{Family, Options, norm_act};
use super::{STEM, classify, stem};
use crate::graph::{Conv, ConvInit, Graph, GraphBuilder, GraphError};

/// Channels that each layer adds.
const GROWTH: usize = 32;

/// The one of 169 layers.
pub const DENSENET169: Family = Family {
    name: "densenet169",
    about: "ImageNet's DenseNet-169, as in torchvision",
    defaults: Options::IMAGENET,
    build: |options| densenet(options, [6, 12, 32, 32]),
};

/// Four blocks of bottleneck layers, bottleneck ×4; between them half the channels at half the side.
fn densenet(options: Options, blocks: [usize; 4]) -> Result<Graph, GraphError> {
    let mut g = GraphBuilder::new(options.picture);
    let mut x = stem(&mut g, "features.conv0", "features.norm0");
    let mut channels = STEM;
    for (block, layers) in (1..).zip(blocks) {
        for layer in 1..=layers {
            let name = |part: &str| format!("features.denseblock{block}.denselayer{layer}.{part}");
            let y = norm_act(&mut g, x, &name("norm1"), GraphBuilder::relu);
            let y = g.conv(y, &name("conv1"), Conv::new(4 * GROWTH, 1));
            let y = norm_act(&mut g, y, &name("norm2"), GraphBuilder::relu);
            let y = g.conv(y, &name("conv2"), Conv::new(GROWTH, 3).same());
            x = g.concat(vec![x, y]);
            channels += GROWTH;
        }
        if block < blocks.len() {
            channels /= 2;
            let y = norm_act(&mut g, x, &format!("features.transition{block}.norm"), GraphBuilder::relu);
            let y = g.conv(y, &format!("features.transition{block}.conv"), Conv::new(channels, 1));
            x = g.avg_pool(y, 2);
        }
    }
    x = norm_act(&mut g, x, "features.norm5", GraphBuilder::relu);
    classify(&mut g, x, "classifier", options.classes);
    g.finish(ConvInit::NormalFanIn)
}
