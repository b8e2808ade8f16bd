//! Loopless SVRG (Kovalev, Horváth & Richtárik, ALT 2020): SVRG whose snapshots come by a coin.
//!
//! `v = (g_b(x) − g_b(x̃)) + μ` with μ the mean of the m minibatch gradients at the snapshot x̃. A snapshot is taken before the
//! first step, and after each step with probability p. It keeps x̃ and μ and costs 2 gradient evaluations a step and m for a
//! snapshot: 2 + p·m a step in the mean, which for p = 1/m is SVRG's cost with recomputed gradients.

use std::sync::Arc;

use vr_core::{Coefficient, FlatVector, ParameterSpace, Purpose, Scalar, StateReader, StateWriter};

use super::coin;
use crate::control_variate::{ControlVariate, Wanted};
use crate::estimator::{Anchor, Ask, Estimate, Estimator, EstimatorError, NormRule, Point, Probe, Request};
use crate::estimators::{Method, Vectors};
use crate::fault::Fault;

/// Options of [`LooplessSvrg`].
#[derive(Clone, Copy, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct LooplessConfig {
    /// The probability p of a snapshot after a step, above 0 and at most 1; `None` is 1/m.
    pub probability: Option<f64>,
    /// Seed of the coin.
    pub seed: u64,
}

impl<S: Scalar> Method<S> for LooplessConfig {
    fn build(&self) -> Box<dyn Estimator<S>> {
        Box::new(LooplessSvrg::new(*self))
    }

    fn check(&self) -> Result<(), Fault> {
        coin::check(self.probability)
    }

    fn vectors(&self) -> Vectors {
        Vectors { numbers: ControlVariate::<S>::VECTORS, sums: 1 }
    }

    fn takes_snapshots(&self) -> bool {
        true
    }
}

/// Loopless SVRG. Batch plan and locked transforms belong to the snapshot, as SVRG's do: a snapshot begins a new plan, and
/// a plan that its steps have used up is gone through again.
#[derive(Debug)]
pub struct LooplessSvrg<S> {
    config: LooplessConfig,
    minibatches: u32,
    step: u64,
    /// Steps since the snapshot.
    since: u64,
    /// Snapshots before this one.
    generation: u32,
    variate: ControlVariate<S>,
}

impl<S: Scalar> LooplessSvrg<S> {
    /// The estimator before its first step.
    pub fn new(config: LooplessConfig) -> Self {
        let variate = ControlVariate::new(Coefficient::one());
        Self { config, minibatches: 0, step: 0, since: 0, generation: 0, variate }
    }

    /// Whether the coin falls for a snapshot before the coming step, which is not the first.
    fn falls(&self) -> bool {
        let probability = self.config.probability.unwrap_or(1.0 / f64::from(self.minibatches));
        coin::falls(self.config.seed, self.step, probability)
    }

    fn requests(&self) -> impl Fn(Wanted) -> Request + use<S> {
        let (generation, epoch) = (self.generation, u64::from(self.minibatches));
        let (own, round) = ((self.since % epoch) as u32, (self.since / epoch) as u32);
        move |wanted| {
            let request = wanted.request(Purpose::Snapshot, generation, own);
            Request { visit: if matches!(wanted, Wanted::Pass(_)) { 0 } else { round }, ..request }
        }
    }
}

impl<S: Scalar> Estimator<S> for LooplessSvrg<S> {
    fn name(&self) -> &'static str {
        "l-svrg"
    }

    fn begin(&mut self, space: &Arc<ParameterSpace>, minibatches: u32) -> Result<(), EstimatorError> {
        Method::<S>::check(&self.config).map_err(|fault| EstimatorError::Config { method: "l-svrg", fault })?;
        self.minibatches = minibatches;
        self.variate.begin(space, None);
        Ok(())
    }

    fn ask(&mut self, x: &FlatVector<S>) -> Result<Ask<'_, S>, EstimatorError> {
        if self.variate.is_between() {
            self.variate.open();
            if self.step == 0 || self.falls() {
                self.generation += u32::from(self.step > 0);
                self.since = 0;
                self.variate.take(x, 0..self.minibatches);
            }
        }
        let requests = self.requests();
        Ok(self.variate.ask(requests))
    }

    fn tell(&mut self, request: &Request, gradient: &FlatVector<S>) -> Result<(), EstimatorError> {
        self.variate.tell(request, gradient)
    }

    fn advance(&mut self, _x: &FlatVector<S>) {
        self.step += 1;
        self.since += 1;
        self.variate.close();
    }

    fn save(&self, out: &mut StateWriter<'_>) -> Result<(), EstimatorError> {
        out.integer("step", self.step);
        out.integer("since", self.since);
        out.integer("generation", self.generation.into());
        self.variate.save(out, false)
    }

    fn restore(&mut self, from: &StateReader<'_>) -> Result<(), EstimatorError> {
        self.step = from.integer("step")?;
        self.since = from.integer("since")?;
        self.generation = from.index("generation", u32::MAX.into())? as u32;
        self.variate.restore(from, false, self.minibatches, self.minibatches)
    }

    fn generation(&self) -> u32 {
        self.generation
    }

    fn direction_on(
        &self,
        index: u32,
        gradient: &FlatVector<S>,
        probed: &[&FlatVector<S>],
    ) -> Result<Estimate<S>, EstimatorError> {
        self.variate.direction_on(index, gradient, probed)
    }

    fn point(&self, point: Point) -> Option<&FlatVector<S>> {
        self.variate.snapshot().filter(|_| point == Point::Snapshot)
    }

    fn probes(&self, index: u32) -> Vec<Probe> {
        self.variate.probes(index, NormRule::Batch)
    }

    fn anchor(&self) -> Option<Anchor<'_, S>> {
        self.variate.anchor()
    }

    fn since_snapshot(&self) -> Option<u64> {
        self.variate.snapshot().map(|_| self.since)
    }
}
