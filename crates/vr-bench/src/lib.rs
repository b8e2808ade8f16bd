//! Experiments, diagnostics, figures and reports that reproduce the variance-reduction literature.
//!
//! An experiment is one short file in [`experiments`]: a list of [`cell::Cell`]s (method × seed),
//! figures, verdicts by written rules. [`run_dir`] writes what it found.
//!
//! # Example
//!
//! ```no_run
//! use vr_bench::experiments::{self, quick};
//! use vr_bench::observer::Silent;
//! use vr_bench::settings::Settings;
//!
//! let settings = Settings { train_size: Some(2_000), epochs: 2, ..Settings::default() };
//! let finished = experiments::run(&quick::EXPERIMENT, &settings, "runs/quick".as_ref(), &Silent)?;
//! for verdict in &finished.result.verdicts {
//!     assert!(!verdict.rule.is_empty());
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod cell;
pub mod cells;
pub mod checkpoint;
pub mod claims;
pub mod config;
pub mod cost;
pub mod diagnostics;
pub mod epoch_time;
pub mod error;
pub mod experiments;
pub mod figures;
pub mod log;
pub mod measure;
pub mod no_better;
pub mod observer;
pub mod phases;
pub mod published;
pub mod report;
pub mod results;
pub mod rows;
pub mod run_dir;
pub mod scale;
pub mod schedule;
pub mod settings;
pub mod stats;
pub mod status;
pub mod step_time;
pub mod tensor_table;
pub mod verdicts;
pub mod verify;

pub use error::BenchError;
