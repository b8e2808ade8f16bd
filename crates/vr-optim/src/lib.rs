//! Variance-reduced gradient estimators and update rules for any gradient oracle, and for any candle model.
//!
//! An [`Estimator`] turns minibatch gradients into a direction, an [`UpdateRule`] turns a direction
//! into a step, and [`Training`] drives any pair over an [`Oracle`](vr_core::Oracle), at the rate of a [`Schedule`].
//! The Cargo feature `candle`, on by default, makes an oracle of any candle model.
//!
//! # Example
//!
//! A candle model of one's own, trained with SVRG:
//!
#![cfg_attr(feature = "candle", doc = "```")]
#![cfg_attr(not(feature = "candle"), doc = "```ignore")]
//! use candle_core::{DType, Device, Tensor};
//! use candle_nn::{Module, VarBuilder, VarMap, linear, loss::mse};
//! use vr_optim::{CandleOracle, FixedBatches, StepDecay, Svrg, Training};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let variables = VarMap::new();
//! let model = linear(2, 1, VarBuilder::from_varmap(&variables, DType::F32, &Device::Cpu))?;
//! let batches: Vec<(Tensor, Tensor)> = (0..8)
//!     .map(|b| {
//!         let x = Tensor::new(&[[b as f32, 1.0], [1.0, -(b as f32)]], &Device::Cpu)?.affine(0.2, 0.0)?;
//!         Ok((x.clone(), x.sum_keepdim(1)?))
//!     })
//!     .collect::<candle_core::Result<_>>()?;
//!
//! let oracle = CandleOracle::new(&variables, |(x, y): &(Tensor, Tensor), _train| mse(&model.forward(x)?, y))?;
//! let start = oracle.read()?;
//! let mut training = Training::new(oracle, FixedBatches::new(batches, 0), start, Svrg::recomputed())?
//!     .with_schedule(StepDecay::constant(0.05));
//! let first = training.epoch()?.loss;
//! for _ in 0..20 {
//!     training.epoch()?;
//! }
//! assert!(training.epoch()?.loss < 0.1 * first);
//! training.oracle().write(training.iterate(), &training.tracks()[0].running)?;
//! # Ok(())
//! # }
//! ```

#[cfg(feature = "candle")]
pub mod candle_oracle;
pub mod conformance;
pub mod control_variate;
pub mod estimator;
pub mod estimators;
pub mod fault;
pub mod fixed_batches;
pub mod locking;
pub mod memory;
pub mod norm_track;
pub mod ranks;
pub mod recursive;
pub mod rule;
pub mod schedule;
pub mod table;
pub mod training;

#[cfg(feature = "candle")]
pub use candle_oracle::{CandleOracle, CandleOracleError};
pub use control_variate::{Combine, ControlVariate, Wanted};
pub use estimator::{Anchor, Ask, Estimate, Estimator, EstimatorError, NormRule, Point, Probe, Request};
pub use estimators::loopless::{LooplessConfig, LooplessSvrg};
pub use estimators::mars::{Mars, MarsConfig};
pub use estimators::mega_batch::{InnerSamples, InnerSteps, MegaBatch, MegaBatchConfig, MegaBatchSize};
pub use estimators::page::{Page, PageConfig};
pub use estimators::saga::{Saga, SagaConfig};
pub use estimators::sarah::{Sarah, SarahConfig};
pub use estimators::self_tuning::{SelfTuning, SelfTuningConfig};
pub use estimators::sgd::{Sgd, SgdConfig};
pub use estimators::storm::{Storm, StormConfig};
pub use estimators::svrg::{SnapshotGradients, SnapshotRule, Svrg, SvrgConfig};
pub use estimators::zero_sarah::{ZeroSarah, ZeroSarahConfig};
pub use estimators::{EstimatorConfig, Method, Vectors};
pub use fault::Fault;
pub use fixed_batches::FixedBatches;
pub use locking::Locking;
pub use memory::RunMemory;
pub use norm_track::{NormPolicy, NormTrack};
pub use ranks::{Communicator, RankError, Ranks};
pub use recursive::{Opening, Recursion, Recursive};
pub use rule::adagrad::{AdaGrad, AdaGradConfig};
pub use rule::adamw::{AdamW, AdamWConfig};
pub use rule::lion::{Lion, LionConfig};
pub use rule::sgd_momentum::{SgdMomentum, SgdMomentumConfig};
pub use rule::{Rule, RuleConfig, Step, UpdateRule};
pub use schedule::{Schedule, ScheduleConfig, StepDecay};
pub use table::{GradientTable, TableError, TableStorage};
pub use training::{Clock, Geometry, Progress, Survey, TestSet, Training, TrainingError};
/// The types that an estimator, an oracle or a source of one's own is made of.
pub use vr_core;

#[cfg(all(doctest, feature = "candle"))]
#[doc = include_str!("../../../README.md")]
struct Readme;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct CrateReadme;
