//! Update rules, which make a step of a direction, and the table of them.
//!
//! A rule is one file here and one line of the table below. Its file holds the options with their bounds
//! and sizes ([`Rule`]) and the [`UpdateRule`] itself.

pub mod adagrad;
pub mod adamw;
pub mod lion;
pub mod sgd_momentum;
pub mod step;

use vr_core::{FlatVector, Scalar, StateError, StateReader, StateWriter};

use crate::fault::Fault;
use adagrad::AdaGradConfig;
use adamw::AdamWConfig;
use lion::LionConfig;
use sgd_momentum::SgdMomentumConfig;

pub use step::Step;

/// Turns an estimator's direction into a change of the iterate.
pub trait UpdateRule<S: Scalar>: Send {
    /// Takes a step from `x`: changes the [tensors](Step::tensors) that it moves, each with its own options, and
    /// leaves the others and what it remembers of them as they are.
    fn update(&mut self, step: &Step<'_, S>, x: &mut FlatVector<S>);

    /// The rule's name in results.
    fn name(&self) -> &'static str;

    /// Writes the rule's buffers and counters.
    fn save(&self, out: &mut StateWriter<'_>);

    /// Reads what [`save`](Self::save) wrote, for a space of `len` parameters.
    ///
    /// # Errors
    /// When the state is of another rule or does not fit.
    fn restore(&mut self, from: &StateReader<'_>, len: usize) -> Result<(), StateError>;
}

impl<S: Scalar, R: UpdateRule<S> + ?Sized> UpdateRule<S> for Box<R> {
    fn update(&mut self, step: &Step<'_, S>, x: &mut FlatVector<S>) {
        (**self).update(step, x);
    }
    fn name(&self) -> &'static str {
        (**self).name()
    }
    fn save(&self, out: &mut StateWriter<'_>) {
        (**self).save(out);
    }
    fn restore(&mut self, from: &StateReader<'_>, len: usize) -> Result<(), StateError> {
        (**self).restore(from, len)
    }
}

/// The options of an update rule: their bounds, what they cost in memory, and the rule that they make.
pub trait Rule<S: Scalar> {
    /// The rule before its first step.
    fn build(&self) -> Box<dyn UpdateRule<S>>;

    /// Buffers as long as the parameters, of their type.
    fn buffers(&self) -> u64;

    /// Whether the options make sense.
    ///
    /// # Errors
    /// The first that does not.
    fn check(&self) -> Result<(), Fault>;
}

/// Makes [`RuleConfig`] of the table of rules: the name in configurations, the variant, its options.
macro_rules! table_of_rules {
    ($($(#[doc = $doc:literal])* $name:literal => $variant:ident($config:ty),)*) => {
        /// An update rule with its options.
        #[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
        pub enum RuleConfig {
            $($(#[doc = $doc])* #[serde(rename = $name)] $variant($config),)*
        }

        impl RuleConfig {
            /// Its name in configurations.
            pub fn key(&self) -> &'static str {
                match self {
                    $(Self::$variant(_) => $name,)*
                }
            }

            /// The options.
            pub fn rule<S: Scalar>(&self) -> &dyn Rule<S> {
                match self {
                    $(Self::$variant(config) => config,)*
                }
            }
        }
    };
}

table_of_rules! {
    /// [`SgdMomentum`](sgd_momentum::SgdMomentum).
    "sgd-momentum" => SgdMomentum(SgdMomentumConfig),
    /// [`AdamW`](adamw::AdamW).
    "adamw" => AdamW(AdamWConfig),
    /// [`Lion`](lion::Lion).
    "lion" => Lion(LionConfig),
    /// [`AdaGrad`](adagrad::AdaGrad); with SVRG and restarts it is AdaSVRG.
    "adagrad" => AdaGrad(AdaGradConfig),
}

impl Default for RuleConfig {
    /// The paper's: SGD with momentum 0.9 and weight decay 1e-4.
    fn default() -> Self {
        Self::SgdMomentum(SgdMomentumConfig::default())
    }
}

impl RuleConfig {
    /// The rule before its first step.
    pub fn build<S: Scalar>(&self) -> Box<dyn UpdateRule<S>> {
        self.rule().build()
    }

    /// Buffers as long as the parameters, of their type.
    pub fn buffers(&self) -> u64 {
        self.rule::<f64>().buffers()
    }

    /// Whether the options make sense. The key of an error begins with the rule's own.
    ///
    /// # Errors
    /// The first that does not.
    pub fn check(&self) -> Result<(), Fault> {
        self.rule::<f64>().check().map_err(|fault| fault.within(self.key()))
    }
}
