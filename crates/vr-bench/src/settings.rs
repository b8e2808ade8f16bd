//! What an experiment is run on: data, model, length, seeds.

mod comparison;

use std::path::{Path, PathBuf};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use vr_data::picture_list;
pub use vr_kernels::Isa;
pub use vr_models::{EngineKind, Model, Options};
use vr_optim::Ranks;
use vr_run::CheckpointPolicy;
use vr_run::config::{Fault, POSITIVE, distinct, within};

pub use self::comparison::{Budget, Comparison, Grid, Rate};
use crate::measure::Places;
pub use crate::paper::scale::{Scale, Size};
pub use crate::paper::schedule::{PAPER_BATCH, PAPER_EPOCHS, Schedule, Version};
use crate::paper::setting::Setting;

/// Which pictures.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DataChoice {
    /// The embedded synthetic set: nothing to download.
    Synthetic,
    /// A folder in CIFAR-10's binary format.
    Cifar10(PathBuf),
    /// A folder that lists pictures of any size, such as ImageNet's; each network gets them at its own size.
    Pictures(PathBuf),
}

/// Where sets are that are named and not placed.
const DATA: &str = "data";

impl DataChoice {
    /// `synthetic`; `cifar10`, `imagenet` or `imagenette`, which are in `data/`; or the folder of a set.
    pub fn named(name: &str) -> Self {
        match name {
            "synthetic" => Self::Synthetic,
            "cifar10" => Self::Cifar10(Path::new(DATA).join(name)),
            "imagenet" | "imagenette" => Self::Pictures(Path::new(DATA).join(name)),
            folder if picture_list::is_list(folder) => Self::Pictures(folder.into()),
            folder => Self::Cifar10(folder.into()),
        }
    }

    /// The folder, and the key of a configuration that names it; `None` for pictures that are drawn.
    pub fn folder(&self) -> Option<(&'static str, &Path)> {
        match self {
            Self::Synthetic => None,
            Self::Cifar10(folder) => Some(("data.cifar10", folder)),
            Self::Pictures(folder) => Some(("data.pictures", folder)),
        }
    }
}

/// Settings shared by all experiments.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Settings {
    /// The pictures.
    pub data: DataChoice,
    /// So many of the classes, chosen at random once and for all; `None` takes all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub classes: Option<usize>,
    /// A class-balanced subset of the training pictures; `None` takes all.
    pub train_size: Option<usize>,
    /// Class-balanced pictures that are held out of the training set before any subset of it is taken, and tested on by
    /// themselves; `None` holds none out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validation: Option<usize>,
    /// Whether gradient tables hold bfloat16, which halves them and rounds.
    #[serde(default)]
    pub bf16_tables: bool,
    /// A class-balanced subset of the test pictures; `None` takes all.
    #[serde(default)]
    pub test_size: Option<usize>,
    /// The network's name.
    #[serde(serialize_with = "name", deserialize_with = "named")]
    pub model: Model,
    /// What computes the gradients.
    #[serde(serialize_with = "name", deserialize_with = "named")]
    pub engine: EngineKind,
    /// Epochs to run.
    pub epochs: usize,
    /// Epochs of the learning-rate schedule: the paper's 250 on CIFAR-10 and 90 on ImageNet, or what they are compressed to. The run
    /// is its beginning.
    pub schedule_epochs: usize,
    /// Learning rate before the first drop; `None` is the paper's for the experiment and the model, in
    /// proportion to the minibatch.
    pub learning_rate: Option<f64>,
    /// Whether to follow the released code or the text where they differ.
    pub version: Version,
    /// One run for each.
    pub seeds: Vec<u64>,
    /// Pictures in a minibatch.
    pub batch_size: usize,
    /// Where in an epoch the variance-ratio experiment measures.
    pub places: Places,
    /// Measurements are taken in every epoch that is a multiple of this.
    pub every: usize,
    /// What `compare` compares.
    #[serde(default, skip_serializing_if = "Comparison::is_default")]
    pub comparison: Comparison,
    /// When the run saves itself.
    #[serde(skip)]
    pub checkpoints: CheckpointPolicy,
    /// Cells that run at once, each on its share of the cores; up to 1, one after another.
    #[serde(skip)]
    pub jobs: usize,
    /// Whether event files for TensorBoard are written as the run goes.
    #[serde(skip)]
    pub tensorboard: bool,
    /// From how many bytes on a gradient table is kept in a file, in which folder; `None` keeps all in memory.
    #[serde(skip)]
    pub table_limit: Option<(u64, PathBuf)>,
    /// How many bytes of decoded pictures are kept in memory, of sets whose pictures are read when they are asked for; `None`
    /// keeps none.
    #[serde(skip)]
    pub picture_limit: Option<u64>,
    /// The ranks that this one shares its gradients out over; `None` computes all of them here.
    #[serde(skip)]
    pub ranks: Option<Ranks>,
}

