//! Learning-rate schedules: pure functions of the step.
//!
//! Each counts 0-based steps; [`ByEpoch`] makes any of them count epochs, and [`WarmUp`] precedes any of them by a
//! linear rise. They compose: a warm-up of five epochs, step by step, before a cosine that is set once an epoch, is a
//! [`WarmUp`] before a [`ByEpoch`] of a [`Cosine`].
//!
//! ```
//! use vr_optim::schedule::{Cosine, Schedule, WarmUp};
//!
//! let schedule = WarmUp { first: 0.1, length: 10, then: Cosine { base: 0.5, last: 0.0, length: 90 } };
//! assert_eq!(schedule.at(0), 0.05);
//! assert_eq!(schedule.at(10), 0.5);
//! assert_eq!(schedule.at(100), 0.0);
//!
//! // So is any function of the step.
//! let inverse = |step: u64| 0.5 / (1.0 + step as f64);
//! assert_eq!(inverse.at(4), 0.1);
//! ```

mod by_epoch;
mod config;
mod constant;
mod cosine;
mod polynomial;
mod step_decay;
mod warm_up;

pub use by_epoch::ByEpoch;
pub use config::ScheduleConfig;
pub use constant::Constant;
pub use cosine::Cosine;
pub use polynomial::Polynomial;
pub use step_decay::StepDecay;
pub use warm_up::WarmUp;

/// A learning rate as a function of the step.
pub trait Schedule: Send + Sync {
    /// The rate of 0-based step `step`.
    fn at(&self, step: u64) -> f64;
}

impl<F: Fn(u64) -> f64 + Send + Sync> Schedule for F {
    fn at(&self, step: u64) -> f64 {
        self(step)
    }
}

/// The part of `length` that has passed at `step`, in [0, 1]; all of it where `length` is 0.
fn passed(step: u64, length: u64) -> f64 {
    if step >= length { 1.0 } else { step as f64 / length as f64 }
}
