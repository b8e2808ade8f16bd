//! Networks by name and options. The table holds the paper's four for CIFAR-10, variants of the small ones, the
//! families they belong to, and those for ImageNet.
//!
//! A network is added by a file beside this one, its `mod` line, its line of the table, and a row of the test of
//! parameter counts.

mod densenet;
mod imagenet;
mod lenet;
mod mlp;
mod model;
mod resnet;

pub use lenet::DROPOUT;
pub use model::{Model, ModelError};

use crate::graph::{Graph, GraphBuilder, GraphError, NodeId};

/// Every network that a name stands for.
pub const TABLE: [&Family; 17] = [
    &lenet::PLAIN,
    &lenet::WITH_ELU,
    &lenet::WITH_DROPOUT,
    &resnet::SIZED,
    &resnet::SMALL,
    &resnet::SMALL_ELU,
    &resnet::RESNET110,
    &densenet::SIZED,
    &densenet::DENSENET_40_36,
    &mlp::SIZED,
    &mlp::TAPERED,
    &mlp::LOGISTIC,
    &imagenet::resnet::RESNET18,
    &imagenet::resnet::RESNET50,
    &imagenet::resnext::RESNEXT50,
    &imagenet::resnext::RESNEXT101,
    &imagenet::densenet::DENSENET169,
];

/// The networks of one name.
#[derive(Clone, Copy, Debug)]
pub struct Family {
    /// The name on command lines and in results.
    pub name: &'static str,
    /// One line of what it is.
    pub about: &'static str,
    /// The options of the name alone. Width or depth are `None` where they are no options.
    pub defaults: Options,
    /// The network of some options.
    pub build: fn(Options) -> Result<Graph, GraphError>,
}

/// What can be chosen of a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Layers with weights.
    pub depth: Option<usize>,
    /// Channels of the first stage, or a DenseNet's growth.
    pub width: Option<usize>,
    /// Number of classes.
    pub classes: usize,
    /// Shape of a picture, `[C, H, W]`.
    pub picture: [usize; 3],
}

impl Options {
    /// Ten classes of colour pictures of 32×32, as in CIFAR-10.
    const CIFAR: Self = Self { depth: None, width: None, classes: 10, picture: [3, 32, 32] };

    /// A thousand classes of colour pictures of 224×224, as ImageNet is usually seen.
    const IMAGENET: Self = Self { classes: 1000, picture: [3, 224, 224], ..Self::CIFAR };

    /// These, with one of them as a text says it.
    fn with(self, option: &str, value: &str) -> Result<Self, Unusable> {
        let number = || match value.parse() {
            Ok(number) if number > 0 => Ok(number),
            _ => Err(Unusable::Value("a whole number of at least 1")),
        };
        let mut options = self;
        match option {
            "depth" if self.depth.is_some() => options.depth = Some(number()?),
            "width" if self.width.is_some() => options.width = Some(number()?),
            "classes" => options.classes = number()?,
            "picture" => {
                let sides: Vec<_> = value.split('x').map_while(|side| side.parse().ok()).collect();
                let expected = "channels, rows and columns, as in `3x32x32`";
                options.picture = sides.try_into().map_err(|_| Unusable::Value(expected))?;
            }
            _ => return Err(Unusable::Option),
        }
        Ok(options)
    }

    /// The options that a network with these has.
    fn names(&self) -> impl Iterator<Item = &'static str> {
        let sized = [("depth", self.depth.is_some()), ("width", self.width.is_some())];
        sized.into_iter().filter_map(|(name, has)| has.then_some(name)).chain(["classes", "picture"])
    }

    /// The values, as texts, that differ from `others`.
    fn unlike(&self, others: &Self) -> impl Iterator<Item = (&'static str, String)> {
        let picture = |options: &Self| options.picture.map(|side| side.to_string()).join("x");
        let text = move |name, options: &Self| match name {
            "depth" => options.depth.unwrap_or_default().to_string(),
            "width" => options.width.unwrap_or_default().to_string(),
            "classes" => options.classes.to_string(),
            _ => picture(options),
        };
        let (own, others) = (*self, *others);
        self.names()
            .map(move |name| (name, text(name, &own), text(name, &others)))
            .filter_map(|(name, own, other)| (own != other).then_some((name, own)))
    }
}

/// Why a text is no option's value.
enum Unusable {
    /// The network has no such option.
    Option,
    /// What its value should be.
    Value(&'static str),
}

/// Appends ReLU or ELU.
type Activation = fn(&mut GraphBuilder, NodeId) -> NodeId;

fn norm_act(g: &mut GraphBuilder, from: NodeId, name: &str, activation: Activation) -> NodeId {
    let norm = g.batch_norm(from, name);
    activation(g, norm)
}
