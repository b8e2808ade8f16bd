//! LeNet with batch norm, for pictures of 16×16 and more.

use super::{Activation, Family, Options, norm_act};
use crate::graph::{Conv, ConvInit, Graph, GraphBuilder, GraphError};

/// The rate of LeNet with dropout, the usual one for hidden layers (Srivastava et al., JMLR 2014).
pub const DROPOUT: f64 = 0.5;

/// The paper's.
pub const PLAIN: Family = Family {
    name: "lenet",
    about: "LeNet with batch norm",
    defaults: Options::CIFAR,
    build: |options| lenet(options, GraphBuilder::relu, None),
};

/// With ELU in place of ReLU.
pub const WITH_ELU: Family = Family {
    name: "lenet-elu",
    about: "LeNet with ELU in place of ReLU",
    build: |options| lenet(options, GraphBuilder::elu, None),
    ..PLAIN
};

/// With dropout after the ReLU of both hidden linear layers.
pub const WITH_DROPOUT: Family = Family {
    name: "lenet-dropout",
    about: "LeNet with dropout of a half in both hidden linear layers",
    build: |options| lenet(options, GraphBuilder::relu, Some(DROPOUT)),
    ..PLAIN
};

fn lenet(options: Options, activation: Activation, dropout: Option<f64>) -> Result<Graph, GraphError> {
    let mut g = GraphBuilder::new(options.picture);
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
    g.linear(x, "fc3", options.classes);
    g.finish(ConvInit::KaimingUniform)
}
