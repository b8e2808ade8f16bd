//! The settings of a grid from the best to the worst, by a measure that has a name.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What settings are ranked by: the lower, the better. The test set is none of it, which would fit the settings to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Measure {
    /// The final error on the pictures that are held out for validation, in percent.
    ValidationError,
    /// The final loss on them, in nats an example.
    ValidationLoss,
    /// The training loss of the last epoch, in nats an example.
    TrainLoss,
}

impl Measure {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::ValidationError, Self::ValidationLoss, Self::TrainLoss];

    /// Its name in a configuration.
    pub fn name(self) -> &'static str {
        match self {
            Self::ValidationError => "validation-error",
            Self::ValidationLoss => "validation-loss",
            Self::TrainLoss => "train-loss",
        }
    }

    /// Whether it takes pictures that are held out.
    pub fn is_held_out(self) -> bool {
        self != Self::TrainLoss
    }
}

/// In words, with the unit.
impl fmt::Display for Measure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(match self {
            Self::ValidationError => "final validation error (%)",
            Self::ValidationLoss => "final validation loss (nats)",
            Self::TrainLoss => "last training loss (nats)",
        })
    }
}

/// Settings by their measure, the best first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ranking {
    /// The measure.
    pub by: Measure,
    /// The settings; those with a run that diverged come last.
    pub settings: Vec<Ranked>,
}

impl Ranking {
    /// The best of them; none where every one has a run that diverged or no measure.
    pub fn best(&self) -> Option<&Ranked> {
        self.settings.first().filter(|first| first.diverged == 0 && first.mean.is_some())
    }
}

/// A setting with its measure.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ranked {
    /// The method with the values of the setting, and whose batch-norm statistics where a run carries several.
    pub method: String,
    /// The mean over the seeds that did not diverge; none where all did.
    pub mean: Option<f64>,
    /// Its standard error; none for fewer than two seeds.
    pub standard_error: Option<f64>,
    /// Seeds that the mean is over.
    pub seeds: usize,
    /// Runs that diverged.
    pub diverged: usize,
}
