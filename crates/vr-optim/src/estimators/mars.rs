//! MARS (Yuan, Liu, Wu, Zhou & Gu, ICML 2025): a gradient corrected by a small share of its difference from the step before, made for AdamW and Lion.
//!
//! `c = g_b(x) + γ·β/(1 − β)·(g_b(x) − g⁻)`, scaled down to norm 1 in each tensor where it is longer; the update rule takes it for the gradient. *Exact*:
//! g⁻ is the gradient of the same minibatch at the previous iterate, 2 evaluations a step. *Approximate*: it is the gradient of the step before, 1
//! evaluation. β is the update rule's momentum, AdamW's β₁. Tensors of one dimension keep their plain gradient, as in the authors' code. It keeps x⁻, or the
//! last gradient. The exact form is `(1 + s)·g_b(x) − s·g_b(x⁻)` with s = γ·β/(1 − β): its mean is ∇f(x) only as far as x moved little.

use std::sync::Arc;

use vr_core::vector::norm;
use vr_core::{FlatVector, ParameterSpace, Scalar, StateReader, StateWriter};

use crate::estimator::{Estimator, EstimatorError};
use crate::estimators::{Method, Vectors};
use crate::fault::{Fault, NOT_NEGATIVE, within};
use crate::recursive::{Opening, Recursion, Recursive, by_epoch};
use crate::table::TableError;

/// What the gradient is compared with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Difference {
    /// The same minibatch's gradient at the previous iterate.
    #[default]
    Exact,
    /// The gradient of the step before.
    Approximate,
}

/// Options of [`Mars`].
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct MarsConfig {
    /// γ, how much of the correction is used, at least 0.
    pub gamma: f64,
    /// β, the momentum of the update rule, in [0, 1).
    pub beta: f64,
    /// What the gradient is compared with.
    pub difference: Difference,
    /// Whether each tensor's direction is scaled down to norm 1 where it is longer.
    pub clip: bool,
}

impl Default for MarsConfig {
    /// The authors': γ 0.025, β 0.95, exact, clipped.
    fn default() -> Self {
        Self { gamma: 0.025, beta: 0.95, difference: Difference::Exact, clip: true }
    }
}

impl<S: Scalar> Method<S> for MarsConfig {
    fn build(&self) -> Box<dyn Estimator<S>> {
        Box::new(Mars::new(*self))
    }

    fn check(&self) -> Result<(), Fault> {
        within("gamma", self.gamma, NOT_NEGATIVE)?;
        within("beta", self.beta, 0.0..1.0)
    }

    fn vectors(&self) -> Vectors {
        let last = u64::from(self.difference == Difference::Approximate);
        Vectors { numbers: Mars::<S>::VECTORS + last, sums: 1 }
    }
}

/// MARS; a new batch plan every epoch.
pub type Mars<S> = Recursive<S, Corrected<S>>;

impl<S: Scalar> Mars<S> {
    /// The estimator before its first step.
    pub fn new(config: MarsConfig) -> Self {
        Self::of(Corrected { config, space: Arc::default(), last: FlatVector::default() })
    }
}

/// MARS's recursion, which does not go on from the direction before.
#[derive(Debug)]
pub struct Corrected<S> {
    config: MarsConfig,
    space: Arc<ParameterSpace>,
    /// The gradient of the step before, where that is what g⁻ is; empty before there is one.
    last: FlatVector<S>,
}

impl<S> Corrected<S> {
    fn is_approximate(&self) -> bool {
        self.config.difference == Difference::Approximate
    }
}

impl<S: Scalar> Recursion<S> for Corrected<S> {
    fn name(&self) -> &'static str {
        if self.is_approximate() { "mars-approximate" } else { "mars" }
    }

    fn check(&self) -> Result<(), Fault> {
        Method::<S>::check(&self.config)
    }

    fn begin(&mut self, space: &Arc<ParameterSpace>, _minibatches: u32) -> Result<(), TableError> {
        self.space = Arc::clone(space);
        Ok(())
    }

    fn opens(&self, step: u64, minibatches: u32) -> Opening {
        by_epoch(step, minibatches)
    }

    fn looks_back(&self) -> bool {
        !self.is_approximate()
    }

    fn direct(
        &self,
        _index: u32,
        gradient: &[S],
        before: Option<&[S]>,
        direction: &mut FlatVector<S>,
    ) -> Result<(), TableError> {
        let before = before.or((!self.last.is_empty()).then_some(&*self.last));
        let MarsConfig { gamma, beta, clip, .. } = self.config;
        let share = S::from_f64(gamma * beta / (1.0 - beta));
        direction.copy_from_slice(gradient);
        for tensor in self.space.tensors().iter().filter(|tensor| tensor.shape().len() > 1) {
            let range = tensor.range();
            let out = &mut direction[range.clone()];
            if let Some(before) = before {
                for ((v, &g), &before) in out.iter_mut().zip(&gradient[range.clone()]).zip(&before[range]) {
                    *v = g + share * (g - before);
                }
            }
            let length = if clip { norm(out) } else { 0.0 };
            if length > 1.0 {
                let scale = S::from_f64(1.0 / length);
                out.iter_mut().for_each(|v| *v = scale * *v);
            }
        }
        Ok(())
    }

    fn learn(&mut self, _index: u32, gradient: &[S]) -> Result<(), TableError> {
        if self.is_approximate() {
            self.last = gradient.to_vec().into();
        }
        Ok(())
    }

    fn save(&self, out: &mut StateWriter<'_>) -> Result<(), TableError> {
        out.flag("learnt", !self.last.is_empty());
        if !self.last.is_empty() {
            out.vector("last", &self.last);
        }
        Ok(())
    }

    fn restore(&mut self, from: &StateReader<'_>) -> Result<(), EstimatorError> {
        self.last = if from.flag("learnt")? { from.vector("last", self.space.len())? } else { FlatVector::default() };
        Ok(())
    }
}
