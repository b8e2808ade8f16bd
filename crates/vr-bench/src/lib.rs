//! Experiments, diagnostics, figures and reports that reproduce the variance-reduction literature.
//!
//! An experiment is one short file in [`experiments`]: a list of [`cell::Cell`]s (method × seed),
//! figures, verdicts by written rules. [`run_dir`] writes what it found.
//!
//! # Example
//!
//! ```no_run
//! use vr_bench::experiments::{self, quick};
//! use vr_bench::cells::observer::Silent;
//! use vr_bench::settings::Settings;
//!
//! let settings = Settings { train_size: Some(2_000), epochs: 2, ..Settings::default() };
//! let finished = experiments::run(&quick::EXPERIMENT, &settings, "runs/quick".as_ref(), false, &Silent)?;
//! for verdict in &finished.result.verdicts {
//!     assert!(!verdict.rule.is_empty());
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod cell;
pub mod cells;
pub mod compare;
pub mod config;
pub mod data;
pub mod destination;
mod engine;
pub mod error;
pub mod experiments;
pub mod facts;
pub mod figures;
pub mod index;
mod markup;
pub mod measure;
pub mod paper;
pub mod recorded;
pub mod report;
pub mod results;
pub mod run_dir;
pub mod settings;
pub mod tensorboard;
pub mod timing;
pub mod verdict;

pub use error::BenchError;
