//! PAGE (Li, Bao, Zhang & Richtárik, ICML 2021): SARAH whose restarts come by a coin.
//!
//! With probability p `v = mean g_b(x)` over all m minibatches; else `v ← v + (g_b(x) − g_b(x⁻))`, with x⁻ the previous iterate. The first step is
//! a full gradient. It keeps x⁻ and v and costs p·m + 2(1 − p) gradient evaluations a step in the mean, less than 3 for the authors'
//! p = 1/(m + 1). Given the past, v is biased unless the coin falls for the full gradient.

use vr_core::{FlatVector, Scalar};

use super::coin;
use crate::estimator::Estimator;
use crate::estimators::{Method, Vectors};
use crate::fault::Fault;
use crate::recursive::{Opening, Recursion, Recursive, carry_on};
use crate::table::TableError;

/// Options of [`Page`].
#[derive(Clone, Copy, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct PageConfig {
    /// The probability p of a full gradient, above 0 and at most 1; `None` is the authors' 1/(m + 1).
    pub probability: Option<f64>,
    /// Seed of the coin.
    pub seed: u64,
}

impl<S: Scalar> Method<S> for PageConfig {
    fn build(&self) -> Box<dyn Estimator<S>> {
        Box::new(Page::new(*self))
    }

    fn check(&self) -> Result<(), Fault> {
        Recursion::<S>::check(self)
    }

    fn vectors(&self) -> Vectors {
        Vectors { numbers: Page::<S>::VECTORS, sums: 1 }
    }
}

/// PAGE. A full gradient begins a new batch plan, which the steps after it go through, as often as they need.
pub type Page<S> = Recursive<S, PageConfig>;

impl<S: Scalar> Page<S> {
    /// The estimator before its first step.
    pub fn new(config: PageConfig) -> Self {
        Self::of(config)
    }
}

impl<S: Scalar> Recursion<S> for PageConfig {
    fn name(&self) -> &'static str {
        "page"
    }

    fn check(&self) -> Result<(), Fault> {
        coin::check(self.probability)
    }

    fn opens(&self, step: u64, minibatches: u32) -> Opening {
        let probability = self.probability.unwrap_or(1.0 / (f64::from(minibatches) + 1.0));
        if step == 0 || coin::falls(self.seed, step, probability) { Opening::Restart } else { Opening::Step }
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
