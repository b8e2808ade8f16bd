//! Fully connected networks without batch norm.

use super::{Family, Options};
use crate::graph::{ConvInit, Graph, GraphBuilder, GraphError};

/// Linear layers with ReLU between them; the hidden ones are of equal width.
pub const SIZED: Family = Family {
    name: "mlp",
    about: "linear layers with ReLU between them",
    defaults: Options { depth: Some(4), width: Some(128), ..Options::CIFAR },
    build: mlp,
};

fn mlp(options: Options) -> Result<Graph, GraphError> {
    let (depth, width) = (options.depth.unwrap_or(1), options.width.unwrap_or(1));
    let mut g = GraphBuilder::new(options.picture);
    let mut x = g.flatten(0);
    for layer in 1..depth {
        x = g.linear(x, &format!("fc{layer}"), width);
        x = g.relu(x);
    }
    g.linear(x, &format!("fc{depth}"), options.classes);
    g.finish(ConvInit::KaimingUniform)
}
