//! A GPU of NVIDIA's, through its libraries. **This has not yet run on one**: it is compiled, and read against the documentation of
//! the libraries, and all that it runs is tested on the [host](crate::host).

mod convolution;
mod device;
mod libraries;
mod options;
mod product;
mod program;

pub use device::{CudaDevice, check};
pub use options::CudaOptions;
pub use program::CudaProgram;
