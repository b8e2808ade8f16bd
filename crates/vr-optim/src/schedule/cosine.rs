//! Half a period of a cosine.

use super::{Schedule, passed};

/// Cosine annealing without restarts (Loshchilov & Hutter, ICLR 2017): with t the step up to `length`,
/// `lr = last + (base − last)·(1 + cos(π·t/length))/2`.
///
/// PyTorch's `CosineAnnealingLR` is the same up to `length`, where it turns round and rises again; this stays at `last`.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Cosine {
    /// The first rate.
    pub base: f64,
    /// The rate from step `length` on.
    pub last: f64,
    /// Steps from the first rate to the last.
    pub length: u64,
}

impl Schedule for Cosine {
    fn at(&self, step: u64) -> f64 {
        let passed = passed(step, self.length);
        // At the end 1 + cos π is 0 and the rate is `last` to the bit.
        self.last + (self.base - self.last) * (1.0 + (std::f64::consts::PI * passed).cos()) / 2.0
    }
}
