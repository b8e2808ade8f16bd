//! AdaGrad, of each coordinate or of the whole gradient's norm, begun anew every so many steps.
//!
//! With SVRG's direction, [`Scale::Network`] and a restart at every snapshot it is AdaSVRG (Dubois-Taine, Vaswani, Babanezhad, Schmidt &
//! Lacoste-Julien, "SVRG meets AdaGrad: painless variance reduction", 2021), which needs no learning rate that fits the problem's smoothness; its snapshot
//! is here the last iterate of the steps before.

use vr_core::vector::dot;
use vr_core::{FlatVector, Scalar, StateError, StateReader, StateWriter};

use crate::fault::{Fault, NOT_NEGATIVE, POSITIVE, within};
use crate::rule::{Rule, Step, UpdateRule};

/// What has a step size of its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scale {
    /// Each coordinate.
    #[default]
    Coordinate,
    /// The network as a whole.
    Network,
}

/// Options of [`AdaGrad`].
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct AdaGradConfig {
    /// What has a step size of its own.
    pub per: Scale,
    /// Steps after which the sums begin anew; with the steps between snapshots it is AdaSVRG. Never by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub restart: Option<u64>,
    /// ε, above 0.
    pub epsilon: f64,
    /// Decay that is added to the direction, at least 0.
    pub weight_decay: f64,
}

impl Default for AdaGradConfig {
    /// PyTorch's: each coordinate, ε = 1e-10, no weight decay.
    fn default() -> Self {
        Self { per: Scale::default(), restart: None, epsilon: 1e-10, weight_decay: 0.0 }
    }
}

impl<S: Scalar> Rule<S> for AdaGradConfig {
    fn build(&self) -> Box<dyn UpdateRule<S>> {
        Box::new(AdaGrad::new(*self))
    }

    fn buffers(&self) -> u64 {
        u64::from(self.per == Scale::Coordinate)
    }

    fn check(&self) -> Result<(), Fault> {
        within("restart", self.restart.unwrap_or(1), 1..)?;
        within("epsilon", self.epsilon, POSITIVE)?;
        within("weight-decay", self.weight_decay, NOT_NEGATIVE)
    }
}

/// AdaGrad (Duchi, Hazan & Singer, JMLR 2011), with v the estimator's direction: `g = v + weight_decay·x`, `G ← G + g²`,
/// `x ← x − lr·g/(√G + ε)`, where the square is that of each coordinate or of the norm.
#[derive(Clone, Debug)]
pub struct AdaGrad<S> {
    config: AdaGradConfig,
    steps: u64,
    /// G of each coordinate; empty before the first step, or where there is one for all.
    sums: FlatVector<S>,
    /// G of the norm.
    sum: f64,
}

impl<S: Scalar> AdaGrad<S> {
    /// The rule before its first step.
    pub fn new(config: AdaGradConfig) -> Self {
        Self { config, steps: 0, sums: FlatVector::default(), sum: 0.0 }
    }
}

impl<S: Scalar> UpdateRule<S> for AdaGrad<S> {
    fn update(&mut self, step: &Step<'_, S>, x: &mut FlatVector<S>) {
        let AdaGradConfig { per, restart, epsilon, weight_decay } = self.config;
        if per == Scale::Coordinate && self.sums.len() != x.len() {
            self.sums = FlatVector::zeros(x.len());
        }
        if restart.is_some_and(|restart| self.steps.is_multiple_of(restart)) {
            self.sums.fill(S::default());
            self.sum = 0.0;
        }
        self.steps += 1;
        let mut gradient = step.direction.clone();
        for tensor in step.tensors() {
            let decay = S::from_f64(weight_decay * tensor.options().weight_decay);
            let range = tensor.range();
            for (g, &x) in gradient[range.clone()].iter_mut().zip(&x[range.clone()]) {
                *g = *g + decay * x;
            }
            self.sum += dot(&gradient[range.clone()], &gradient[range]);
        }
        for tensor in step.tensors() {
            let rate = step.learning_rate * tensor.options().learning_rate;
            for i in tensor.range() {
                let g = gradient[i].to_f64();
                let squares = match per {
                    Scale::Network => self.sum,
                    Scale::Coordinate => {
                        self.sums[i] = S::from_f64(self.sums[i].to_f64() + g * g);
                        self.sums[i].to_f64()
                    }
                };
                x[i] = S::from_f64(x[i].to_f64() - rate * g / (squares.sqrt() + epsilon));
            }
        }
    }

    fn name(&self) -> &'static str {
        "adagrad"
    }

    fn save(&self, out: &mut StateWriter<'_>) {
        out.integer("steps", self.steps);
        out.real("sum", self.sum);
        out.flag("moved", !self.sums.is_empty());
        if !self.sums.is_empty() {
            out.vector("sums", &self.sums);
        }
    }

    fn restore(&mut self, from: &StateReader<'_>, len: usize) -> Result<(), StateError> {
        self.steps = from.integer("steps")?;
        self.sum = from.real("sum")?;
        self.sums = if from.flag("moved")? { from.vector("sums", len)? } else { FlatVector::default() };
        Ok(())
    }
}
