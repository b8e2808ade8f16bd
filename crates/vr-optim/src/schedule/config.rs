//! A schedule as data.

use super::{ByEpoch, Constant, Cosine, Polynomial, Schedule, StepDecay, WarmUp};

/// Which schedule, with its settings; those that hold another nest.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ScheduleConfig {
    /// [`Constant`].
    Constant(Constant),
    /// [`StepDecay`].
    Steps(StepDecay),
    /// [`Cosine`].
    Cosine(Cosine),
    /// [`Polynomial`].
    Polynomial(Polynomial),
    /// [`WarmUp`].
    WarmUp(Box<WarmUp<Self>>),
    /// [`ByEpoch`].
    ByEpoch(Box<ByEpoch<Self>>),
}

impl Schedule for ScheduleConfig {
    fn at(&self, step: u64) -> f64 {
        match self {
            Self::Constant(schedule) => schedule.at(step),
            Self::Steps(schedule) => schedule.at(step),
            Self::Cosine(schedule) => schedule.at(step),
            Self::Polynomial(schedule) => schedule.at(step),
            Self::WarmUp(schedule) => schedule.at(step),
            Self::ByEpoch(schedule) => schedule.at(step),
        }
    }
}
