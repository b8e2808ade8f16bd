//! How much of the paper's experiment is run.

use vr_models::Model;

use crate::paper::schedule::PAPER_BATCH;
use crate::paper::setting::{ON_IMAGENET, Setting};

/// How much of the paper's experiment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    /// Minutes for all experiments together.
    Quick,
    /// Minutes for one experiment.
    Reduced,
    /// The paper's: 250 epochs on CIFAR-10, 90 on ImageNet, all pictures.
    Paper,
}

/// What a scale takes of data and training.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// Epochs that the paper's schedule is compressed to.
    pub epochs: usize,
    /// Training pictures; `None` takes all.
    pub train: Option<usize>,
    /// Test pictures; `None` takes all.
    pub test: Option<usize>,
    /// Pictures in a minibatch. Few, where there are few pictures, so that an epoch still has many steps.
    pub batch: usize,
    /// Epochs from one that is measured to the next.
    pub every: usize,
}

impl Scale {
    /// The size for a network. A large one's gradient costs some 200 to 700 of LeNet's, and one for ImageNet's more at its
    /// own picture size.
    pub fn size(self, model: Model) -> Size {
        let large = [Model::RESNET110, Model::DENSENET_40_36].iter().any(|large| large.name() == model.name())
            || ON_IMAGENET.contains(&model.name());
        let Setting { epochs, batch, .. } = *Setting::of(model);
        let size = |epochs, train, test, batch| Size { epochs, train: Some(train), test: Some(test), batch, every: 2 };
        match (self, large) {
            (Self::Quick, false) => size(10, 2_560, 2_000, 64),
            (Self::Quick, true) => size(4, 160, 100, 16),
            (Self::Reduced, false) => Size { test: None, ..size(15, 20_000, 0, PAPER_BATCH) },
            (Self::Reduced, true) => size(10, 2_560, 500, 32),
            (Self::Paper, _) => Size { epochs, train: None, test: None, batch, every: 10 },
        }
    }
}
