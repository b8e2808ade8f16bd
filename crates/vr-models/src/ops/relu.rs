//! `x <= 0 ? 0 : x`, so that NaN stays, with PyTorch's convention that the gradient at 0 is 0 (candle's is 1).

use std::marker::PhantomData;

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor};

use super::{Element, elements, slice, zero};

/// The operation.
pub struct Relu<T>(pub PhantomData<T>);

impl<T: Element> CustomOp1 for Relu<T> {
    fn name(&self) -> &'static str {
        "relu"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let x = slice::<T>(storage, layout)?;
        let y = x.iter().map(|&v| if v <= zero() { zero() } else { v }).collect();
        Ok((T::to_cpu_storage_owned(y), layout.shape().clone()))
    }

    fn bwd(&self, _x: &Tensor, y: &Tensor, gradient: &Tensor) -> Result<Option<Tensor>> {
        let mut out = elements::<T>(gradient)?;
        for (g, y) in out.iter_mut().zip(elements::<T>(y)?) {
            if y <= zero() {
                *g = zero();
            }
        }
        Tensor::from_vec(out, y.shape(), y.device()).map(Some)
    }
}
