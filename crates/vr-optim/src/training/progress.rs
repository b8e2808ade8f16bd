//! What a step says of the loss.

use vr_core::{Evaluation, Scalar, StateError, StateReader, StateWriter};

/// What one step, or the mean of an epoch's, said.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Progress {
    /// Mean loss at the iterate, before the step, in train mode.
    pub loss: f64,
    /// Share of the samples classified rightly, in train mode; `None` where the oracle knows of no
    /// classes.
    pub accuracy: Option<f64>,
    /// The learning rate (of the last step).
    pub learning_rate: f64,
}

/// Loss and accuracy at the iterate, and the tensors that no loss depends on, over the evaluations there since the last
/// step.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct StepLoss {
    evaluations: u64,
    loss: f64,
    accuracy: Option<f64>,
    unused: Vec<usize>,
}

impl StepLoss {
    pub(super) fn observe<S: Scalar>(&mut self, evaluation: &Evaluation<S>) {
        let samples = evaluation.samples.max(1) as f64;
        let accuracy = evaluation.correct.map(|correct| correct as f64 / samples);
        self.accuracy = if self.evaluations == 0 { accuracy } else { sum(self.accuracy, accuracy) };
        if self.evaluations == 0 {
            self.unused.clone_from(&evaluation.unused);
        } else {
            self.unused.retain(|tensor| evaluation.unused.contains(tensor));
        }
        self.loss += evaluation.loss;
        self.evaluations += 1;
    }

    /// Tensors that none of the losses depends on, as indices into the space.
    pub(super) fn unused(&self) -> &[usize] {
        &self.unused
    }

    /// The means; the loss of no evaluations is no number.
    pub(super) fn mean(&self, learning_rate: f64) -> Progress {
        let evaluations = self.evaluations as f64;
        Progress { loss: self.loss / evaluations, accuracy: self.accuracy.map(|sum| sum / evaluations), learning_rate }
    }

    /// Writes the sums, where a step has some.
    pub(super) fn save(&self, out: &mut StateWriter<'_>) {
        if self.evaluations > 0 {
            out.integer("evaluations", self.evaluations);
            out.real("loss", self.loss);
            out.flag("classified", self.accuracy.is_some());
            out.real("accuracy", self.accuracy.unwrap_or_default());
            if !self.unused.is_empty() {
                out.integer("unused-tensors", self.unused.len() as u64);
                out.f64s("unused", &self.unused.iter().map(|&tensor| tensor as f64).collect::<Vec<_>>());
            }
        }
    }

    pub(super) fn from_state(from: &StateReader<'_>) -> Result<Self, StateError> {
        if !from.has("evaluations") {
            return Ok(Self::default());
        }
        let accuracy = from.real("accuracy")?;
        let unused = if from.has("unused-tensors") {
            from.f64s("unused", from.index("unused-tensors", u32::MAX.into())? as usize)?
        } else {
            Vec::new()
        };
        Ok(Self {
            evaluations: from.integer("evaluations")?,
            loss: from.real("loss")?,
            accuracy: from.flag("classified")?.then_some(accuracy),
            unused: unused.into_iter().map(|tensor| tensor as usize).collect(),
        })
    }
}

fn sum(a: Option<f64>, b: Option<f64>) -> Option<f64> {
    a.zip(b).map(|(a, b)| a + b)
}
