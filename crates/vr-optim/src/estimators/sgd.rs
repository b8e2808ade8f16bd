//! The plain minibatch gradient.

use std::sync::Arc;

use vr_core::{FlatVector, ParameterSpace, Purpose, Scalar, StateReader, StateWriter};

use crate::estimator::{Ask, Estimate, Estimator, EstimatorError, NormRule, Point, Request};
use crate::estimators::{Method, Vectors};

/// How far a step has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stage {
    /// Nothing asked since the last step.
    #[default]
    Between,
    /// The gradient is wanted.
    Open,
    /// The direction is ready.
    Ready,
}

/// [`Sgd`] has no options.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SgdConfig;

impl<S: Scalar> Method<S> for SgdConfig {
    fn build(&self) -> Box<dyn Estimator<S>> {
        Box::new(Sgd::new())
    }

    fn vectors(&self) -> Vectors {
        Vectors { numbers: 1, sums: 0 }
    }
}

/// Stochastic gradient descent: `v = g_b(x)`, a new batch plan every epoch.
#[derive(Clone, Debug, Default)]
pub struct Sgd<S> {
    minibatches: u32,
    step: u64,
    direction: FlatVector<S>,
    stage: Stage,
}

impl<S: Scalar> Sgd<S> {
    /// The estimator before its first step.
    pub fn new() -> Self {
        Self::default()
    }

    /// The plan of step `step`, and its minibatch there.
    fn place(&self, step: u64) -> (u32, u32) {
        let m = u64::from(self.minibatches);
        ((step / m) as u32, (step % m) as u32)
    }

    fn request(&self) -> Request {
        let (generation, index) = self.place(self.step);
        Request { point: Point::Current, generation, index, visit: 0, purpose: Purpose::Inner, norm: NormRule::Batch }
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

    fn ask(&mut self, _x: &FlatVector<S>) -> Result<Ask<'_, S>, EstimatorError> {
        if self.stage == Stage::Ready {
            return Ok(Ask::Step(&self.direction));
        }
        self.stage = Stage::Open;
        Ok(Ask::Evaluate(vec![self.request()]))
    }

    fn tell(&mut self, _request: &Request, gradient: &FlatVector<S>) -> Result<(), EstimatorError> {
        self.direction.copy_from_slice(gradient);
        self.stage = Stage::Ready;
        Ok(())
    }

    fn advance(&mut self, _x: &FlatVector<S>) {
        self.step += 1;
        self.stage = Stage::Between;
    }

    fn save(&self, out: &mut StateWriter<'_>) -> Result<(), EstimatorError> {
        out.integer("step", self.step);
        out.flag("ready", self.stage == Stage::Ready);
        if self.stage == Stage::Ready {
            out.vector("direction", &self.direction);
        }
        Ok(())
    }

    fn restore(&mut self, from: &StateReader<'_>) -> Result<(), EstimatorError> {
        self.step = from.integer("step")?;
        self.stage = if from.flag("ready")? { Stage::Ready } else { Stage::Between };
        if self.stage == Stage::Ready {
            self.direction = from.vector("direction", self.direction.len())?;
        }
        Ok(())
    }

    /// That of the last step until the next is asked for, so that its end can still be measured.
    fn generation(&self) -> u32 {
        let between = self.stage == Stage::Between;
        self.place(if between { self.step.saturating_sub(1) } else { self.step }).0
    }

    fn direction_on(
        &self,
        _index: u32,
        gradient: &FlatVector<S>,
        _probed: &[&FlatVector<S>],
    ) -> Result<Estimate<S>, EstimatorError> {
        Ok(Estimate { direction: gradient.clone(), reference: None })
    }
}
