//! PAGE (Li, Bao, Zhang & Richtárik, ICML 2021): SARAH whose restarts come by a coin.
//!
//! With probability p `v = mean g_b(x)` over all m minibatches; else `v ← v + (g_b(x) − g_b(x⁻))`, with x⁻ the previous iterate. The first step is
//! a full gradient. It keeps x⁻ and v and costs p·m + 2(1 − p) gradient evaluations a step in the mean, less than 3 for the authors'
//! p = 1/(m + 1). Given the past, v is biased unless the coin falls for the full gradient.

use std::ops::Bound;
use std::sync::Arc;

use vr_core::random::uniform;
use vr_core::{FlatVector, Key, ParameterSpace, Scalar, StateReader, StateWriter, Stream};

use super::sarah::{carried_on, carry_on};
use crate::estimator::{Ask, Estimate, Estimator, EstimatorError, Point, Probe, Request};
use crate::estimators::{Method, Vectors};
use crate::fault::{Fault, within};
use crate::two_points::TwoPoints;

/// Options of [`Page`].
#[derive(Clone, Copy, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct PageConfig {
    /// The probability p of a full gradient, above 0 and at most 1; `None` is the authors' 1/(m + 1).
    pub probability: Option<f64>,
    /// Seed of the coin.
    pub seed: u64,
}

impl<S: Scalar> Method<S> for PageConfig {
    fn build(&self) -> Box<dyn Estimator<S>> {
        Box::new(Page::new(*self))
    }

    fn check(&self) -> Result<(), Fault> {
        within("probability", self.probability.unwrap_or(1.0), (Bound::Excluded(0.0), Bound::Included(1.0)))
    }

    fn vectors(&self) -> Vectors {
        Vectors { numbers: TwoPoints::<S>::VECTORS, sums: 1 }
    }
}

/// PAGE. A full gradient begins a new batch plan, which the steps after it go through, as often as they need.
#[derive(Debug)]
pub struct Page<S> {
    config: PageConfig,
    minibatches: u32,
    step: u64,
    /// Steps since the full gradient.
    since: u64,
    generation: u32,
    points: TwoPoints<S>,
}

impl<S: Scalar> Page<S> {
    /// The estimator before its first step.
    pub fn new(config: PageConfig) -> Self {
        Self { config, minibatches: 0, step: 0, since: 0, generation: 0, points: TwoPoints::default() }
    }

    /// Whether the coin falls for a full gradient at the coming step.
    fn falls(&self) -> bool {
        let probability = self.config.probability.unwrap_or(1.0 / (f64::from(self.minibatches) + 1.0));
        let word = Key::new(self.config.seed, Stream::InnerCount).words(self.step as u32, (self.step >> 32) as u32)[0];
        uniform(word) < probability
    }
}

impl<S: Scalar> Estimator<S> for Page<S> {
    fn name(&self) -> &'static str {
        "page"
    }

    fn begin(&mut self, space: &Arc<ParameterSpace>, minibatches: u32) -> Result<(), EstimatorError> {
        Method::<S>::check(&self.config).map_err(|fault| EstimatorError::Config { method: "page", fault })?;
        self.minibatches = minibatches;
        self.points.begin(space.len());
        Ok(())
    }

    fn ask(&mut self, x: &FlatVector<S>) -> Result<Ask<'_, S>, EstimatorError> {
        if self.points.is_between() {
            if self.step == 0 || self.falls() {
                self.generation += u32::from(self.step > 0);
                self.since = 0;
                self.points.open_pass(self.minibatches);
            } else {
                self.points.open();
            }
        }
        let m = u64::from(self.minibatches);
        Ok(self.points.ask(x, self.generation, (self.since % m) as u32, (self.since / m) as u32))
    }

    fn tell(&mut self, request: &Request, gradient: &FlatVector<S>) -> Result<(), EstimatorError> {
        self.points.tell(request, gradient, carry_on);
        Ok(())
    }

    fn advance(&mut self, _x: &FlatVector<S>) {
        self.step += 1;
        self.since += 1;
        self.points.close();
    }

    fn direction_on(
        &self,
        _index: u32,
        gradient: &FlatVector<S>,
        probed: &[&FlatVector<S>],
    ) -> Result<Estimate<S>, EstimatorError> {
        Ok(carried_on(&self.points, gradient, probed))
    }

    fn generation(&self) -> u32 {
        self.generation
    }

    fn point(&self, point: Point) -> Option<&FlatVector<S>> {
        self.points.previous().filter(|_| point == Point::Previous)
    }

    fn probes(&self, _index: u32) -> Vec<Probe> {
        self.points.probes()
    }

    fn save(&self, out: &mut StateWriter<'_>) -> Result<(), EstimatorError> {
        out.integer("step", self.step);
        out.integer("since", self.since);
        out.integer("generation", self.generation.into());
        self.points.save(out);
        Ok(())
    }

    fn restore(&mut self, from: &StateReader<'_>) -> Result<(), EstimatorError> {
        self.step = from.integer("step")?;
        self.since = from.integer("since")?;
        self.generation = from.index("generation", u32::MAX.into())? as u32;
        Ok(self.points.restore(from, self.minibatches)?)
    }
}
