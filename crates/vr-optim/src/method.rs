//! The estimators as data: what a configuration file or a result says of a method.

use std::path::Path;

use vr_core::Scalar;

use crate::estimator::Estimator;
use crate::mega_batch::{MegaBatch, MegaBatchConfig};
use crate::saga::{Saga, SagaConfig};
use crate::sgd::Sgd;
use crate::svrg::{SnapshotGradients, Svrg, SvrgConfig};
use crate::table::TableStorage;

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

    /// Where the gradient table is kept and its rows, where there is one, for `minibatches` minibatches an epoch.
    pub fn table(&self, minibatches: usize) -> Option<(&TableStorage, usize)> {
        match self {
            Self::Svrg(config) if config.gradients == SnapshotGradients::Stored => Some((&config.storage, minibatches)),
            Self::MegaBatch(config) if config.gradients == SnapshotGradients::Stored => {
                let most = config.size.most(u32::try_from(minibatches).unwrap_or(u32::MAX));
                Some((&config.storage, most as usize))
            }
            Self::Saga(config) => Some((&config.storage, minibatches)),
            Self::Sgd | Self::Svrg(_) | Self::MegaBatch(_) => None,
        }
    }

    /// The same with a table that would take more than `limit_bytes` of memory in a file in `folder`
    /// ([`TableStorage::within`]); a bf16 table stays in memory.
    #[must_use]
    pub fn within(mut self, limit_bytes: u64, folder: &Path, minibatches: usize, parameters: usize) -> Self {
        if let Some((TableStorage::Memory, rows)) = self.table(minibatches) {
            let within = TableStorage::within::<S>(limit_bytes, folder, rows, parameters);
            match &mut self {
                Self::Sgd => {}
                Self::Svrg(config) => config.storage = within,
                Self::MegaBatch(config) => config.storage = within,
                Self::Saga(config) => config.storage = within,
            }
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mega_batch::MegaBatchSize;
    use crate::svrg::SnapshotRule;

    #[test]
    fn configurations_are_data() {
        let growing = MegaBatchSize::Growing { first: 1, factor: 1.5, most: 8 };
        let average = SvrgConfig { snapshot: SnapshotRule::MovingAverage { keep: 0.9 }, ..SvrgConfig::default() };
        for (config, name) in [
            (EstimatorConfig::Sgd, "sgd"),
            (EstimatorConfig::Svrg(average), "svrg-recomputed"),
            (EstimatorConfig::MegaBatch(MegaBatchConfig::scsg_released()), "scsg"),
            (EstimatorConfig::MegaBatch(MegaBatchConfig::scsg_published(3)), "scsg-published"),
            (EstimatorConfig::MegaBatch(MegaBatchConfig::streaming(growing)), "streaming-svrg"),
            (EstimatorConfig::Saga(SagaConfig::default()), "saga"),
        ] {
            let text = serde_json::to_string(&config).unwrap();
            assert_eq!(serde_json::from_str::<EstimatorConfig>(&text).unwrap(), config, "{text}");
            assert_eq!(config.build().name(), name);
        }
    }

    #[test]
    fn what_is_left_out_has_its_default_and_what_is_misspelt_is_refused() {
        let svrg: EstimatorConfig = serde_json::from_str(r#"{"svrg": {"start": 7}}"#).unwrap();
        assert_eq!(svrg, EstimatorConfig::Svrg(SvrgConfig { start: 7, ..SvrgConfig::default() }));
        let error = serde_json::from_str::<EstimatorConfig>(r#"{"mega-batch": {"sise": 3}}"#).unwrap_err();
        assert!(error.to_string().contains("`sise`") && error.to_string().contains("`size`"), "{error}");
    }
}
