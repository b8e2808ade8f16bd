//! Operations that candle lacks, has wrong, or runs too slowly to train with on a CPU: each is a
//! candle custom op with its own backward, for contiguous CPU tensors of f32 or f64.
//!
//! Work is split by chunk of samples or by channel, never by thread, and partial sums are added in order.

pub mod batch_norm;
pub mod conv;
pub mod pool;
pub mod relu;

use candle_core::{CpuStorage, Layout, Result, Tensor, WithDType, bail};
use vr_core::Scalar;

/// An element type of the engine: f32 or f64.
pub trait Element: Scalar + WithDType {}
impl<T: Scalar + WithDType> Element for T {}

/// The elements of a contiguous tensor.
fn slice<'a, T: Element>(storage: &'a CpuStorage, layout: &Layout) -> Result<&'a [T]> {
    match layout.contiguous_offsets() {
        Some((from, to)) => Ok(&storage.as_slice::<T>()?[from..to]),
        None => bail!("a custom op was given a tensor that is not contiguous"),
    }
}

/// A copy of a tensor's elements, row-major.
fn elements<T: Element>(tensor: &Tensor) -> Result<Vec<T>> {
    tensor.flatten_all()?.to_vec1::<T>()
}

fn zero<T: Element>() -> T {
    <T as Scalar>::from_f64(0.0)
}
