//! An estimator driven without a driver, on locked minibatches.

use vr_core::{
    EvaluationCounts, FlatVector, MinibatchKey, MinibatchSource, Normalization, Oracle, Purpose, State, Stream,
    TransformKey,
};

use super::problem::{Loss, P, Regression, Samples, start};
use super::{Finding, Make, measured};
use crate::estimator::{Ask, Estimator, EstimatorError, Point, Request};

/// The part of a state that the estimator's own has here.
const PART: &str = "estimator";

/// An estimator, its iterate, and what it was answered.
pub(super) struct Hand {
    estimator: Box<dyn Estimator<f64>>,
    oracle: Regression,
    samples: Samples,
    pub(super) x: FlatVector<f64>,
    pub(super) steps: u64,
    pub(super) answers: u64,
    pub(super) counts: EvaluationCounts,
    /// The direction of the last step.
    pub(super) direction: FlatVector<f64>,
    /// What it would have been on the last step's minibatch, asked for beforehand; none where the step
    /// is on several minibatches, or on one beyond the plan.
    pub(super) measured: Option<FlatVector<f64>>,
    own: u64,
}

impl Hand {
    pub(super) fn begin(make: Make<'_>, minibatches: u32) -> Finding<Self> {
        let samples = Samples { jitter: 0.3, minibatches };
        let oracle = Regression::new(Loss::Logistic);
        let mut estimator = make();
        measured(estimator.begin(oracle.space(), minibatches))?;
        let zeros = FlatVector::zeros(P);
        Ok(Self {
            estimator,
            oracle,
            samples,
            x: start(),
            steps: 0,
            answers: 0,
            counts: EvaluationCounts::default(),
            direction: zeros,
            measured: None,
            own: 0,
        })
    }

    /// The next step.
    pub(super) fn step(&mut self) -> Finding<()> {
        self.until(self.steps + 1, u64::MAX)
    }

    /// Goes on until `steps` steps are done, or `answers` answers given, in all.
    pub(super) fn until(&mut self, steps: u64, answers: u64) -> Finding<()> {
        while self.steps < steps {
            match measured(self.estimator.ask(&self.x))? {
                Ask::Move(to) => self.x.clone_from(to),
                Ask::Snapshot => {}
                Ask::Step(direction) => {
                    self.direction.clone_from(direction);
                    self.x.axpy(-0.05, &self.direction);
                    self.estimator.advance(&self.x);
                    self.steps += 1;
                    self.own = 0;
                }
                Ask::Evaluate(requests) if requests.is_empty() => return Err("asks for nothing".into()),
                Ask::Evaluate(requests) => {
                    for request in requests {
                        if self.answers >= answers {
                            return Ok(());
                        }
                        self.answer(&request)?;
                    }
                }
            }
        }
        Ok(())
    }

    fn answer(&mut self, request: &Request) -> Finding<()> {
        if request.index >= self.samples.minibatches {
            return Err(format!("asks for minibatch {} of {}", request.index, self.samples.minibatches));
        }
        let gradient = self.gradient(request.point, request.generation, request.index)?;
        if request.purpose == Purpose::Inner && request.point == Point::Current {
            self.own += 1;
            let alone = self.own == 1 && request.generation == self.estimator.generation();
            self.measured = if alone { Some(self.direction_on(request, &gradient)?) } else { None };
        }
        measured(self.estimator.tell(request, &gradient))?;
        self.counts.record(request.purpose, 4);
        self.answers += 1;
        Ok(())
    }

    fn direction_on(&self, request: &Request, gradient: &FlatVector<f64>) -> Finding<FlatVector<f64>> {
        let probes = self.estimator.probes(request.index);
        let gradients = probes.iter().map(|probe| self.gradient(probe.point, request.generation, request.index));
        let gradients = gradients.collect::<Finding<Vec<_>>>()?;
        let probed: Vec<&FlatVector<f64>> = gradients.iter().collect();
        Ok(measured(self.estimator.direction_on(request.index, gradient, &probed))?.direction)
    }

    fn gradient(&self, point: Point, generation: u32, index: u32) -> Finding<FlatVector<f64>> {
        let x = match point {
            Point::Current => &self.x,
            point => {
                let method = self.estimator.name();
                measured(self.estimator.point(point).ok_or(EstimatorError::NoPoint { method, point }))?
            }
        };
        let transform = TransformKey { stream: Stream::LockedTransform, generation, visit: 0 };
        let batch = measured(self.samples.minibatch(MinibatchKey { generation, index, transform }))?;
        let mut gradient = FlatVector::zeros(P);
        measured(self.oracle.gradient(x, Normalization::Batch, &batch, &mut gradient))?;
        Ok(gradient)
    }

    pub(super) fn saved(&self) -> Finding<State> {
        let mut state = State::new();
        measured(self.estimator.save(&mut state.writer(PART)))?;
        Ok(state)
    }

    /// A new one that goes on from here by way of a saved state.
    pub(super) fn resumed(&self, make: Make<'_>) -> Finding<Self> {
        self.restored(make, &self.saved()?)
    }

    /// A new one at this iterate that goes on from `state`.
    pub(super) fn restored(&self, make: Make<'_>, state: &State) -> Finding<Self> {
        let mut new = Self::begin(make, self.samples.minibatches)?;
        measured(new.estimator.restore(&state.reader(PART)))?;
        new.x.clone_from(&self.x);
        (new.steps, new.answers, new.counts) = (self.steps, self.answers, self.counts);
        Ok(new)
    }
}
