//! The checks that every estimator owes, for estimators of one's own too.
//!
//! [`check`] puts an estimator through all of them, on a small logistic regression whose minibatches are
//! enumerated; each stands alone as well. In a test:
//!
//! ```
//! use vr_optim::conformance::{Promises, check};
//! use vr_optim::Svrg;
//!
//! check(|| Box::new(Svrg::stored()), &Promises::exact())?;
//! # Ok::<(), vr_optim::conformance::Violation>(())
//! ```

mod hand;
pub mod problem;

use vr_core::counts::Count;
use vr_core::state::Value;
use vr_core::{EvaluationCounts, FlatVector, State};

use crate::estimator::Estimator;
use crate::locking::Locking;
use crate::rule::sgd_momentum::SgdMomentum;
use crate::schedule::StepDecay;
use crate::training::Training;
use hand::Hand;
use problem::{Loss, M, Regression, Samples, start};

/// A new estimator, each time with the same options.
pub type Make<'a> = &'a dyn Fn() -> Box<dyn Estimator<f64>>;

/// What an estimator promises beyond what all of them owe.
#[derive(Clone, Copy, Debug, Default)]
pub struct Promises {
    /// Under locked transforms the mean of its directions over all minibatches is the full gradient.
    pub unbiased: bool,
    /// Under locked transforms all directions at a fresh snapshot are the same.
    pub exact_at_snapshot: bool,
    /// Minibatch gradients that a number of epochs costs.
    pub cost: Option<fn(epochs: u64) -> Cost>,
}

impl Promises {
    /// Of a method like SVRG: unbiased, and without variance at its snapshot.
    pub fn exact() -> Self {
        Self { unbiased: true, exact_at_snapshot: true, cost: None }
    }
}

/// Minibatch gradients by purpose.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// For steps.
    pub inner: u64,
    /// In passes at a snapshot.
    pub snapshot: u64,
    /// In mega-batches.
    pub mega_batch: u64,
}

/// A law that an estimator breaks.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{method} breaks a law: {law}; {found}")]
pub struct Violation {
    /// The estimator.
    pub method: &'static str,
    /// What it owes.
    pub law: &'static str,
    /// What was found instead, and where.
    pub found: String,
}

type Checked = Result<(), Violation>;
/// What a check finds.
type Finding<T> = Result<T, String>;

/// Steps that most checks take: two epochs and a bit, or as many of one minibatch.
const STEPS: u64 = 2 * M as u64 + 3;

/// All checks.
///
/// # Errors
/// The first law that is broken.
pub fn check(make: impl Fn() -> Box<dyn Estimator<f64>>, promises: &Promises) -> Checked {
    let make: Make<'_> = &make;
    measures_its_own_direction(make)?;
    if promises.unbiased {
        is_unbiased(make)?;
    }
    if promises.exact_at_snapshot {
        is_exact_at_its_snapshot(make)?;
    }
    counts_what_it_asks(make)?;
    if let Some(cost) = promises.cost {
        costs(make, cost)?;
    }
    repeats(make)?;
    resumes(make)?;
    needs_its_whole_state(make)
}

/// Names the estimator and the law of what was found.
fn law(make: Make<'_>, law: &'static str, found: Finding<()>) -> Checked {
    found.map_err(|found| Violation { method: make().name(), law, found })
}

/// Its [direction](Estimator::direction_on) on the minibatch of a step is the direction of the step, to the bit: what
/// is measured is the method itself. Steps on several minibatches, or beyond the plan, say nothing of it.
///
/// # Errors
/// Where they differ.
pub fn measures_its_own_direction(make: Make<'_>) -> Checked {
    let run = || {
        for minibatches in [M, 1] {
            let mut hand = Hand::begin(make, minibatches)?;
            while hand.steps < STEPS {
                hand.step()?;
                if let Some(measured) = hand.measured.take()
                    && measured != hand.direction
                {
                    return Err(format!("step {}: {:?} against {:?}", hand.steps - 1, measured, hand.direction));
                }
            }
        }
        Ok(())
    };
    law(make, "the direction measured on a step's minibatch is the step's", run())
}

/// The mean of its directions over all minibatches, enumerated, is the full gradient, after every step and
/// before the next, with several minibatches and with one.
///
/// # Errors
/// Where it is not.
pub fn is_unbiased(make: Make<'_>) -> Checked {
    let run = || {
        for minibatches in [M, 1] {
            let mut run = training(make, Locking::Locked, minibatches)?;
            for step in 0..2 * STEPS {
                for _ in 0..2 {
                    let bias = measured(run.variance())?.total.squared_bias;
                    if bias.is_nan() || bias >= 1e-24 {
                        return Err(format!("step {step} of {minibatches} minibatches: a squared bias of {bias:e}"));
                    }
                    measured(run.prepare())?;
                }
                measured(run.step())?;
            }
        }
        Ok(())
    };
    law(make, "its mean over all minibatches is the full gradient", run())
}

/// Before the first step after a snapshot all directions are the same.
///
/// # Errors
/// Where they are not, or where there never is a snapshot.
pub fn is_exact_at_its_snapshot(make: Make<'_>) -> Checked {
    let run = || {
        let mut run = training(make, Locking::Locked, M)?;
        let mut snapshots = 0;
        for step in 0..2 * STEPS {
            measured(run.prepare())?;
            if run.estimator().since_snapshot() == Some(0) {
                snapshots += 1;
                let variance = measured(run.variance())?.total.estimator_variance;
                if variance != 0.0 {
                    return Err(format!("step {step}: a variance of {variance:e}"));
                }
            }
            measured(run.step())?;
        }
        if snapshots == 0 { Err(format!("no snapshot in {} steps", 2 * STEPS)) } else { Ok(()) }
    };
    law(make, "it has no variance at its snapshot", run())
}

