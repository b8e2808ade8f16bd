//! A linear rise before another schedule.

use super::{Schedule, passed};

/// A linear warm-up (Goyal et al. 2017) before another schedule, which begins when it is over. Step t of its `length`
/// has rate `b·(first + (1 − first)·t/length)`, where b is the other's first rate; step `length + t` has the other's
/// rate of step t.
///
/// PyTorch: `SequentialLR` of `LinearLR(start_factor=first, total_iters=length)` and the other.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct WarmUp<S> {
    /// The share of the other's first rate that it begins with.
    pub first: f64,
    /// Its steps.
    pub length: u64,
    /// What follows.
    pub then: S,
}

impl<S: Schedule> Schedule for WarmUp<S> {
    fn at(&self, step: u64) -> f64 {
        match step.checked_sub(self.length) {
            Some(step) => self.then.at(step),
            None => self.then.at(0) * (self.first + (1.0 - self.first) * passed(step, self.length)),
        }
    }
}
