//! A power of what is left.

use super::{Schedule, passed};

/// Polynomial decay: with t the step up to `length`, `lr = last + (base − last)·(1 − t/length)^power`. Power 1 is linear
/// decay.
///
/// With `last` 0 it is PyTorch's `PolynomialLR`, which stays at 0 from `length` on, as this does at `last`.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Polynomial {
    /// The first rate.
    pub base: f64,
    /// The rate from step `length` on.
    pub last: f64,
    /// Steps from the first rate to the last.
    pub length: u64,
    /// The exponent, above 0.
    pub power: f64,
}

impl Schedule for Polynomial {
    fn at(&self, step: u64) -> f64 {
        self.last + (self.base - self.last) * (1.0 - passed(step, self.length)).powf(self.power)
    }
}
