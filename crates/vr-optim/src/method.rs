//! The estimators as data: what a configuration file or a result says of a method.

use vr_core::Scalar;

use crate::estimator::Estimator;
use crate::mega_batch::{MegaBatch, MegaBatchConfig};
use crate::saga::{Saga, SagaConfig};
use crate::sgd::Sgd;
use crate::svrg::{Svrg, SvrgConfig};

/// An estimator with its options.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(
    rename_all = "kebab-case",
    bound(serialize = "S: serde::Serialize", deserialize = "S: Scalar + serde::Deserialize<'de>")
)]
pub enum EstimatorConfig<S = f32> {
    /// [`Sgd`].
    #[default]
    Sgd,
    /// [`Svrg`].
    Svrg(SvrgConfig<S>),
    /// [`MegaBatch`]: streaming SVRG and SCSG.
    MegaBatch(MegaBatchConfig),
    /// [`Saga`]: SAGA on minibatches, and the table with a moving average.
    Saga(SagaConfig),
}

impl<S: Scalar> EstimatorConfig<S> {
    /// The estimator before its first step.
    pub fn build(&self) -> Box<dyn Estimator<S>> {
        match self {
            Self::Sgd => Box::new(Sgd::new()),
            Self::Svrg(config) => Box::new(Svrg::new(config.clone())),
            Self::MegaBatch(config) => Box::new(MegaBatch::new(config.clone())),
            Self::Saga(config) => Box::new(Saga::new(config.clone())),
        }
    }
}
