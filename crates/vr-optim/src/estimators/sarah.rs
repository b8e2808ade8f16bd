//! SARAH (Nguyen, Liu, Scheinberg & Takáč, ICML 2017): a direction that is carried on by differences of gradients.
//!
//! Every q steps `v = mean g_b(x)` over all m minibatches; at the others `v ← v + (g_b(x) − g_b(x⁻))`, with x⁻ the previous iterate. SPIDER (Fang
//! et al., NeurIPS 2018) and SpiderBoost (Wang et al., NeurIPS 2019) are the same estimator; SPIDER divides its step by the norm of
//! v besides, and both take q = √n and minibatches of √n of the n samples. Given the past, v is biased: its error is that of the step
//! before plus the noise of the difference. It keeps x⁻ and v and costs 2 gradient evaluations a step and m at a restart: 3m − 2 an epoch
//! for q = m.

use vr_core::{FlatVector, Scalar};

use crate::estimator::Estimator;
use crate::estimators::{Method, Vectors};
use crate::fault::{Fault, within};
use crate::recursive::{Opening, Recursion, Recursive, carry_on};
use crate::table::TableError;

/// Options of [`Sarah`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct SarahConfig {
    /// Steps from one full gradient to the next, q; `None` is one epoch of m steps.
    pub interval: Option<u64>,
}

impl<S: Scalar> Method<S> for SarahConfig {
    fn build(&self) -> Box<dyn Estimator<S>> {
        Box::new(Sarah::new(*self))
    }

    fn check(&self) -> Result<(), Fault> {
        Recursion::<S>::check(self)
    }

    fn vectors(&self) -> Vectors {
        Vectors { numbers: Sarah::<S>::VECTORS, sums: 1 }
    }
}

/// SARAH. A restart begins a new batch plan, which its steps go through, as often as they need.
pub type Sarah<S> = Recursive<S, SarahConfig>;

impl<S: Scalar> Sarah<S> {
    /// The estimator before its first step.
    pub fn new(config: SarahConfig) -> Self {
        Self::of(config)
    }
}

impl<S: Scalar> Recursion<S> for SarahConfig {
    fn name(&self) -> &'static str {
        "sarah"
    }

    fn check(&self) -> Result<(), Fault> {
        within("interval", self.interval.unwrap_or(1), 1..)
    }

    fn opens(&self, step: u64, minibatches: u32) -> Opening {
        let interval = self.interval.unwrap_or(minibatches.into());
        if step.is_multiple_of(interval) { Opening::Restart } else { Opening::Step }
    }

    fn direct(
        &self,
        _index: u32,
        gradient: &[S],
        before: Option<&[S]>,
        direction: &mut FlatVector<S>,
    ) -> Result<(), TableError> {
        carry_on(gradient, before, direction);
        Ok(())
    }
}
