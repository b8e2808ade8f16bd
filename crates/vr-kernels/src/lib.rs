//! CPU kernels for training convolutional networks, with the batch in the vector lanes.
//!
//! Sixteen samples make a *lane block*: a tensor of one block is `[channels][height][width][16]`, so
//! every kernel works on whole vectors, whatever the picture's size, the channels or the stride. A
//! kernel computes one block on the calling thread; who calls it spreads the blocks over threads.
//! Batch norm and ReLU are read through as an [`Affine`] prologue, so their values are never stored.
//!
//! Results have the same bits on every instruction set: multiply-adds are fused, every sum has one
//! fixed order, and exponential and logarithm are our own.
//!
//! # Example
//!
//! ```
//! use vr_kernels::{Buffer, ConvPlan, ConvShape, Isa};
//!
//! let (height, width) = (32, 32);
//! let shape =
//!     ConvShape { in_channels: 3, out_channels: 8, height, width, kernel: 3, stride: 1, padding: 1, groups: 1 };
//! let conv = ConvPlan::new(shape);
//! let weights = vec![0.1; shape.weights()];
//! let mut packed = vec![0.0; conv.packed_len()];
//! conv.pack_forward(&weights, &mut packed);
//!
//! let mut input = Buffer::zeros(shape.input_len());
//! input.fill(1.0);
//! let mut output = Buffer::zeros(shape.output_len());
//! let mut scratch = Buffer::zeros(conv.scratch_len());
//! conv.forward(Isa::detect(), &input, None, &packed, None, &mut output, &mut scratch);
//! // Corners see four taps of three channels, the inside nine.
//! assert!((output[0] - 1.2).abs() < 1e-6);
//! assert!((output[(33 * 16)] - 2.7).abs() < 1e-5);
//! ```

mod activate;
mod affine;
mod buffer;
mod conv;
mod elementwise;
mod elu;
mod isa;
mod lanes;
mod layout;
mod loss;
mod math;
mod norm;
mod peak;
mod pool;
mod sums;

pub use activate::activate;
pub use affine::Affine;
pub use buffer::Buffer;
pub use conv::{ConvPlan, ConvShape, LinearGrad, PackedBlock};
pub use elementwise::{add, add_assign, mul_assign, relu, relu_backward};
pub use elu::{elu, elu_backward};
pub use isa::{Isa, NoSuchIsa};
pub use layout::{pack, unpack};
pub use loss::{Loss, cross_entropy, cross_entropy_backward};
pub use math::{exp, ln};
pub use norm::{InputGradient, Moments, NormBackward, NormSums, fold, moments};
pub use peak::fma_peak;
pub use pool::Pool;
pub use sums::channel_sums;

/// Samples in a lane block: every kernel's innermost dimension.
pub const LANES: usize = 16;
