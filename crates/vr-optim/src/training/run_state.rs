//! A run's state: everything that influences its coming steps.

use vr_core::{EvaluationCounts, FlatVector, MinibatchSource, Oracle, State, StateError};

use crate::estimator::EstimatorError;
use crate::training::Training;
use crate::training::progress::StepLoss;

impl<O, D> Training<O, D>
where
    O: Oracle,
    D: MinibatchSource<Batch = O::Batch>,
{
    /// Everything that influences the coming steps, but for what the configuration says and what can be
    /// computed again to the bit: iterate (by tensor), running statistics (by policy and layer), the
    /// update rule's and the estimator's own state (under their names), counts and positions.
    ///
    /// It may be taken at any time, in the middle of a snapshot pass too
    /// ([`step_until`](Self::step_until)).
    ///
    /// # Errors
    /// When a table that must be written cannot be read.
    pub fn save(&self) -> Result<State, EstimatorError> {
        let mut state = State::new();
        let mut out = state.writer("training");
        out.integer("minibatches", self.source.minibatches() as u64);
        out.integer("step", self.step);
        out.integer("diagnostic-passes", self.diagnostic_passes.into());
        self.counts.save(&mut out.part("counts"));
        self.loss.save(&mut out.part("loss"));
        if let Some(direction) = &self.direction {
            out.vector("direction", direction);
        }
        let mut out = state.writer("iterate");
        for tensor in self.oracle.space().tensors() {
            out.vector(tensor.name(), &self.x[tensor.range()]);
        }
        for track in &self.tracks {
            track.running.save(&mut state.writer("statistics").part(track.policy.name()));
        }
        self.frozen.save(&mut state.writer("frozen"));
        self.rule.save(&mut state.writer("rule").part(self.rule.name()));
        self.estimator.save(&mut state.writer("estimator").part(self.estimator.name()))?;
        Ok(state)
    }

    /// Goes on from a saved state of a run of the same configuration; what [`save`](Self::save) left
    /// out is evaluated again when it is needed. After an error the run is neither the old one nor
    /// the saved one, and only good to be dropped.
    ///
    /// # Errors
    /// When the state is of another method, rule, model or number of minibatches, or incomplete; the
    /// error names the value at fault.
    pub fn restore(&mut self, state: &State) -> Result<(), EstimatorError> {
        self.restore_all_but_the_estimator(state)?;
        self.estimator.restore(&state.reader("estimator").part(self.estimator.name()))
    }

    /// Goes on from a saved state of a run of plain SGD, otherwise configured as this one, as if this one had taken these steps: the
    /// estimator is one that is SGD for so long.
    ///
    /// # Errors
    /// As [`restore`](Self::restore), and where [`Estimator::follow_sgd`](crate::Estimator::follow_sgd) refuses.
    pub fn follow_sgd(&mut self, state: &State) -> Result<(), EstimatorError> {
        self.restore_all_but_the_estimator(state)?;
        if self.estimator.follow_sgd(self.step) {
            return Ok(());
        }
        let expected = format!("whole epochs during which {} is plain SGD", self.estimator.name());
        Err(StateError::Value { name: "training.step".into(), found: self.step.to_string(), expected }.into())
    }

    fn restore_all_but_the_estimator(&mut self, state: &State) -> Result<(), EstimatorError> {
        let from = state.reader("training");
        let (found, expected) = (from.integer("minibatches")?, self.source.minibatches());
        if found != expected as u64 {
            let (name, found, expected) = (from.name("minibatches"), found.to_string(), expected.to_string());
            return Err(StateError::Value { name, found, expected }.into());
        }
        let len = self.x.len();
        self.step = from.integer("step")?;
        self.diagnostic_passes = from.index("diagnostic-passes", u32::MAX.into())? as u32;
        self.counts = EvaluationCounts::from_state(&from.part("counts"))?;
        self.loss = StepLoss::from_state(&from.part("loss"))?;
        self.direction = if self.step > 0 { Some(from.vector("direction", len)?) } else { None };
        let from = state.reader("iterate");
        for tensor in self.oracle.space().tensors() {
            let elements: FlatVector<O::Scalar> = from.vector(tensor.name(), tensor.len())?;
            self.x[tensor.range()].copy_from_slice(&elements);
        }
        for track in &mut self.tracks {
            track.running.restore(&state.reader("statistics").part(track.policy.name()))?;
        }
        self.frozen.restore(&state.reader("frozen"))?;
        Ok(self.rule.restore(&state.reader("rule").part(self.rule.name()), len)?)
    }
}
