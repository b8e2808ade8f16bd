//! A schedule that counts epochs.

use super::Schedule;

/// Another schedule with epochs for steps: every step of epoch e has the other's rate of e. That is what PyTorch does
/// when a scheduler's `step` is called once an epoch.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ByEpoch<S> {
    /// Steps of an epoch; 0 counts as 1.
    pub steps_per_epoch: u64,
    /// The schedule, with its lengths in epochs.
    pub schedule: S,
}

impl<S: Schedule> Schedule for ByEpoch<S> {
    fn at(&self, step: u64) -> f64 {
        self.schedule.at(step / self.steps_per_epoch.max(1))
    }
}
