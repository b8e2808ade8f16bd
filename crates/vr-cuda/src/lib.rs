//! Kernels of our own for a GPU, and what launches them.
//!
//! The kernels are CUDA C (`kernels/`). The same source is compiled by the system's C compiler for the tests, where thread
//! blocks and threads are loops ([`host`]), so that what a kernel computes is known without a GPU. Nothing here has run on one yet.
//!
//! Each kernel is a struct of its arguments ([`kernels`]), which makes a [`Launch`]: a name, a grid, and the arguments as words.

mod error;
pub mod host;
pub mod kernels;

pub use error::CudaError;
pub use kernels::{Address, Kernel, Launch};
