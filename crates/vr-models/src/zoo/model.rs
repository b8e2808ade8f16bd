//! A network of the table, as settings and command lines name it.

use std::fmt;
use std::str::FromStr;

use super::{Family, Options, TABLE, Unusable, densenet, imagenet, lenet, mlp, resnet};
use crate::graph::{Graph, GraphError};

/// A network by name and options: `lenet`, or `resnet:depth=56,width=16,classes=100,picture=3x48x48`.
///
/// Options that are not named have the values of the name alone, and those values are not printed, so that every
/// network has one name. A value read from text can be built.
///
/// ```
/// use vr_models::Model;
///
/// let model: Model = "resnet:depth=8,classes=7,picture=3x48x48".parse()?;
/// assert_eq!(model.graph()?.input_shape(), [3, 48, 48]);
/// assert_eq!(model.to_string(), "resnet:depth=8,classes=7,picture=3x48x48");
/// assert_eq!("resnet:depth=20".parse::<Model>()?.to_string(), "resnet");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Model {
    family: &'static Family,
    options: Options,
}

/// No network is meant.
#[derive(Debug, thiserror::Error, PartialEq)]
pub enum ModelError {
    /// No network has this name.
    #[error("unknown model `{0}`, expected one of `{names}`", names = TABLE.map(|family| family.name).join("`, `"))]
    Name(String),
    /// The network has no such option.
    #[error("unknown option `{option}` of model `{model}`, expected one of `{}`", expected.join("`, `"))]
    Option {
        /// The network's name.
        model: &'static str,
        /// The option.
        option: String,
        /// Those that it has.
        expected: Vec<&'static str>,
    },
    /// An option's value means nothing.
    #[error("option `{option}` of model `{model}` is `{found}`, expected {expected}")]
    Value {
        /// The network's name.
        model: &'static str,
        /// The option.
        option: String,
        /// The value.
        found: String,
        /// What would do.
        expected: &'static str,
    },
    /// There is no network of these options.
    #[error("model `{model}`: {error}")]
    Graph {
        /// The network's name and options.
        model: String,
        /// Why.
        error: GraphError,
    },
}

impl Model {
    /// LeNet with batch norm: 62,458 parameters.
    pub const LENET: Self = Self::of(&lenet::PLAIN);
    /// LeNet with ELU in place of ReLU: as many parameters.
    pub const LENET_ELU: Self = Self::of(&lenet::WITH_ELU);
    /// LeNet with dropout of [`DROPOUT`](super::DROPOUT) in both hidden linear layers: as many parameters.
    pub const LENET_DROPOUT: Self = Self::of(&lenet::WITH_DROPOUT);
    /// The CIFAR ResNet of 3×3 pre-activation blocks with widths 8, 16, 32: 68,642 parameters.
    pub const RESNET_SMALL: Self = Self::of(&resnet::SMALL);
    /// The small ResNet with ELU in place of ReLU: as many parameters.
    pub const RESNET_SMALL_ELU: Self = Self::of(&resnet::SMALL_ELU);
    /// The ResNet of 3×18 blocks with widths 16, 32, 64: 1,730,426 parameters.
    pub const RESNET110: Self = Self::of(&resnet::RESNET110);
    /// DenseNet-BC of depth 40 and growth 36: 1,542,682 parameters.
    pub const DENSENET_40_36: Self = Self::of(&densenet::DENSENET_40_36);
    /// The MLP-4 of α-SVRG, its widths falling by one factor: 2,388,595 parameters.
    pub const MLP_TAPERED: Self = Self::of(&mlp::TAPERED);
    /// Logistic regression: 30,730 parameters.
    pub const LOGISTIC: Self = Self::of(&mlp::LOGISTIC);
    /// ImageNet's ResNet-18: 11,689,512 parameters.
    pub const RESNET18: Self = Self::of(&imagenet::resnet::RESNET18);
    /// ImageNet's ResNet-50: 25,557,032 parameters.
    pub const RESNET50: Self = Self::of(&imagenet::resnet::RESNET50);
    /// ImageNet's ResNeXt-50 32×4d: 25,028,904 parameters.
    pub const RESNEXT50: Self = Self::of(&imagenet::resnext::RESNEXT50);
    /// ImageNet's ResNeXt-101 32×8d: 88,791,336 parameters.
    pub const RESNEXT101: Self = Self::of(&imagenet::resnext::RESNEXT101);
    /// ImageNet's DenseNet-169: 14,149,480 parameters.
    pub const DENSENET169: Self = Self::of(&imagenet::densenet::DENSENET169);

    /// Those of the table, with the options of their names.
    pub const ALL: [Self; TABLE.len()] = {
        let mut all = [Self::of(TABLE[0]); TABLE.len()];
        let mut i = 0;
        while i < TABLE.len() {
            all[i] = Self::of(TABLE[i]);
            i += 1;
        }
        all
    };

    const fn of(family: &'static Family) -> Self {
        Self { family, options: family.defaults }
    }

    /// The name without options.
    pub fn name(self) -> &'static str {
        self.family.name
    }

    /// One line of what it is.
    pub fn about(self) -> &'static str {
        self.family.about
    }

    /// The options, whether named or not.
    pub fn options(self) -> Options {
        self.options
    }

    /// For so many classes of pictures of shape `[C, H, W]`.
    ///
    /// # Errors
    /// [`ModelError::Graph`] when there is no such network.
    pub fn for_pictures(self, picture: [usize; 3], classes: usize) -> Result<Self, ModelError> {
        Self { options: Options { picture, classes, ..self.options }, ..self }.checked()
    }

    /// The network.
    ///
    /// # Errors
    /// None for a value of this type: each was built once.
    pub fn graph(self) -> Result<Graph, GraphError> {
        (self.family.build)(self.options)
    }

    fn checked(self) -> Result<Self, ModelError> {
        match self.graph() {
            Ok(_) => Ok(self),
            Err(error) => Err(ModelError::Graph { model: self.to_string(), error }),
        }
    }
}

