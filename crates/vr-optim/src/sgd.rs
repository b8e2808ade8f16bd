//! The plain minibatch gradient.

use std::sync::Arc;

use vr_core::{FlatVector, ParameterSpace, Purpose, Scalar, StateReader, StateWriter};

use crate::estimator::{Ask, Control, Estimator, EstimatorError, NormRule, Point, Request};

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

    fn begin(&mut self, space: &Arc<ParameterSpace>, minibatches: u32) -> Result<(), EstimatorError> {
        self.minibatches = minibatches;
        self.direction = FlatVector::zeros(space.len());
        Ok(())
    }

    fn steps_per_epoch(&self) -> u32 {
        self.minibatches
    }

    fn ask(&mut self, _x: &FlatVector<S>) -> Result<Ask<'_, S>, EstimatorError> {
        Ok(if self.ready { Ask::Step(&self.direction) } else { Ask::Evaluate(vec![self.request()]) })
    }

    fn tell(&mut self, _request: &Request, gradient: &FlatVector<S>) -> Result<(), EstimatorError> {
        self.direction.copy_from_slice(gradient);
        self.ready = true;
        Ok(())
    }

    fn advance(&mut self, _x: &FlatVector<S>) {
        self.step += 1;
        self.ready = false;
    }

    fn save(&self, out: &mut StateWriter<'_>) -> Result<(), EstimatorError> {
        out.integer("step", self.step);
        out.flag("ready", self.ready);
        if self.ready {
            out.vector("direction", &self.direction);
        }
        Ok(())
    }

    fn restore(&mut self, from: &StateReader<'_>) -> Result<(), EstimatorError> {
        self.step = from.integer("step")?;
        self.ready = from.flag("ready")?;
        if self.ready {
            self.direction = from.vector("direction", self.direction.len())?;
        }
        Ok(())
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
