//! AdamW: per-coordinate steps with decoupled weight decay.

use vr_core::{FlatVector, ParameterSpace, Scalar, StateError, StateReader, StateWriter};

use crate::rule::UpdateRule;

/// AdamW (Loshchilov & Hutter, ICLR 2019) as in PyTorch. At step t, from 1:
/// `x ← (1 − lr·weight_decay)·x`, `a ← β₁·a + (1 − β₁)·v`, `q ← β₂·q + (1 − β₂)·v²`,
/// `x ← x − lr/(1 − β₁ᵗ) · a / (√q/√(1 − β₂ᵗ) + ε)`.
///
/// The moments are those of the estimator's direction v, after variance reduction.
#[derive(Clone, Debug)]
pub struct AdamW<S> {
    /// β₁: share of the old first moment.
    pub beta1: f64,
    /// β₂: share of the old second moment.
    pub beta2: f64,
    /// ε, outside the root.
    pub epsilon: f64,
    /// Decoupled decay.
    pub weight_decay: f64,
    step: u64,
    first: FlatVector<S>,
    second: FlatVector<S>,
}

impl<S: Scalar> AdamW<S> {
    /// The rule before its first step.
    pub fn new(beta1: f64, beta2: f64, epsilon: f64, weight_decay: f64) -> Self {
        let (first, second) = (FlatVector::default(), FlatVector::default());
        Self { beta1, beta2, epsilon, weight_decay, step: 0, first, second }
    }
}

impl<S: Scalar> Default for AdamW<S> {
    /// PyTorch's: β (0.9, 0.999), ε 1e-8, weight decay 0.01.
    fn default() -> Self {
        Self::new(0.9, 0.999, 1e-8, 0.01)
    }
}

impl<S: Scalar> UpdateRule<S> for AdamW<S> {
    fn update(&mut self, space: &ParameterSpace, learning_rate: f64, direction: &FlatVector<S>, x: &mut FlatVector<S>) {
        if self.first.len() != x.len() {
            (self.first, self.second) = (FlatVector::zeros(x.len()), FlatVector::zeros(x.len()));
        }
        self.step += 1;
        let correction = |beta: f64| 1.0 - beta.powf(self.step as f64);
        let (rate, root) = (learning_rate / correction(self.beta1), correction(self.beta2).sqrt());
        let average = |old: S, beta: f64, new: f64| S::from_f64(beta * old.to_f64() + (1.0 - beta) * new);
        for tensor in space.tensors() {
            let options = tensor.options();
            let keep = 1.0 - learning_rate * options.learning_rate * self.weight_decay * options.weight_decay;
            let rate = rate * options.learning_rate;
            let range = tensor.range();
            let moments = self.first[range.clone()].iter_mut().zip(&mut self.second[range.clone()]);
            for ((x, (first, second)), v) in x[range.clone()].iter_mut().zip(moments).zip(&direction[range]) {
                let v = v.to_f64();
                *first = average(*first, self.beta1, v);
                *second = average(*second, self.beta2, v * v);
                let scale = second.to_f64().sqrt() / root + self.epsilon;
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
