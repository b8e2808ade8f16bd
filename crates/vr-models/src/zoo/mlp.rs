//! Fully connected networks without batch norm.

use super::{Family, Options};
use crate::graph::{ConvInit, Graph, GraphBuilder, GraphError};

/// Linear layers with ReLU between them; the hidden ones are of equal width.
pub const SIZED: Family = Family {
    name: "mlp",
    about: "linear layers with ReLU between them",
    defaults: Options { depth: Some(4), width: Some(128), ..Options::CIFAR },
    build: |options| mlp(options, |_| options.width.unwrap_or(1)),
};

/// Linear layers with ReLU between them, whose widths fall by one factor from the picture's values to the classes: with a depth of 4
/// on CIFAR-10 from 3,072 to 733, 175, 41 and 10, the MLP-4 of α-SVRG (Yin et al., ICLR 2025).
pub const TAPERED: Family = Family {
    name: "mlp-tapered",
    about: "linear layers with ReLU between them, each narrower by the same factor",
    defaults: Options { depth: Some(4), ..Options::CIFAR },
    build: |options| mlp(options, |layer| tapered(options, layer)),
};

/// One linear layer.
pub const LOGISTIC: Family = Family {
    name: "logistic-regression",
    about: "one linear layer",
    defaults: Options::CIFAR,
    build: |options| mlp(options, |_| 1),
};

fn mlp(options: Options, width: impl Fn(usize) -> usize) -> Result<Graph, GraphError> {
    let depth = options.depth.unwrap_or(1);
    let mut g = GraphBuilder::new(options.picture);
    let mut x = g.flatten(0);
    for layer in 1..depth {
        x = g.linear(x, &format!("fc{layer}"), width(layer));
        x = g.relu(x);
    }
    g.linear(x, &format!("fc{depth}"), options.classes);
    g.finish(ConvInit::KaimingUniform)
}

/// What a width that is whole may lack for rounding.
const ROUNDING: f64 = 1e-9;

/// The width after a layer: `values·(classes/values)^(layer/depth)`, rounded down.
fn tapered(options: Options, layer: usize) -> usize {
    let values = options.picture.iter().product::<usize>() as f64;
    let share = layer as f64 / options.depth.unwrap_or(1) as f64;
    ((values * (options.classes as f64 / values).powf(share) + ROUNDING) as usize).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn widths_fall_by_one_factor() {
        let cifar = TAPERED.defaults;
        assert_eq!([1, 2, 3, 4].map(|layer| tapered(cifar, layer)), [733, 175, 41, 10]);
        let depth_two = Options { depth: Some(2), picture: [1, 10, 10], classes: 4, ..cifar };
        assert_eq!([1, 2].map(|layer| tapered(depth_two, layer)), [20, 4]);
    }
}