/// Those of one name and the same options.
impl PartialEq for Model {
    fn eq(&self, other: &Self) -> bool {
        self.name() == other.name() && self.options == other.options
    }
}

impl Eq for Model {}

impl fmt::Display for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())?;
        for (i, (option, value)) in self.options.unlike(&self.family.defaults).enumerate() {
            write!(f, "{}{option}={value}", if i == 0 { ':' } else { ',' })?;
        }
        Ok(())
    }
}

impl FromStr for Model {
    type Err = ModelError;

    fn from_str(text: &str) -> Result<Self, ModelError> {
        let (name, options) = text.split_once(':').map_or((text, None), |(name, options)| (name, Some(options)));
        let unknown = || ModelError::Name(name.into());
        let mut model = Self::of(TABLE.into_iter().find(|family| family.name == name).ok_or_else(unknown)?);
        for option in options.iter().flat_map(|options| options.split(',')) {
            let (option, value) = option.split_once('=').unwrap_or((option, ""));
            model.options = model.options.with(option, value).map_err(|error| match error {
                Unusable::Option => ModelError::Option {
                    model: model.name(),
                    option: option.into(),
                    expected: model.options.names().collect(),
                },
                Unusable::Value(expected) => {
                    ModelError::Value { model: model.name(), option: option.into(), found: value.into(), expected }
                }
            })?;
        }
        model.checked()
    }
}

#[cfg(test)]
mod tests {
    use super::super::DROPOUT;
    use super::*;
    use crate::graph::Op;

    /// A row for each line of the table.
    const PARAMETERS: [(&str, usize); TABLE.len()] = [
        ("lenet", 62_458),
        ("lenet-elu", 62_458),
        ("lenet-dropout", 62_458),
        ("resnet", 272_186),
        ("resnet-small", 68_642),
        ("resnet-small-elu", 68_642),
        ("resnet110", 1_730_426),
        ("densenet", 1_542_682),
        ("densenet-40-36", 1_542_682),
        ("mlp", 427_658),
        ("mlp-tapered", 2_388_595),
        ("logistic-regression", 30_730),
        ("resnet18", 11_689_512),
        ("resnet50", 25_557_032),
        ("resnext50-32x4d", 25_028_904),
        ("resnext101-32x8d", 88_791_336),
        ("densenet169", 14_149_480),
    ];

    #[test]
    fn exact_parameter_counts() {
        for (model, (name, parameters)) in Model::ALL.into_iter().zip(PARAMETERS) {
            assert_eq!((model.name(), model.graph().unwrap().space().len()), (name, parameters));
        }
    }

    #[test]
    fn variants_differ_in_their_activations_alone() {
        let count = |model: Model, op: Op| model.graph().unwrap().nodes().iter().filter(|node| node.op == op).count();
        for (plain, elu) in [(Model::LENET, Model::LENET_ELU), (Model::RESNET_SMALL, Model::RESNET_SMALL_ELU)] {
            assert_eq!((count(elu, Op::Elu), count(elu, Op::Relu)), (count(plain, Op::Relu), 0));
        }
        assert_eq!(count(Model::LENET_DROPOUT, Op::Dropout { rate: DROPOUT }), 2);
    }

    #[test]
    fn families_hold_the_papers_networks() {
        for (name, of) in [
            ("resnet:width=8", Model::RESNET_SMALL),
            ("resnet:depth=110", Model::RESNET110),
            ("densenet", Model::DENSENET_40_36),
        ] {
            assert_eq!(name.parse::<Model>().unwrap().graph(), of.graph());
        }
    }

    #[test]
    fn names_round_trip() {
        let sized = [
            "resnet18:classes=10,picture=3x64x64",
            "resnet:depth=8,width=3,classes=2,picture=1x20x33",
            "densenet:depth=10",
            "lenet:classes=100",
        ];
        for name in Model::ALL.map(Model::name).into_iter().chain(sized) {
            assert_eq!(name.parse::<Model>().unwrap().to_string(), name);
        }
        // In any order; what is as without is not named.
        let model: Model = "resnet:picture=3x32x32,width=4,depth=20".parse().unwrap();
        assert_eq!((model.to_string(), model.graph().unwrap().classes()), ("resnet:width=4".into(), 10));
        let model = Model::LENET.for_pictures([1, 28, 28], 26).unwrap();
        assert_eq!(model.to_string(), "lenet:classes=26,picture=1x28x28");
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (text, expected) in [
            ("lenett", "unknown model `lenett`, expected one of `lenet`, `lenet-elu`"),
            ("lenet:depth=8", "unknown option `depth` of model `lenet`, expected one of `classes`, `picture`"),
            ("resnet:width", "option `width` of model `resnet` is ``, expected a whole number"),
            ("resnet:width=0", "is `0`, expected a whole number of at least 1"),
            ("lenet:picture=32x32", "is `32x32`, expected channels, rows and columns"),
            ("lenet:", "unknown option `` of model `lenet`"),
            ("resnet:depth=21", "model `resnet:depth=21`: a depth of 21 layers; expected 6n + 2"),
            ("lenet:picture=3x8x8", "model `lenet:picture=3x8x8`: node `conv2`"),
            ("lenet:classes=18446744073709551615", "`fc3` is too large"),
            ("resnet:width=18446744073709551615", "`conv1` is too large"),
        ] {
            let error = text.parse::<Model>().unwrap_err().to_string();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
