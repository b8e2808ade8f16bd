//! SGD with momentum, heavy-ball or Nesterov's.

use vr_core::{FlatVector, Scalar, StateError, StateReader, StateWriter};

use crate::fault::{Fault, NOT_NEGATIVE, within};
use crate::rule::{Rule, Step, UpdateRule};

/// Options of [`SgdMomentum`].
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct SgdMomentumConfig {
    /// Share of the old buffer, in [0, 1).
    pub momentum: f64,
    /// Weight of x in the direction.
    pub weight_decay: f64,
    /// Whether the step looks ahead: Nesterov's form.
    pub nesterov: bool,
}

impl Default for SgdMomentumConfig {
    /// The paper's: momentum 0.9, weight decay 1e-4.
    fn default() -> Self {
        Self { momentum: 0.9, weight_decay: 1e-4, nesterov: false }
    }
}

impl<S: Scalar> Rule<S> for SgdMomentumConfig {
    fn build(&self) -> Box<dyn UpdateRule<S>> {
        Box::new(SgdMomentum { config: *self, buffer: FlatVector::default() })
    }

    fn buffers(&self) -> u64 {
        1
    }

    fn check(&self) -> Result<(), Fault> {
        within("momentum", self.momentum, 0.0..1.0)?;
        within("weight-decay", self.weight_decay, NOT_NEGATIVE)
    }
}

/// SGD with momentum and weight decay as in PyTorch and in the paper:
/// `d = v + weight_decay·x`, `buf ← momentum·buf + d`, `x ← x − lr·buf`; in Nesterov's form, as
/// PyTorch writes it, `x ← x − lr·(d + momentum·buf)`.
///
/// The decay is added after variance reduction, and a snapshot does not reset the buffer.
#[derive(Clone, Debug, Default)]
pub struct SgdMomentum<S> {
    config: SgdMomentumConfig,
    buffer: FlatVector<S>,
}

impl<S: Scalar> SgdMomentum<S> {
    /// The rule with an empty buffer.
    pub fn new(momentum: f64, weight_decay: f64) -> Self {
        let config = SgdMomentumConfig { momentum, weight_decay, nesterov: false };
        Self { config, buffer: FlatVector::default() }
    }

    /// In Nesterov's form.
    #[must_use]
    pub fn with_nesterov(mut self) -> Self {
        self.config.nesterov = true;
        self
    }
}

impl<S: Scalar> UpdateRule<S> for SgdMomentum<S> {
    fn update(&mut self, step: &Step<'_, S>, x: &mut FlatVector<S>) {
        let &Step { learning_rate, direction, .. } = step;
        if self.buffer.len() != x.len() {
            self.buffer = FlatVector::zeros(x.len());
        }
        let momentum = S::from_f64(self.config.momentum);
        for tensor in step.tensors() {
            let options = tensor.options();
            let decay = S::from_f64(self.config.weight_decay * options.weight_decay);
            let rate = S::from_f64(learning_rate * options.learning_rate);
            let range = tensor.range();
            let rows = x[range.clone()].iter_mut().zip(&mut self.buffer[range.clone()]).zip(&direction[range]);
            for ((x, buffer), &v) in rows {
                let d = v + decay * *x;
                *buffer = momentum * *buffer + d;
                *x = *x - rate * if self.config.nesterov { d + momentum * *buffer } else { *buffer };
            }
        }
    }

    fn name(&self) -> &'static str {
        if self.config.nesterov { "nesterov" } else { "sgd-momentum" }
    }

    fn save(&self, out: &mut StateWriter<'_>) {
        out.flag("started", !self.buffer.is_empty());
        if !self.buffer.is_empty() {
            out.vector("buffer", &self.buffer);
        }
    }

    fn restore(&mut self, from: &StateReader<'_>, len: usize) -> Result<(), StateError> {
        self.buffer = if from.flag("started")? { from.vector("buffer", len)? } else { FlatVector::default() };
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use vr_core::{ParameterSpace, TensorOptions};

    use super::*;

    #[test]
    fn two_steps_by_hand() {
        let space = ParameterSpace::new([("a", vec![1]), ("b", vec![1])])
            .unwrap()
            .with_options("b", TensorOptions { learning_rate: 0.0, weight_decay: 0.0 })
            .unwrap();
        let mut rule = SgdMomentum::new(0.5, 0.1);
        let mut x = FlatVector::from(vec![1.0_f64, 1.0]);
        let v = FlatVector::from(vec![2.0, 2.0]);
        rule.update(&Step::new(&space, 0.1, &v), &mut x);
        assert!((x[0] - 0.79).abs() < 1e-15); // buf = 2.1
        rule.update(&Step::new(&space, 0.1, &v), &mut x);
        assert!((x[0] - (0.79 - 0.1 * (1.05 + 2.079))).abs() < 1e-15);
        assert_eq!(x[1], 1.0);
    }
}
