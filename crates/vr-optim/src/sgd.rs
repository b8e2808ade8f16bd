//! The plain minibatch gradient.

use std::sync::Arc;

use vr_core::{FlatVector, ParameterSpace, Purpose, Scalar};

use crate::estimator::{Ask, Control, Estimator, NormRule, Point, Request};

/// Stochastic gradient descent: `v = g_b(x)`, a new batch plan every epoch.
#[derive(Clone, Debug, Default)]
pub struct Sgd<S> {
    minibatches: u32,
    step: u64,
    direction: FlatVector<S>,
    ready: bool,
}

impl<S: Scalar> Sgd<S> {
    /// The estimator before its first step.
    pub fn new() -> Self {
        Self::default()
    }

    fn request(&self) -> Request {
        let m = u64::from(self.minibatches);
        Request {
            point: Point::Current,
            generation: (self.step / m) as u32,
            index: (self.step % m) as u32,
            visit: 0,
            purpose: Purpose::Inner,
            norm: NormRule::Batch,
        }
    }
}

impl<S: Scalar> Estimator<S> for Sgd<S> {
    fn name(&self) -> &'static str {
        "sgd"
    }

    fn begin(&mut self, space: &Arc<ParameterSpace>, minibatches: u32) {
        self.minibatches = minibatches;
        self.direction = FlatVector::zeros(space.len());
    }

    fn ask(&mut self, _x: &FlatVector<S>) -> Ask<'_, S> {
        if self.ready { Ask::Step(&self.direction) } else { Ask::Evaluate(vec![self.request()]) }
    }

    fn tell(&mut self, _request: &Request, gradient: &FlatVector<S>) {
        self.direction.copy_from_slice(gradient);
        self.ready = true;
    }

    fn advance(&mut self, _x: &FlatVector<S>) {
        self.step += 1;
        self.ready = false;
    }

    fn generation(&self) -> u32 {
        self.request().generation
    }

    fn snapshot(&self) -> Option<&FlatVector<S>> {
        None
    }

    fn control(&self) -> Option<Control<'_, S>> {
        None
    }
}