pub(crate) fn name<S: Serializer>(named: &impl std::fmt::Display, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(named)
}

pub(crate) fn named<'de, D: Deserializer<'de>, T: std::str::FromStr<Err: std::fmt::Display>>(
    input: D,
) -> Result<T, D::Error> {
    String::deserialize(input)?.parse().map_err(serde::de::Error::custom)
}

/// The first three epochs of the paper's LeNet on the synthetic set.
impl Default for Settings {
    fn default() -> Self {
        Self {
            data: DataChoice::Synthetic,
            classes: None,
            train_size: None,
            validation: None,
            bf16_tables: false,
            test_size: None,
            model: Model::LENET,
            engine: EngineKind::Cpu,
            epochs: 3,
            schedule_epochs: PAPER_EPOCHS,
            learning_rate: None,
            version: Version::default(),
            seeds: vec![0],
            batch_size: PAPER_BATCH,
            places: Places::Paper,
            every: 1,
            comparison: Comparison::default(),
            checkpoints: CheckpointPolicy::default(),
            jobs: 1,
            tensorboard: false,
            table_limit: None,
            picture_limit: None,
            ranks: None,
        }
    }
}

/// Epochs of a run that anybody may want.
pub(crate) const MOST_EPOCHS: usize = 1_000_000;

impl Settings {
    /// Whether they make sense anywhere.
    ///
    /// # Errors
    /// The first key that does not, and why.
    pub fn check(&self) -> Result<(), Fault> {
        within("classes", self.classes.unwrap_or(1), 1..)?;
        within("train_size", self.train_size.unwrap_or(1), 1..)?;
        within("validation", self.validation.unwrap_or(1), 1..)?;
        within("test_size", self.test_size.unwrap_or(1), 1..)?;
        within("epochs", self.epochs, 1..=MOST_EPOCHS)?;
        within("schedule_epochs", self.schedule_epochs, self.epochs..=MOST_EPOCHS)?;
        within("learning_rate", self.learning_rate.unwrap_or(1.0), POSITIVE)?;
        within("batch_size", self.batch_size, 1..=u32::MAX as usize)?;
        within("every", self.every, 1..)?;
        self.comparison.check(&self.seeds)?;
        distinct("seeds", &self.seeds)
    }

    /// The first three epochs of a network in the setting that the paper trains it in, on the synthetic set.
    pub fn of(model: Model) -> Self {
        let Setting { epochs, batch, .. } = *Setting::of(model);
        Self { model, schedule_epochs: epochs, batch_size: batch, ..Self::default() }
    }

    /// With the epochs that the budget of a comparison pays, where there is one and epochs have so many minibatches.
    ///
    /// # Errors
    /// When it does not pay one.
    pub fn within_budget(&self, minibatches: usize) -> Result<Self, Fault> {
        Ok(match self.comparison.epochs(minibatches)? {
            Some(epochs) => {
                let epochs = within("comparison.budget", epochs, 1..=MOST_EPOCHS).map(|()| epochs)?;
                Self { epochs, schedule_epochs: epochs, ..self.clone() }
            }
            None => self.clone(),
        })
    }

    /// With tables that go to a file in the folder of a run.
    pub fn in_folder(&self, folder: &Path) -> Self {
        let table_limit = self.table_limit.as_ref().map(|(bytes, _)| (*bytes, folder.to_owned()));
        Self { table_limit, ..self.clone() }
    }

    /// The learning rate through the run, unless another was asked for from `base` for minibatches of the paper's size
    /// and in proportion for others (the linear scaling rule, Goyal et al. 2017): large networks diverge
    /// at the full rate in small ones.
    pub fn schedule(&self, base: f64) -> Schedule {
        let rate = self.learning_rate.unwrap_or_else(|| self.scaled(base));
        Schedule::of(Setting::of(self.model), rate, self.schedule_epochs, self.version)
    }

    /// A rate for minibatches of the paper's size, in proportion to those of the run.
    pub fn scaled(&self, rate: f64) -> f64 {
        rate * self.batch_size as f64 / Setting::of(self.model).batch as f64
    }
}
