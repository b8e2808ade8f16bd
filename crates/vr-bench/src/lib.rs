//! Experiments, diagnostics, figures and reports that reproduce the variance-reduction literature.
//!
//! An experiment is one short file in [`experiments`]: a list of [`cell::Cell`]s (method × seed), a
//! figure, a verdict by a written rule. [`run_dir`] writes what it found.
//!
//! # Example
//!
//! ```no_run
//! use vr_bench::experiments::quick;
//! use vr_bench::observer::Silent;
//! use vr_bench::settings::{DataChoice, EngineKind, Settings};
//!
//! let settings = Settings {
//!     data: DataChoice::Synthetic,
//!     train_size: Some(2_000),
//!     model: "lenet".parse()?,
//!     engine: EngineKind::Cpu,
//!     epochs: 2,
//!     seeds: vec![0],
//!     batch_size: 128,
//! };
//! let finished = quick::run(&settings, "runs/quick".as_ref(), &Silent)?;
//! for verdict in &finished.result.verdicts {
//!     assert!(!verdict.rule.is_empty());
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod cell;
pub mod diagnostics;
pub mod error;
pub mod experiments;
pub mod figures;
pub mod observer;
pub mod published;
pub mod report;
pub mod results;
pub mod run_dir;
pub mod settings;
pub mod step_time;

pub use error::BenchError;
