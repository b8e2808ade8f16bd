//! SARAH (Nguyen, Liu, Scheinberg & Takáč, ICML 2017): a direction that is carried on by differences of gradients.
//!
//! Every q steps `v = mean g_b(x)` over all m minibatches; at the others `v ← v + (g_b(x) − g_b(x⁻))`, with x⁻ the previous iterate. SPIDER (Fang
//! et al., NeurIPS 2018) and SpiderBoost (Wang et al., NeurIPS 2019) are the same estimator; SPIDER divides its step by the norm of
//! v besides, and both take q = √n and minibatches of √n of the n samples. Given the past, v is biased: its error is that of the step
//! before plus the noise of the difference. It keeps x⁻ and v and costs 2 gradient evaluations a step and m at a restart: 3m − 2 an epoch
//! for q = m.

use std::sync::Arc;

use vr_core::{FlatVector, ParameterSpace, Scalar, StateReader, StateWriter};

use crate::estimator::{Ask, Estimate, Estimator, EstimatorError, Point, Probe, Request};
use crate::estimators::{Method, Vectors};
use crate::fault::{Fault, within};
use crate::two_points::TwoPoints;

/// Options of [`Sarah`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct SarahConfig {
    /// Steps from one full gradient to the next, q; `None` is one epoch of m steps.
    pub interval: Option<u64>,
}

impl<S: Scalar> Method<S> for SarahConfig {
    fn build(&self) -> Box<dyn Estimator<S>> {
        Box::new(Sarah::new(*self))
    }

    fn check(&self) -> Result<(), Fault> {
        within("interval", self.interval.unwrap_or(1), 1..)
    }

    fn vectors(&self) -> Vectors {
        Vectors { numbers: TwoPoints::<S>::VECTORS, sums: 1 }
    }
}

/// SARAH. A restart begins a new batch plan, which its steps go through, as often as they need.
#[derive(Debug)]
pub struct Sarah<S> {
    config: SarahConfig,
    minibatches: u32,
    step: u64,
    points: TwoPoints<S>,
}

impl<S: Scalar> Sarah<S> {
    /// The estimator before its first step.
    pub fn new(config: SarahConfig) -> Self {
        Self { config, minibatches: 0, step: 0, points: TwoPoints::default() }
    }

    /// Steps since the restart of step `step`, and restarts before it.
    fn place(&self, step: u64) -> (u64, u32) {
        let interval = self.config.interval.unwrap_or(self.minibatches.into()).max(1);
        (step % interval, (step / interval) as u32)
    }
}

impl<S: Scalar> Estimator<S> for Sarah<S> {
    fn name(&self) -> &'static str {
        "sarah"
    }

    fn begin(&mut self, space: &Arc<ParameterSpace>, minibatches: u32) -> Result<(), EstimatorError> {
        Method::<S>::check(&self.config).map_err(|fault| EstimatorError::Config { method: "sarah", fault })?;
        self.minibatches = minibatches;
        self.points.begin(space.len());
        Ok(())
    }

    fn ask(&mut self, x: &FlatVector<S>) -> Result<Ask<'_, S>, EstimatorError> {
        let (since, generation) = self.place(self.step);
        if self.points.is_between() {
            if since == 0 { self.points.open_pass(self.minibatches) } else { self.points.open() }
        }
        let m = u64::from(self.minibatches);
        Ok(self.points.ask(x, generation, (since % m) as u32, (since / m) as u32))
    }

    fn tell(&mut self, request: &Request, gradient: &FlatVector<S>) -> Result<(), EstimatorError> {
        self.points.tell(request, gradient, carry_on);
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
        Ok(carried_on(&self.points, gradient, probed))
    }

    /// That of the last step until the next is asked for, so that its end can still be measured.
    fn generation(&self) -> u32 {
        let between = self.points.is_between();
        self.place(if between { self.step.saturating_sub(1) } else { self.step }).1
    }

    fn point(&self, point: Point) -> Option<&FlatVector<S>> {
        self.points.previous().filter(|_| point == Point::Previous)
    }

    fn probes(&self, _index: u32) -> Vec<Probe> {
        self.points.probes()
    }

    fn save(&self, out: &mut StateWriter<'_>) -> Result<(), EstimatorError> {
        out.integer("step", self.step);
        self.points.save(out);
        Ok(())
    }

    fn restore(&mut self, from: &StateReader<'_>) -> Result<(), EstimatorError> {
        self.step = from.integer("step")?;
        Ok(self.points.restore(from, self.minibatches)?)
    }
}

/// `v ← v + (g − g⁻)`.
pub(super) fn carry_on<S: Scalar>(gradient: &[S], reference: &[S], direction: &mut FlatVector<S>) {
    for ((v, &g), &before) in direction.iter_mut().zip(gradient).zip(reference) {
        *v = *v + (g - before);
    }
}

/// The direction on a minibatch of a method that [carries on](carry_on): the full gradient where the step is one.
pub(super) fn carried_on<S: Scalar>(
    points: &TwoPoints<S>,
    gradient: &FlatVector<S>,
    probed: &[&FlatVector<S>],
) -> Estimate<S> {
    let Some(reference) = probed.first() else {
        let direction = if points.is_pass() { points.direction() } else { gradient };
        return Estimate { direction: direction.clone(), reference: None };
    };
    let mut direction = points.direction().clone();
    carry_on(gradient, reference, &mut direction);
    Estimate { direction, reference: Some((*reference).clone()) }
}
