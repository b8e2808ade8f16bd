//! The DenseNet-BCs of CIFAR (Huang et al., *Densely Connected Convolutional Networks*, CVPR 2017).

use super::{Family, Options, norm_act};
use crate::graph::{Conv, ConvInit, Graph, GraphBuilder, GraphError};

const DEPTH: usize = 40;
const GROWTH: usize = 36;

/// Of any depth and growth.
pub const SIZED: Family = Family {
    name: "densenet",
    about: "CIFAR's DenseNet-BC in three blocks: depth 6n + 4, and the growth as its width",
    defaults: Options { depth: Some(DEPTH), width: Some(GROWTH), ..Options::CIFAR },
    build: densenet,
};

/// The paper's.
pub const DENSENET_40_36: Family = Family {
    name: "densenet-40-36",
    about: "CIFAR's DenseNet-BC of depth 40 and growth 36",
    defaults: Options::CIFAR,
    build: |options| densenet(Options { depth: Some(40), width: Some(36), ..options }),
};

/// Three blocks of bottleneck layers, bottleneck ×4, compression 2.
fn densenet(options: Options) -> Result<Graph, GraphError> {
    let (depth, growth) = (options.depth.unwrap_or(DEPTH), options.width.unwrap_or(GROWTH));
    if depth < 10 || depth % 6 != 4 {
        return Err(GraphError::Depth { depth, expected: "6n + 4 layers with n at least 1, as in 40 or 100" });
    }
    let layers = (depth - 4) / 6;
    let mut g = GraphBuilder::new(options.picture);
    let mut channels = growth.saturating_mul(2);
    let mut x = g.conv(0, "conv1", Conv::new(channels, 3).same());
    for block in 1..=3 {
        for layer in 0..layers {
            let name = |part: &str| format!("block{block}.{layer}.{part}");
            let y = norm_act(&mut g, x, &name("bn1"), GraphBuilder::relu);
            let y = g.conv(y, &name("conv1"), Conv::new(growth.saturating_mul(4), 1));
            let y = norm_act(&mut g, y, &name("bn2"), GraphBuilder::relu);
            let y = g.conv(y, &name("conv2"), Conv::new(growth, 3).same());
            x = g.concat(vec![x, y]);
            channels = channels.saturating_add(growth);
        }
        if block < 3 {
            channels /= 2;
            let y = norm_act(&mut g, x, &format!("trans{block}.bn"), GraphBuilder::relu);
            let y = g.conv(y, &format!("trans{block}.conv"), Conv::new(channels, 1));
            x = g.avg_pool(y, 2);
        }
    }
    x = norm_act(&mut g, x, "bn", GraphBuilder::relu);
    x = g.global_avg_pool(x);
    x = g.flatten(x);
    g.linear(x, "fc", options.classes);
    g.finish(ConvInit::NormalFanOut)
}
