//! Gradients on a GPU. **Nothing here has run on one yet.**
//!
//! The kernels are CUDA C (`kernels/`). The same source is compiled by the system's C compiler for the tests, where thread
//! blocks and threads are loops ([`host`]), so that what a kernel computes is known without a GPU. Each kernel is a struct of its
//! arguments ([`kernels`]), which makes a [`Launch`]: a name, a grid, and the arguments as words.
//!
//! A graph of `vr-models` is compiled to a [`plan`]: [`command`]s over memory that is laid out once. A [`Device`] runs plans, and
//! [`DeviceEngine`] makes a gradient oracle of it. The GPU itself is `cuda`, behind the feature of that name; in the tests the
//! host stands in its place.
//!
//! # Example
//!
//! ```
//! use vr_core::{Batch, FlatVector, Normalization, Oracle};
//! use vr_cuda::{CudaError, DeviceEngine, host::HostDevice};
//! use vr_models::{Model, initialize};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let device = match HostDevice::new() {
//!     Err(CudaError::NoCompiler { .. }) => return Ok(()),
//!     device => device?,
//! };
//! let graph = Model::LENET.graph()?;
//! let x = initialize(&graph, 0);
//! let engine = DeviceEngine::new(graph, device);
//! let batch = Batch::new(&[0.5; 2 * 3 * 32 * 32], [2, 3, 32, 32], vec![0, 1])?;
//! let mut gradient = FlatVector::zeros(x.len());
//! let evaluation = engine.gradient(&x, Normalization::Batch, &batch, &mut gradient)?;
//! assert_eq!(evaluation.samples, 2);
//! # Ok(())
//! # }
//! ```

pub mod command;
#[cfg(feature = "cuda")]
pub mod cuda;
pub mod device;
pub mod engine;
mod error;
mod exchange;
pub mod host;
pub mod kernels;
pub mod plan;
pub mod resident;

pub use device::{Device, Program};
pub use engine::DeviceEngine;
pub use error::CudaError;
pub use kernels::{Address, Kernel, Launch};
pub use resident::{Resident, ResidentConfig};
