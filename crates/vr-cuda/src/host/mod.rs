//! The host in place of a GPU, for tests where there is none: the kernels, compiled by the system's C compiler, and plain loops in
//! place of NVIDIA's libraries.

mod convolution;
mod device;
mod library;
mod product;

pub use device::{HostDevice, HostProgram};
pub use library::{HostKernels, Order};
