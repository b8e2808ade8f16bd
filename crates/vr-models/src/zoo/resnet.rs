//! The ResNets of CIFAR (He et al., *Identity Mappings in Deep Residual Networks*, ECCV 2016).

use super::{Activation, Family, Options, norm_act};
use crate::graph::{Conv, ConvInit, Graph, GraphBuilder, GraphError};

const DEPTH: usize = 20;
const WIDTH: usize = 16;

/// Of any depth and width.
pub const SIZED: Family = Family {
    name: "resnet",
    about: "CIFAR's ResNet of pre-activation blocks in three stages of widths w, 2w, 4w: depth 6n + 2",
    defaults: Options { depth: Some(DEPTH), width: Some(WIDTH), ..Options::CIFAR },
    build: |options| resnet(options, GraphBuilder::relu),
};

/// The paper's small one.
pub const SMALL: Family = Family {
    name: "resnet-small",
    about: "CIFAR's ResNet of depth 20 with widths 8, 16, 32",
    defaults: Options::CIFAR,
    build: |options| resnet(Options { depth: Some(20), width: Some(8), ..options }, GraphBuilder::relu),
};

/// The small one with ELU in place of ReLU.
pub const SMALL_ELU: Family = Family {
    name: "resnet-small-elu",
    about: "the small ResNet with ELU in place of ReLU",
    build: |options| resnet(Options { depth: Some(20), width: Some(8), ..options }, GraphBuilder::elu),
    ..SMALL
};

/// The paper's large one.
pub const RESNET110: Family = Family {
    name: "resnet110",
    about: "CIFAR's ResNet of depth 110 with widths 16, 32, 64",
    build: |options| resnet(Options { depth: Some(110), width: Some(16), ..options }, GraphBuilder::relu),
    ..SMALL
};

/// Three stages of pre-activation blocks; where the shape changes, a 1×1 convolution of the
/// post-activation makes the shortcut; nothing follows the last block but pooling.
fn resnet(options: Options, activation: Activation) -> Result<Graph, GraphError> {
    let (depth, width) = (options.depth.unwrap_or(DEPTH), options.width.unwrap_or(WIDTH));
    if depth < 8 || depth % 6 != 2 {
        return Err(GraphError::Depth { depth, expected: "6n + 2 layers with n at least 1, as in 20, 56 or 110" });
    }
    let blocks = (depth - 2) / 6;
    let widths = [1, 2, 4].map(|factor| width.saturating_mul(factor));
    let mut g = GraphBuilder::new(options.picture);
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
    x = g.global_avg_pool(x);
    x = g.flatten(x);
    g.linear(x, "fc", options.classes);
    g.finish(ConvInit::KaimingUniform)
}
