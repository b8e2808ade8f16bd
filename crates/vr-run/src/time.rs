//! What the epochs of a cell took.

use serde::{Deserialize, Serialize};

/// What one epoch took, in seconds: a line of a cell's `timing.jsonl`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct EpochTime {
    /// 1-based.
    pub epoch: usize,
    /// Steps and passes at snapshots.
    pub training_s: f64,
    /// Measurements.
    pub diagnostics_s: f64,
    /// The test at its end.
    pub test_s: f64,
}

impl EpochTime {
    /// All of it.
    pub fn total_s(&self) -> f64 {
        self.training_s + self.diagnostics_s + self.test_s
    }
}
