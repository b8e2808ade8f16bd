//! STORM (Cutkosky & Orabona, NeurIPS 2019): momentum whose old part is brought to the new iterate by a difference of gradients.
//!
//! `v ← g_b(x) + (1 − a)·(v − g_b(x⁻))`, with x⁻ the previous iterate; the first direction is the gradient. With a = 1 it is SGD, with a = 0 SARAH
//! without restarts. It takes no snapshots, keeps x⁻ and v, and costs 2 gradient evaluations a step. Given the past, v is biased by
//! `(1 − a)·(v − ∇f(x⁻))`, the old error.

use vr_core::vector::dot;
use vr_core::{FlatVector, Scalar, StateError, StateReader, StateWriter};

use crate::estimator::{Estimator, EstimatorError};
use crate::estimators::{Method, Vectors};
use crate::fault::{Fault, POSITIVE, within};
use crate::recursive::{Opening, Recursion, Recursive, by_epoch};
use crate::table::TableError;

/// The weight a of the plain gradient.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "kebab-case", deny_unknown_fields)]
pub enum Weight {
    /// Always the same, in [0, 1].
    Constant(f64),
    /// The authors' `a = min(1, c·η²)` with `η = k/(w + Σ‖g_b‖²)^⅓` over the gradients of the steps before, 1 at the first. In the paper η is the
    /// learning rate, too; here that is the schedule's.
    Adaptive {
        /// c.
        c: f64,
        /// k.
        k: f64,
        /// w.
        w: f64,
    },
}

/// Options of [`Storm`].
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct StormConfig {
    /// The weight a.
    pub weight: Weight,
}

impl Default for StormConfig {
    /// a = 0.1, as heavy as a momentum of 0.9.
    fn default() -> Self {
        Self { weight: Weight::Constant(0.1) }
    }
}

impl<S: Scalar> Method<S> for StormConfig {
    fn build(&self) -> Box<dyn Estimator<S>> {
        Box::new(Storm::new(*self))
    }

    fn check(&self) -> Result<(), Fault> {
        match self.weight {
            Weight::Constant(a) => within("weight.constant", a, 0.0..=1.0),
            Weight::Adaptive { c, k, w } => {
                within("weight.adaptive.c", c, POSITIVE)?;
                within("weight.adaptive.k", k, POSITIVE)?;
                within("weight.adaptive.w", w, POSITIVE)
            }
        }
    }

    fn vectors(&self) -> Vectors {
        Vectors { numbers: Storm::<S>::VECTORS, sums: 1 }
    }
}

/// STORM; a new batch plan every epoch.
pub type Storm<S> = Recursive<S, Weighted>;

impl<S: Scalar> Storm<S> {
    /// The estimator before its first step.
    pub fn new(config: StormConfig) -> Self {
        Self::of(Weighted { config, squares: 0.0 })
    }
}

/// STORM's recursion: the weight, and what an adaptive one follows.
#[derive(Clone, Copy, Debug)]
pub struct Weighted {
    config: StormConfig,
    /// `Σ‖g_b‖²` over the steps, where the weight follows it.
    squares: f64,
}

impl Weighted {
    /// The weight a of a step after the first.
    fn weight(&self) -> f64 {
        match self.config.weight {
            Weight::Constant(a) => a,
            Weight::Adaptive { c, k, w } => (c * (k / (w + self.squares).cbrt()).powi(2)).min(1.0),
        }
    }
}

impl<S: Scalar> Recursion<S> for Weighted {
    fn name(&self) -> &'static str {
        "storm"
    }

    fn check(&self) -> Result<(), Fault> {
        Method::<S>::check(&self.config)
    }

    fn opens(&self, step: u64, minibatches: u32) -> Opening {
        by_epoch(step, minibatches)
    }

    fn direct(
        &self,
        _index: u32,
        gradient: &[S],
        before: Option<&[S]>,
        direction: &mut FlatVector<S>,
    ) -> Result<(), TableError> {
        let Some(before) = before else {
            direction.copy_from_slice(gradient);
            return Ok(());
        };
        let keep = S::from_f64(1.0 - self.weight());
        for ((v, &g), &before) in direction.iter_mut().zip(gradient).zip(before) {
            *v = g + keep * (*v - before);
        }
        Ok(())
    }

    fn learn(&mut self, _index: u32, gradient: &[S]) -> Result<(), TableError> {
        if matches!(self.config.weight, Weight::Adaptive { .. }) {
            self.squares += dot(gradient, gradient);
        }
        Ok(())
    }

    fn save(&self, out: &mut StateWriter<'_>) -> Result<(), TableError> {
        out.f64s("squares", &[self.squares]);
        Ok(())
    }

    fn restore(&mut self, from: &StateReader<'_>) -> Result<(), EstimatorError> {
        self.squares = from.f64s("squares", 1)?[0];
        if self.squares >= 0.0 && self.squares.is_finite() {
            return Ok(());
        }
        let (found, expected) = (self.squares.to_string(), "a finite sum of squares".to_owned());
        Err(StateError::Value { name: from.name("squares"), found, expected }.into())
    }
}
