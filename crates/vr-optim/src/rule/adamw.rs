//! AdamW: per-coordinate steps with decoupled weight decay.

use vr_core::{FlatVector, Scalar, StateError, StateReader, StateWriter};

use crate::fault::{Fault, NOT_NEGATIVE, POSITIVE, within};
use crate::rule::{Rule, Step, UpdateRule};

/// Options of [`AdamW`].
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct AdamWConfig {
    /// β₁: share of the old first moment, in [0, 1).
    pub beta1: f64,
    /// β₂: share of the old second moment, in [0, 1).
    pub beta2: f64,
    /// ε, added to the root of the second moment.
    pub epsilon: f64,
    /// Decoupled decay: x shrinks by `learning rate · weight_decay` a step.
    pub weight_decay: f64,
}

impl Default for AdamWConfig {
    /// PyTorch's: β (0.9, 0.999), ε 1e-8, weight decay 0.01.
    fn default() -> Self {
        Self { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weight_decay: 0.01 }
    }
}

impl<S: Scalar> Rule<S> for AdamWConfig {
    fn build(&self) -> Box<dyn UpdateRule<S>> {
        Box::new(AdamW::new(*self))
    }

    fn buffers(&self) -> u64 {
        2
    }

    fn check(&self) -> Result<(), Fault> {
        within("beta1", self.beta1, 0.0..1.0)?;
        within("beta2", self.beta2, 0.0..1.0)?;
        within("epsilon", self.epsilon, POSITIVE)?;
        within("weight-decay", self.weight_decay, NOT_NEGATIVE)
    }
}

/// AdamW (Loshchilov & Hutter, ICLR 2019) as in PyTorch. At step t, from 1:
/// `x ← (1 − lr·weight_decay)·x`, `a ← β₁·a + (1 − β₁)·v`, `q ← β₂·q + (1 − β₂)·v²`,
/// `x ← x − lr/(1 − β₁ᵗ) · a / (√q/√(1 − β₂ᵗ) + ε)`.
///
/// The moments are those of the estimator's direction v, after variance reduction.
#[derive(Clone, Debug)]
pub struct AdamW<S> {
    config: AdamWConfig,
    step: u64,
    first: FlatVector<S>,
    second: FlatVector<S>,
}

impl<S: Scalar> AdamW<S> {
    /// The rule before its first step.
    pub fn new(config: AdamWConfig) -> Self {
        Self { config, step: 0, first: FlatVector::default(), second: FlatVector::default() }
    }
}

impl<S: Scalar> Default for AdamW<S> {
    /// With PyTorch's options.
    fn default() -> Self {
        Self::new(AdamWConfig::default())
    }
}

impl<S: Scalar> UpdateRule<S> for AdamW<S> {
    fn update(&mut self, step: &Step<'_, S>, x: &mut FlatVector<S>) {
        let &Step { learning_rate, direction, .. } = step;
        if self.first.len() != x.len() {
            (self.first, self.second) = (FlatVector::zeros(x.len()), FlatVector::zeros(x.len()));
        }
        self.step += 1;
        let AdamWConfig { beta1, beta2, epsilon, weight_decay } = self.config;
        let correction = |beta: f64| 1.0 - beta.powf(self.step as f64);
        let (rate, root) = (learning_rate / correction(beta1), correction(beta2).sqrt());
        let average = |old: S, beta: f64, new: f64| S::from_f64(beta * old.to_f64() + (1.0 - beta) * new);
        for tensor in step.tensors() {
            let options = tensor.options();
            let keep = 1.0 - learning_rate * options.learning_rate * weight_decay * options.weight_decay;
            let rate = rate * options.learning_rate;
            let range = tensor.range();
            let moments = self.first[range.clone()].iter_mut().zip(&mut self.second[range.clone()]);
            for ((x, (first, second)), v) in x[range.clone()].iter_mut().zip(moments).zip(&direction[range]) {
                let v = v.to_f64();
                *first = average(*first, beta1, v);
                *second = average(*second, beta2, v * v);
                let scale = second.to_f64().sqrt() / root + epsilon;
                *x = S::from_f64(keep * x.to_f64() - rate * first.to_f64() / scale);
            }
        }
    }

    fn name(&self) -> &'static str {
        "adamw"
    }

    fn save(&self, out: &mut StateWriter<'_>) {
        out.integer("step", self.step);
        if self.step > 0 {
            out.vector("first", &self.first);
            out.vector("second", &self.second);
        }
    }

    fn restore(&mut self, from: &StateReader<'_>, len: usize) -> Result<(), StateError> {
        self.step = from.integer("step")?;
        let read = |name| if self.step > 0 { from.vector(name, len) } else { Ok(FlatVector::default()) };
        (self.first, self.second) = (read("first")?, read("second")?);
        Ok(())
    }
}
