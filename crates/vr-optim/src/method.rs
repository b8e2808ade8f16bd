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

    /// Where its gradient table is kept and how many rows that has, for so many minibatches an epoch; `None` where it
    /// keeps none.
    pub fn table(&mut self, minibatches: usize) -> Option<(&mut TableStorage, usize)> {
        match self {
            Self::Svrg(config) if config.gradients == SnapshotGradients::Stored => {
                Some((&mut config.storage, minibatches))
            }
            Self::MegaBatch(config) if config.gradients == SnapshotGradients::Stored => {
                let rows = config.size.most(u32::try_from(minibatches).unwrap_or(u32::MAX)) as usize;
                Some((&mut config.storage, rows))
            }
            Self::Saga(config) => Some((&mut config.storage, minibatches)),
            Self::Sgd | Self::Svrg(_) | Self::MegaBatch(_) => None,
        }
    }

    /// The same estimator with its table [within](TableStorage::within) `limit_bytes` of memory or else in a file in
    /// `folder`, of a model with so many parameters. Its results are the same. A table that is not
    /// [in memory](TableStorage::Memory) as it is stays where it is.
    pub fn with_table_within(mut self, limit_bytes: u64, folder: &Path, parameters: usize, minibatches: usize) -> Self {
        if let Some((storage, rows)) = self.table(minibatches)
            && *storage == TableStorage::Memory
        {
            *storage = TableStorage::within::<S>(limit_bytes, folder, rows, parameters);
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
    fn only_a_table_in_memory_that_is_too_large_goes_to_a_file() {
        let stored = |storage| {
            let gradients = SnapshotGradients::Stored;
            EstimatorConfig::<f32>::Svrg(SvrgConfig { gradients, storage, ..SvrgConfig::default() })
        };
        let file = || TableStorage::File { folder: "run".into() };
        // Five rows of three numbers of four bytes.
        for (before, limit, after) in [
            (TableStorage::Memory, 60, TableStorage::Memory),
            (TableStorage::Memory, 59, file()),
            (TableStorage::Bf16, 0, TableStorage::Bf16),
        ] {
            let found = stored(before).with_table_within(limit, Path::new("run"), 3, 5);
            assert_eq!(found, stored(after), "{limit}");
        }
        let mega = |storage| {
            EstimatorConfig::<f32>::MegaBatch(MegaBatchConfig { storage, ..MegaBatchConfig::scsg_released() })
        };
        // Ten rows, however many minibatches.
        assert_eq!(
            mega(TableStorage::Memory).with_table_within(120, Path::new("run"), 3, 500),
            mega(TableStorage::Memory)
        );
        let recomputed = EstimatorConfig::<f32>::Svrg(SvrgConfig::default());
        assert_eq!(recomputed.clone().with_table_within(0, Path::new("run"), 3, 5), recomputed);
    }

    #[test]
    fn what_is_left_out_has_its_default_and_what_is_misspelt_is_refused() {
        let svrg: EstimatorConfig = serde_json::from_str(r#"{"svrg": {"start": 7}}"#).unwrap();
        assert_eq!(svrg, EstimatorConfig::Svrg(SvrgConfig { start: 7, ..SvrgConfig::default() }));
        let error = serde_json::from_str::<EstimatorConfig>(r#"{"mega-batch": {"sise": 3}}"#).unwrap_err();
        assert!(error.to_string().contains("`sise`") && error.to_string().contains("`size`"), "{error}");
    }
}
