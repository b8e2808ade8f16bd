//! The coin of methods that begin anew by chance.

use std::ops::Bound;

use vr_core::random::uniform;
use vr_core::{Key, Stream};

use crate::fault::{Fault, within};

/// Whether an option `probability` is one, above 0; left out it has a default.
pub(super) fn check(probability: Option<f64>) -> Result<(), Fault> {
    within("probability", probability.unwrap_or(1.0), (Bound::Excluded(0.0), Bound::Included(1.0)))
}

/// Whether the coin falls for a new beginning at step `step`.
pub(super) fn falls(seed: u64, step: u64, probability: f64) -> bool {
    let word = Key::new(seed, Stream::InnerCount).words(step as u32, (step >> 32) as u32)[0];
    uniform(word) < probability
}