/// A driver counts what the estimator asked for, and measurements do not count.
///
/// # Errors
/// Where the counts differ.
pub fn counts_what_it_asks(make: Make<'_>) -> Checked {
    let run = || {
        let mut hand = Hand::begin(make, M)?;
        let mut run = training(make, Locking::Locked, M)?;
        for step in 0..STEPS {
            hand.step()?;
            measured(run.step())?;
            measured(run.variance())?;
            let (asked, counted) = (hand.counts.training(), run.counts().training());
            if asked != counted {
                return Err(format!("step {step}: {counted:?} counted, {asked:?} asked for"));
            }
        }
        Ok(())
    };
    law(make, "a driver counts what it asks for", run())
}

/// It costs what `cost` says, after each of three epochs.
///
/// # Errors
/// Where it does not.
pub fn costs(make: Make<'_>, cost: fn(epochs: u64) -> Cost) -> Checked {
    let run = || {
        let mut run = training(make, Locking::Unlocked, M)?;
        for epochs in 1..=3 {
            measured(run.epoch())?;
            let EvaluationCounts { inner, snapshot, mega_batch, .. } = run.counts();
            let [inner, snapshot, mega_batch] =
                [inner, snapshot, mega_batch].map(|Count { minibatches, .. }| minibatches);
            let (found, expected) = (Cost { inner, snapshot, mega_batch }, cost(epochs));
            if found != expected {
                return Err(format!("{epochs} epochs: {found:?}, promised {expected:?}"));
            }
        }
        Ok(())
    };
    law(make, "it costs what it says", run())
}

/// Two runs are the same to the bit, on one thread and on several, measured and not.
///
/// # Errors
/// Where they differ.
pub fn repeats(make: Make<'_>) -> Checked {
    let run = || {
        let mut plain = training(make, Locking::Unlocked, M)?;
        let mut watched = training(make, Locking::Unlocked, M)?.in_parallel();
        for step in 0..STEPS {
            measured(plain.step())?;
            measured(watched.variance())?;
            measured(watched.prepare())?;
            measured(watched.survey())?;
            measured(watched.step())?;
            if bits(plain.iterate()) != bits(watched.iterate()) {
                return Err(format!("step {step}: other iterates"));
            }
            if plain.counts().training() != watched.counts().training() {
                return Err(format!("step {step}: other counts"));
            }
        }
        Ok(())
    };
    law(make, "it repeats to the bit, in parallel and measured", run())
}

/// Left after any answer, saved, and taken up by a new one, it goes on to the bit, and saves the same again.
///
/// # Errors
/// Where it does not.
pub fn resumes(make: Make<'_>) -> Checked {
    let run = || {
        let mut whole = Hand::begin(make, M)?;
        while whole.steps < STEPS {
            whole.step()?;
        }
        for stop in 0..whole.answers {
            let mut left = Hand::begin(make, M)?;
            left.until(STEPS, stop)?;
            let mut resumed = left.resumed(make)?;
            if resumed.saved()? != left.saved()? {
                return Err(format!("left after {stop} answers, restored and saved again: another state"));
            }
            resumed.until(STEPS, u64::MAX)?;
            if bits(&resumed.x) != bits(&whole.x) {
                return Err(format!("left after {stop} answers and resumed: another iterate after {STEPS} steps"));
            }
        }
        Ok(())
    };
    law(make, "it goes on from a saved state to the bit", run())
}

/// A state that lacks one value is refused by its name, whenever it was saved, and odd numbers in it do no
/// harm beyond an error.
///
/// # Errors
/// Where a state is taken without one of its values.
pub fn needs_its_whole_state(make: Make<'_>) -> Checked {
    let run = || {
        for answers in [1, 4, u64::from(M) + 2, 4 * u64::from(M) + 1] {
            let mut left = Hand::begin(make, M)?;
            left.until(STEPS, answers)?;
            let state = left.saved()?;
            for (name, value) in state.iter() {
                let Err(refusal) = left.restored(make, &without(&state, name, None)) else {
                    return Err(format!("`{name}` is not missed after {answers} answers"));
                };
                if !refusal.contains(name) {
                    return Err(format!("the refusal of a state without `{name}` does not name it: {refusal}"));
                }
                if !matches!(value, Value::Integer(_)) {
                    continue;
                }
                for odd in [0, 1, 2, 7, u64::from(u32::MAX), u64::MAX / 2] {
                    if let Ok(mut hand) = left.restored(make, &without(&state, name, Some(odd))) {
                        let _ = hand.until(hand.steps + 3, u64::MAX);
                    }
                }
            }
        }
        Ok(())
    };
    law(make, "it misses every value of its state", run())
}

/// The state without one value, or with an integer in its place.
fn without(state: &State, name: &str, integer: Option<u64>) -> State {
    let mut changed = State::new();
    for (other, value) in state.iter().filter(|(other, _)| *other != name) {
        changed.insert(other, value.clone());
    }
    if let Some(integer) = integer {
        changed.insert(name, Value::Integer(integer));
    }
    changed
}

fn training(make: Make<'_>, locking: Locking, minibatches: u32) -> Finding<Training<Regression, Samples>> {
    let samples = Samples { jitter: 0.3, minibatches };
    let run = measured(Training::new(Regression::new(Loss::Logistic), samples, start(), make()))?;
    Ok(run.with_locking(locking).with_rule(SgdMomentum::new(0.9, 1e-4)).with_schedule(StepDecay::constant(0.05)))
}

fn measured<T, E: std::fmt::Display>(result: Result<T, E>) -> Finding<T> {
    result.map_err(|error| error.to_string())
}

fn bits(x: &FlatVector<f64>) -> Vec<u64> {
    x.iter().map(|x| x.to_bits()).collect()
}
