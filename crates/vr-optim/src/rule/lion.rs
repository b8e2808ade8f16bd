//! Lion: the sign of a momentum, with decoupled weight decay.

use vr_core::{FlatVector, Scalar, StateError, StateReader, StateWriter};

use crate::fault::{Fault, NOT_NEGATIVE, within};
use crate::rule::{Rule, Step, UpdateRule};

/// Options of [`Lion`].
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct LionConfig {
    /// β₁: share of the momentum in a step's sign, in [0, 1).
    pub beta1: f64,
    /// β₂: share of the old momentum in the new one, in [0, 1).
    pub beta2: f64,
    /// Decoupled decay: x shrinks by `learning rate · weight_decay` a step.
    pub weight_decay: f64,
}

impl Default for LionConfig {
    /// The authors': β (0.9, 0.99), no weight decay.
    fn default() -> Self {
        Self { beta1: 0.9, beta2: 0.99, weight_decay: 0.0 }
    }
}

impl<S: Scalar> Rule<S> for LionConfig {
    fn build(&self) -> Box<dyn UpdateRule<S>> {
        Box::new(Lion::new(*self))
    }

    fn buffers(&self) -> u64 {
        1
    }

    fn check(&self) -> Result<(), Fault> {
        within("beta1", self.beta1, 0.0..1.0)?;
        within("beta2", self.beta2, 0.0..1.0)?;
        within("weight-decay", self.weight_decay, NOT_NEGATIVE)
    }
}

/// Lion (Chen et al., "Symbolic discovery of optimization algorithms", NeurIPS 2023), with v the estimator's direction:
/// `x ← (1 − lr·weight_decay)·x − lr·sign(β₁·a + (1 − β₁)·v)`, `a ← β₂·a + (1 − β₂)·v`. The sign of 0 is 0.
#[derive(Clone, Debug)]
pub struct Lion<S> {
    config: LionConfig,
    /// Empty before the first step.
    momentum: FlatVector<S>,
}

impl<S: Scalar> Lion<S> {
    /// The rule before its first step.
    pub fn new(config: LionConfig) -> Self {
        Self { config, momentum: FlatVector::default() }
    }
}

impl<S: Scalar> Default for Lion<S> {
    /// With the authors' options.
    fn default() -> Self {
        Self::new(LionConfig::default())
    }
}

impl<S: Scalar> UpdateRule<S> for Lion<S> {
    fn update(&mut self, step: &Step<'_, S>, x: &mut FlatVector<S>) {
        if self.momentum.len() != x.len() {
            self.momentum = FlatVector::zeros(x.len());
        }
        let LionConfig { beta1, beta2, weight_decay } = self.config;
        for tensor in step.tensors() {
            let options = tensor.options();
            let rate = step.learning_rate * options.learning_rate;
            let keep = 1.0 - rate * weight_decay * options.weight_decay;
            let range = tensor.range();
            let moved = x[range.clone()].iter_mut().zip(&mut self.momentum[range.clone()]).zip(&step.direction[range]);
            for ((x, momentum), v) in moved {
                let (v, old) = (v.to_f64(), momentum.to_f64());
                let mixed = beta1 * old + (1.0 - beta1) * v;
                let sign = if mixed == 0.0 { 0.0 } else { mixed.signum() };
                *x = S::from_f64(keep * x.to_f64() - rate * sign);
                *momentum = S::from_f64(beta2 * old + (1.0 - beta2) * v);
            }
        }
    }

    fn name(&self) -> &'static str {
        "lion"
    }

    fn save(&self, out: &mut StateWriter<'_>) {
        out.flag("moved", !self.momentum.is_empty());
        if !self.momentum.is_empty() {
            out.vector("momentum", &self.momentum);
        }
    }

    fn restore(&mut self, from: &StateReader<'_>, len: usize) -> Result<(), StateError> {
        self.momentum = if from.flag("moved")? { from.vector("momentum", len)? } else { FlatVector::default() };
        Ok(())
    }
}
