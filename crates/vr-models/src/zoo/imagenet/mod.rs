//! Networks for ImageNet, as torchvision has them: shapes, initial weights, names and order of the tensors. They take
//! pictures of any size, since the mean of whatever is left of them goes to the classifier.

pub mod densenet;
pub mod resnet;
pub mod resnext;

use super::norm_act;
use crate::graph::{Conv, GraphBuilder, NodeId, Windows};

/// Channels of the stem.
const STEM: usize = 64;

/// From the pictures to 64 channels at a quarter of their side: a 7×7 convolution and a maximum, each of stride 2.
fn stem(g: &mut GraphBuilder, conv: &str, norm: &str) -> NodeId {
    let y = g.conv(0, conv, Conv::new(STEM, 7).same().stride(2));
    let y = norm_act(g, y, norm, GraphBuilder::relu);
    g.max_pool(y, Windows::square(3).stride(2).padding(1))
}

/// Logits of the mean of whole pictures.
fn classify(g: &mut GraphBuilder, x: NodeId, name: &str, classes: usize) {
    let mean = g.global_avg_pool(x);
    let flat = g.flatten(mean);
    g.linear(flat, name, classes);
}
