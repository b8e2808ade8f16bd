//! Update rules: a direction becomes a step.

pub mod adamw;
pub mod sgd_momentum;

use vr_core::{FlatVector, ParameterSpace, Scalar, StateError, StateReader, StateWriter};

pub use adamw::AdamW;
pub use sgd_momentum::SgdMomentum;

/// Turns an estimator's direction into a change of the iterate.
pub trait UpdateRule<S: Scalar>: Send {
    /// Applies `direction` to `x` at the schedule's `learning_rate`, tensor by tensor with the
    /// options of `space`.
    fn update(&mut self, space: &ParameterSpace, learning_rate: f64, direction: &FlatVector<S>, x: &mut FlatVector<S>);

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
    fn update(&mut self, space: &ParameterSpace, learning_rate: f64, direction: &FlatVector<S>, x: &mut FlatVector<S>) {
        (**self).update(space, learning_rate, direction, x);
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

/// Which update rule, with its settings.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "kebab-case", deny_unknown_fields)]
pub enum RuleConfig {
    /// [`SgdMomentum`].
    SgdMomentum {
        /// Share of the old buffer.
        momentum: f64,
        /// Weight of x in the direction.
        weight_decay: f64,
        /// Nesterov's form.
        nesterov: bool,
    },
    /// [`AdamW`].
    #[serde(rename = "adamw")]
    AdamW {
        /// Share of the old first moment.
        beta1: f64,
        /// Share of the old second moment.
        beta2: f64,
        /// Added to the root of the second moment.
        epsilon: f64,
        /// Decoupled decay: x shrinks by `learning rate · weight_decay` a step.
        weight_decay: f64,
    },
}

impl Default for RuleConfig {
    /// The paper's: SGD with momentum 0.9 and weight decay 1e-4.
    fn default() -> Self {
        Self::SgdMomentum { momentum: 0.9, weight_decay: 1e-4, nesterov: false }
    }
}

impl RuleConfig {
    /// The rule before its first step.
    pub fn build<S: Scalar>(&self) -> Box<dyn UpdateRule<S>> {
        match *self {
            Self::SgdMomentum { momentum, weight_decay, nesterov } => {
                let rule = SgdMomentum::new(momentum, weight_decay);
                Box::new(if nesterov { rule.with_nesterov() } else { rule })
            }
            Self::AdamW { beta1, beta2, epsilon, weight_decay } => {
                Box::new(AdamW::new(beta1, beta2, epsilon, weight_decay))
            }
        }
    }
}
