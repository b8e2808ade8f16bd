//! STORM (Cutkosky & Orabona, NeurIPS 2019): momentum whose old part is brought to the new iterate by a difference of gradients.
//!
//! `v ← g_b(x) + (1 − a)·(v − g_b(x⁻))`, with x⁻ the previous iterate; the first direction is the gradient. With a = 1 it is SGD, with a = 0 SARAH
//! without restarts. It takes no snapshots, keeps x⁻ and v, and costs 2 gradient evaluations a step. Given the past, v is biased by
//! `(1 − a)·(v − ∇f(x⁻))`, the old error.

use std::sync::Arc;

use vr_core::vector::dot;
use vr_core::{FlatVector, ParameterSpace, Scalar, StateError, StateReader, StateWriter};

use crate::estimator::{Ask, Estimate, Estimator, EstimatorError, Point, Probe, Request};
use crate::estimators::{Method, Vectors};
use crate::fault::{Fault, POSITIVE, within};
use crate::two_points::TwoPoints;

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
        Vectors { numbers: TwoPoints::<S>::VECTORS, sums: 1 }
    }
}

/// STORM; a new batch plan every epoch.
#[derive(Debug)]
pub struct Storm<S> {
    config: StormConfig,
    minibatches: u32,
    step: u64,
    /// `Σ‖g_b‖²` over the steps.
    squares: f64,
    points: TwoPoints<S>,
}

impl<S: Scalar> Storm<S> {
    /// The estimator before its first step.
    pub fn new(config: StormConfig) -> Self {
        Self { config, minibatches: 0, step: 0, squares: 0.0, points: TwoPoints::default() }
    }

    /// The weight a of the coming step.
    pub fn weight(&self) -> f64 {
        match self.config.weight {
            _ if self.step == 0 => 1.0,
            Weight::Constant(a) => a,
            Weight::Adaptive { c, k, w } => (c * (k / (w + self.squares).cbrt()).powi(2)).min(1.0),
        }
    }

    fn place(&self, step: u64) -> (u32, u32) {
        let m = u64::from(self.minibatches);
        ((step / m) as u32, (step % m) as u32)
    }
}

/// `v ← g + (1 − a)·(v − g⁻)`.
fn combine<S: Scalar>(a: f64, gradient: &[S], reference: &[S], direction: &mut FlatVector<S>) {
    let keep = S::from_f64(1.0 - a);
    for ((v, &g), &before) in direction.iter_mut().zip(gradient).zip(reference) {
        *v = g + keep * (*v - before);
    }
}

impl<S: Scalar> Estimator<S> for Storm<S> {
    fn name(&self) -> &'static str {
        "storm"
    }

    fn begin(&mut self, space: &Arc<ParameterSpace>, minibatches: u32) -> Result<(), EstimatorError> {
        Method::<S>::check(&self.config).map_err(|fault| EstimatorError::Config { method: "storm", fault })?;
        self.minibatches = minibatches;
        self.points.begin(space.len());
        Ok(())
    }

    fn ask(&mut self, x: &FlatVector<S>) -> Result<Ask<'_, S>, EstimatorError> {
        if self.points.is_between() {
            self.points.open();
        }
        let (generation, own) = self.place(self.step);
        Ok(self.points.ask(x, generation, own, 0))
    }

    fn tell(&mut self, request: &Request, gradient: &FlatVector<S>) -> Result<(), EstimatorError> {
        let a = self.weight();
        self.points.tell(request, gradient, |g, before, v| combine(a, g, before, v));
        if request.point == Point::Current && matches!(self.config.weight, Weight::Adaptive { .. }) {
            self.squares += dot(gradient, gradient);
        }
        Ok(())
    }

    fn advance(&mut self, _x: &FlatVector<S>) {
        self.step += 1;
        self.points.close();
    }

    fn direction_on(
        &self,
        _index: u32,
        gradient: &FlatVector<S>,
        probed: &[&FlatVector<S>],
    ) -> Result<Estimate<S>, EstimatorError> {
        let Some(reference) = probed.first() else {
            return Ok(Estimate { direction: gradient.clone(), reference: None });
        };
        let mut direction = self.points.direction().clone();
        combine(self.weight(), gradient, reference, &mut direction);
        Ok(Estimate { direction, reference: Some((*reference).clone()) })
    }

    /// That of the last step until the next is asked for, so that its end can still be measured.
    fn generation(&self) -> u32 {
        let between = self.points.is_between();
        self.place(if between { self.step.saturating_sub(1) } else { self.step }).0
    }

    fn point(&self, point: Point) -> Option<&FlatVector<S>> {
        self.points.previous().filter(|_| point == Point::Previous)
    }

    fn probes(&self, _index: u32) -> Vec<Probe> {
        self.points.probes()
    }

    fn save(&self, out: &mut StateWriter<'_>) -> Result<(), EstimatorError> {
        out.integer("step", self.step);
        out.f64s("squares", &[self.squares]);
        self.points.save(out);
        Ok(())
    }

    fn restore(&mut self, from: &StateReader<'_>) -> Result<(), EstimatorError> {
        self.step = from.integer("step")?;
        self.squares = from.f64s("squares", 1)?[0];
        if !(self.squares >= 0.0 && self.squares.is_finite()) {
            let found = self.squares.to_string();
            let expected = "a finite sum of squares".to_owned();
            return Err(StateError::Value { name: from.name("squares"), found, expected }.into());
        }
        Ok(self.points.restore(from, self.minibatches)?)
    }
}
