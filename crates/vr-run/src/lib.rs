//! Training runs that survive whatever ends a process, for any gradient oracle and any source of minibatches.
//!
//! A run has a folder ([`RunFolder`]) and is made of [`Cell`]s, each one training with its measurements and tests. A cell
//! saves itself ([`checkpoint`]), logs what happens ([`log`]) and goes on where it stood, to the same bytes as if it had
//! never been interrupted. Several processes can work on one run ([`SharedRun`]). [`status`] and [`verify`] look at a folder from outside, and [`digests`] hold what a finished run wrote.
//!
//! # Example
//!
//! A training of one's own as a [`Trial`]; the second call finds it finished and trains nothing.
//!
//! ```
//! use std::sync::Arc;
//! use vr_core::{Evaluation, FlatVector, NormLayer, Normalization, Oracle, ParameterSpace};
//! use vr_optim::{FixedBatches, StepDecay, Svrg, Training};
//! use vr_run::{Execution, RunFolder, Silent, Trial};
//!
//! /// The mean of ½(x − b)² over the numbers b of a minibatch.
//! struct Squares {
//!     space: Arc<ParameterSpace>,
//!     layers: Arc<[NormLayer]>,
//! }
//!
//! impl Oracle for Squares {
//!     type Scalar = f64;
//!     type Batch = Vec<f64>;
//!     type Error = std::convert::Infallible;
//!
//!     fn space(&self) -> &Arc<ParameterSpace> {
//!         &self.space
//!     }
//!     fn norm_layers(&self) -> &Arc<[NormLayer]> {
//!         &self.layers
//!     }
//!     fn gradient(
//!         &self,
//!         x: &FlatVector<f64>,
//!         norm: Normalization<'_, f64>,
//!         batch: &Vec<f64>,
//!         out: &mut FlatVector<f64>,
//!     ) -> Result<Evaluation<f64>, Self::Error> {
//!         out[0] = batch.iter().map(|b| x[0] - b).sum::<f64>() / batch.len() as f64;
//!         self.evaluate(x, norm, batch)
//!     }
//!     fn evaluate(
//!         &self,
//!         x: &FlatVector<f64>,
//!         _norm: Normalization<'_, f64>,
//!         batch: &Vec<f64>,
//!     ) -> Result<Evaluation<f64>, Self::Error> {
//!         let loss = batch.iter().map(|b| 0.5 * (x[0] - b).powi(2)).sum::<f64>() / batch.len() as f64;
//!         Ok(Evaluation { loss, correct: None, correct_top5: None, samples: batch.len(), statistics: None, unused: Vec::new() })
//!     }
//! }
//!
//! let begin = || {
//!     let space = Arc::new(ParameterSpace::new([("x", vec![1])])?);
//!     let oracle = Squares { space, layers: [].into() };
//!     let batches = FixedBatches::new(vec![vec![1.0, 2.0], vec![3.0, 4.0], vec![5.0]], 0);
//!     let training = Training::new(oracle, batches, FlatVector::zeros(1), Svrg::stored())?;
//!     Ok(training.with_schedule(StepDecay::constant(0.1)))
//! };
//! let trial = Trial::new("squares-svrg", serde_json::json!({ "rate": 0.1 }), 5, begin)
//!     .with_test(|training| Ok(vec![("x", training.iterate()[0])]));
//!
//! let folder = tempfile::tempdir()?;
//! let run = RunFolder::open(folder.path().join("squares"), "squares")?;
//! let trials = [trial];
//! let found = run.run(&trials, Execution::default(), &Silent)?;
//! assert_eq!(found[0].found.epochs.len(), 5);
//! assert_eq!(run.run(&trials, Execution::default(), &Silent)?, found);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod cell;
pub mod cell_folder;
pub mod checkpoint;
pub mod config;
pub mod course;
mod difference;
pub mod digest;
pub mod digests;
mod error;
mod journal;
pub mod log;
pub mod not_finite;
pub mod observer;
pub mod position;
pub mod run_folder;
mod runner;
pub mod shared;
pub mod signals;
pub mod status;
pub mod time;
pub mod trial;
pub mod verify;

pub use cell::{Cell, EpochEnd, Place, Prefix, Probe, TrainingOf};
pub use cell_folder::{CellFolder, CellReport};
pub use checkpoint::{CheckpointError, CheckpointPolicy, Checkpoints};
pub use digests::Digests;
pub use error::{CellError, RunError};
pub use log::{Log, LogError};
pub use observer::{Observer, Silent};
pub use position::Position;
pub use run_folder::RunFolder;
pub use runner::{Execution, Finished};
pub use shared::SharedRun;
pub use time::EpochTime;
pub use trial::{Trial, TrialDivergence, TrialEpoch, TrialEvent, TrialResult};
