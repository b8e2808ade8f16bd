//! The estimators, and the table of them: what a configuration file or a result says of a method.
//!
//! An estimator is one file here and one line of the table below. Its file holds the options with their
//! bounds and sizes ([`Method`]) and the [`Estimator`] itself.

mod coin;
pub mod loopless;
pub mod mars;
pub mod mega_batch;
pub mod page;
pub mod saga;
pub mod sarah;
pub mod self_tuning;
pub mod sgd;
pub mod storm;
pub mod svrg;
pub mod zero_sarah;

use std::path::Path;

use vr_core::{ParameterSpace, Scalar};

use crate::estimator::Estimator;
use crate::fault::Fault;
use crate::table::TableStorage;

use loopless::LooplessConfig;
use mars::MarsConfig;
use mega_batch::MegaBatchConfig;
use page::PageConfig;
use saga::SagaConfig;
use sarah::SarahConfig;
use self_tuning::SelfTuningConfig;
use sgd::SgdConfig;
use storm::StormConfig;
use svrg::SvrgConfig;
use zero_sarah::ZeroSarahConfig;

/// The options of an estimator: their bounds, what they cost in memory, and the estimator that they make.
pub trait Method<S: Scalar> {
    /// The estimator before its first step.
    fn build(&self) -> Box<dyn Estimator<S>>;

    /// What the estimator keeps beside its table.
    fn vectors(&self) -> Vectors;

    /// Whether the options make sense by themselves.
    ///
    /// # Errors
    /// The first that does not.
    fn check(&self) -> Result<(), Fault> {
        Ok(())
    }

    /// Whether they fit a network's parameters.
    ///
    /// # Errors
    /// The first that does not.
    fn check_space(&self, _space: &ParameterSpace) -> Result<(), Fault> {
        Ok(())
    }

    /// Where the estimator's gradient table is kept and how many rows that has, for so many minibatches an
    /// epoch; `None` where it keeps none.
    fn table(&mut self, _minibatches: usize) -> Option<(&mut TableStorage, usize)> {
        None
    }

    /// Whether it takes snapshots, from which distances and steps can be measured.
    fn takes_snapshots(&self) -> bool {
        false
    }

    /// Whether its batch plan, and with it locked transforms, stay the same for the whole run.
    fn keeps_one_plan(&self) -> bool {
        false
    }
}

/// Vectors as long as the parameters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Vectors {
    /// Of the parameters' own type.
    pub numbers: u64,
    /// Sums, in f64.
    pub sums: u64,
}

/// Makes [`EstimatorConfig`] of the table of estimators: the name in configurations, the variant, its options.
macro_rules! table_of_estimators {
    ($($(#[doc = $doc:literal])* $name:literal => $variant:ident($config:ty),)*) => {
        /// An estimator with its options.
        #[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
        #[serde(
            rename_all = "kebab-case",
            bound(serialize = "S: serde::Serialize", deserialize = "S: Scalar + serde::Deserialize<'de>")
        )]
        pub enum EstimatorConfig<S = f32> {
            /// [`Sgd`](sgd::Sgd).
            #[default]
            Sgd,
            $($(#[doc = $doc])* #[serde(rename = $name)] $variant($config),)*
        }

        impl<S: Scalar> EstimatorConfig<S> {
            /// Its name in configurations.
            pub fn key(&self) -> &'static str {
                match self {
                    Self::Sgd => "sgd",
                    $(Self::$variant(_) => $name,)*
                }
            }

            /// The options.
            pub fn method(&self) -> &dyn Method<S> {
                match self {
                    Self::Sgd => &SgdConfig,
                    $(Self::$variant(config) => config,)*
                }
            }

            /// [`Method::table`].
            pub fn table(&mut self, minibatches: usize) -> Option<(&mut TableStorage, usize)> {
                match self {
                    Self::Sgd => None,
                    $(Self::$variant(config) => Method::<S>::table(config, minibatches),)*
                }
            }
        }
    };
}

table_of_estimators! {
    /// [`Svrg`](svrg::Svrg).
    "svrg" => Svrg(SvrgConfig<S>),
    /// [`LooplessSvrg`](loopless::LooplessSvrg): SVRG whose snapshots come by a coin.
    "l-svrg" => Loopless(LooplessConfig),
    /// [`MegaBatch`](mega_batch::MegaBatch): streaming SVRG and SCSG.
    "mega-batch" => MegaBatch(MegaBatchConfig),
    /// [`Saga`](saga::Saga): SAGA on minibatches, and the table with a moving average.
    "saga" => Saga(SagaConfig),
    /// [`Sarah`](sarah::Sarah): SARAH, SPIDER and SpiderBoost.
    "sarah" => Sarah(SarahConfig),
    /// [`Page`](page::Page): SARAH whose restarts come by a coin.
    "page" => Page(PageConfig),
    /// [`ZeroSarah`](zero_sarah::ZeroSarah): SARAH with a table in place of restarts.
    "zero-sarah" => ZeroSarah(ZeroSarahConfig),
    /// [`Storm`](storm::Storm).
    "storm" => Storm(StormConfig),
    /// [`Mars`](mars::Mars).
    "mars" => Mars(MarsConfig),
    /// [`SelfTuning`](self_tuning::SelfTuning): SVRG that estimates its coefficient and stays SGD where it does not pay.
    "self-tuning" => SelfTuning(SelfTuningConfig),
}

impl<S: Scalar> EstimatorConfig<S> {
    /// The estimator before its first step.
    pub fn build(&self) -> Box<dyn Estimator<S>> {
        self.method().build()
    }

    /// Whether the options make sense by themselves. The key of an error begins with the estimator's own.
    ///
    /// # Errors
    /// The first that does not.
    pub fn check(&self) -> Result<(), Fault> {
        self.method().check().map_err(|fault| fault.within(self.key()))
    }

    /// Whether they fit a network's parameters.
    ///
    /// # Errors
    /// The first that does not.
    pub fn check_space(&self, space: &ParameterSpace) -> Result<(), Fault> {
        self.method().check_space(space).map_err(|fault| fault.within(self.key()))
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
    use mega_batch::MegaBatchSize;
    use svrg::{SnapshotGradients, SnapshotRule};

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
