//! The kernels on the host, compiled by the system's C compiler: for tests, where there is no GPU.

mod library;

pub use library::{HostKernels, Order};
