//! The networks of the variance-reduction literature, as pure gradient oracles.
//!
//! A [`Graph`] describes a network once; [`CpuEngine`] runs it on kernels with the batch in the vector
//! lanes, in f32, and `CandleEngine` through candle's autograd, in f32 or f64 (Cargo feature `candle`, on by
//! default). Batch-norm statistics are handed in and out: the engine stores nothing between calls.
//!
//! # Example
//!
//! ```
//! use vr_core::{Batch, FlatVector, Normalization, Oracle};
//! use vr_models::{CpuEngine, Model, initialize};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let graph = Model::LENET.graph()?;
//! let x = initialize(&graph, 0);
//! let engine = CpuEngine::new(graph);
//! let batch = Batch::new(&[0.5; 4 * 3 * 32 * 32], [4, 3, 32, 32], vec![0, 1, 2, 3])?;
//! let mut gradient = FlatVector::zeros(x.len());
//! let evaluation = engine.gradient(&x, Normalization::Batch, &batch, &mut gradient)?;
//! assert_eq!(evaluation.samples, 4);
//!
//! // Train mode normalises by the batch and returns its statistics; evaluation mode takes stored ones.
//! let statistics = evaluation.statistics.expect("train mode has them");
//! let stored = engine.evaluate(&x, Normalization::Stored(&statistics), &batch)?;
//! assert!(stored.statistics.is_none());
//! # Ok(())
//! # }
//! ```

#[cfg(feature = "candle")]
pub mod candle_engine;
mod cpu;
mod dropout;
pub mod engine;
mod error;
pub mod graph;
pub mod init;
#[cfg(feature = "candle")]
mod logits;
#[cfg(feature = "candle")]
mod ops;
pub mod zoo;

#[cfg(feature = "candle")]
pub use candle_engine::CandleEngine;
pub use cpu::CpuEngine;
pub use engine::{Engine, EngineKind, PictureOracle, UnknownEngine};
pub use error::{EngineError, check_arguments};
pub use graph::{Conv, ConvInit, Graph, GraphBuilder, GraphError, Windows};
pub use init::initialize;
#[cfg(feature = "candle")]
pub use logits::Logits;
pub use zoo::{Model, ModelError, Options};
