//! The kernels, one struct of arguments each.
//!
//! Tensors are `[N][C][H][W]` in f32. Every sum has a fixed order, which depends on sizes alone: neither on the threads of a block nor on
//! the device. Lengths are counted in 32 bits, so that no buffer has more than 2³¹ − 1 elements.

#[macro_use]
mod argument;
mod bias;
mod launch;

pub use argument::{Address, Word};
pub use bias::AddBias;
pub use launch::{Grid, Kernel, Launch};

/// The source of all kernels, as CUDA C that is also C.
pub const SOURCE: &str = concat!(include_str!("../../kernels/kernel.h"), include_str!("../../kernels/bias.cu"));
