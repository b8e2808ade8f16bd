//! SVRG with clipped differences: `v = min(1, c/‖g_b(x) − g_b(x̃)‖)·(g_b(x) − g_b(x̃)) + μ`.

use std::sync::Arc;

use vr_optim::vr_core::{FlatVector, ParameterSpace, Purpose, Scalar, StateReader, StateWriter, vector::distance};
use vr_optim::{Anchor, Ask, Combine, ControlVariate, Estimate, Estimator, EstimatorError};
use vr_optim::{NormRule, Point, Probe, Request};

/// Shortens what the snapshot does not explain to a length of at most c.
pub struct Clip(pub f64);

impl<S: Scalar> Combine<S> for Clip {
    fn combine(&self, _space: &ParameterSpace, gradient: &[S], reference: &[S], mean: &[S], out: &mut [S]) {
        let shrink = S::from_f64((self.0 / distance(gradient, reference)).min(1.0));
        for (((out, &g), &r), &m) in out.iter_mut().zip(gradient).zip(reference).zip(mean) {
            *out = shrink * (g - r) + m;
        }
    }
}

/// The estimator, with a snapshot before every epoch.
pub struct ClippedSvrg<S> {
    variate: ControlVariate<S, Clip>,
    minibatches: u32,
    step: u64,
}

impl<S: Scalar> ClippedSvrg<S> {
    pub fn new(bound: f64) -> Self {
        Self { variate: ControlVariate::new(Clip(bound)), minibatches: 1, step: 0 }
    }
}

impl<S: Scalar> Estimator<S> for ClippedSvrg<S> {
    fn name(&self) -> &'static str {
        "clipped-svrg"
    }
    fn begin(&mut self, space: &Arc<ParameterSpace>, minibatches: u32) -> Result<(), EstimatorError> {
        self.minibatches = minibatches;
        self.variate.begin(space, None);
        Ok(())
    }
    fn ask(&mut self, x: &FlatVector<S>) -> Result<Ask<'_, S>, EstimatorError> {
        let (m, own) = (self.minibatches, (self.step % u64::from(self.minibatches)) as u32);
        if self.variate.is_between() {
            if own == 0 {
                self.variate.take(x, 0..m);
            }
            self.variate.open();
        }
        let generation = self.generation();
        Ok(self.variate.ask(|wanted| wanted.request(Purpose::Snapshot, generation, own)))
    }
    fn tell(&mut self, request: &Request, gradient: &FlatVector<S>) -> Result<(), EstimatorError> {
        self.variate.tell(request, gradient)
    }
    fn advance(&mut self, _x: &FlatVector<S>) {
        self.step += 1;
        self.variate.close();
    }
    fn direction_on(&self, b: u32, g: &FlatVector<S>, at: &[&FlatVector<S>]) -> Result<Estimate<S>, EstimatorError> {
        self.variate.direction_on(b, g, at)
    }
    fn generation(&self) -> u32 {
        let between = u64::from(self.variate.is_between());
        (self.step.saturating_sub(between) / u64::from(self.minibatches)) as u32
    }
    fn save(&self, out: &mut StateWriter<'_>) -> Result<(), EstimatorError> {
        out.integer("step", self.step);
        self.variate.save(out, false)
    }
    fn restore(&mut self, from: &StateReader<'_>) -> Result<(), EstimatorError> {
        self.step = from.integer("step")?;
        self.variate.restore(from, false, self.minibatches, self.minibatches)
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
        let before = u64::from(self.generation()) * u64::from(self.minibatches);
        self.variate.snapshot().map(|_| self.step.saturating_sub(before))
    }
}
