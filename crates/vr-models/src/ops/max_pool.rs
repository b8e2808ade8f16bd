//! Max pooling with a right gradient: candle 0.11.1's own returns a quarter of it.

use std::marker::PhantomData;

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor};

use super::{Element, elements, slice, zero};

/// Maximum over k×k windows with stride k of a contiguous `[N, C, H, W]` CPU tensor; the gradient
/// goes to the first maximum in row-major order, as PyTorch's does.
pub struct MaxPool<T> {
    /// Side of the window.
    pub window: usize,
    /// Element type.
    pub element: PhantomData<T>,
}

/// For each output the place of its maximum in the input.
fn places<T: PartialOrd + Copy>(x: &[T], [n, c, h, w]: [usize; 4], k: usize) -> Vec<usize> {
    let mut places = Vec::with_capacity(n * c * (h / k) * (w / k));
    for plane in 0..n * c {
        for row in 0..h / k {
            for column in 0..w / k {
                let corner = plane * h * w + row * k * w + column * k;
                let mut best = corner;
                for i in 0..k {
                    for at in corner + i * w..corner + i * w + k {
                        // As in PyTorch a NaN wins.
                        if x[at] > x[best] || x[at].partial_cmp(&x[at]).is_none() {
                            best = at;
                        }
                    }
                }
                places.push(best);
            }
        }
    }
    places
}

impl<T: Element> CustomOp1 for MaxPool<T> {
    fn name(&self) -> &'static str {
        "max-pool"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (n, c, h, w) = layout.shape().dims4()?;
        let x = slice::<T>(storage, layout)?;
        let y = places(x, [n, c, h, w], self.window).into_iter().map(|at| x[at]).collect();
        Ok((T::to_cpu_storage_owned(y), Shape::from((n, c, h / self.window, w / self.window))))
    }

    fn bwd(&self, x: &Tensor, _y: &Tensor, gradient: &Tensor) -> Result<Option<Tensor>> {
        let (n, c, h, w) = x.dims4()?;
        let values = elements::<T>(x)?;
        let mut out = vec![zero::<T>(); values.len()];
        for (at, g) in places(&values, [n, c, h, w], self.window).into_iter().zip(elements::<T>(gradient)?) {
            out[at] = g;
        }
        Tensor::from_vec(out, x.shape(), x.device()).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Var};

    use super::*;

    #[test]
    fn the_whole_gradient_goes_to_the_first_maximum() {
        let x = Var::new(&[[[[1.0_f32, 5.0], [5.0, 2.0]]]], &Device::Cpu).unwrap();
        let y = x.apply_op1(MaxPool::<f32> { window: 2, element: PhantomData }).unwrap();
        assert_eq!(y.flatten_all().unwrap().to_vec1::<f32>().unwrap(), [5.0]);
        let gradients = y.affine(3.0, 0.0).unwrap().sum_all().unwrap().backward().unwrap();
        let gradient = gradients.get(&x).unwrap().flatten_all().unwrap().to_vec1::<f32>().unwrap();
        assert_eq!(gradient, [0.0, 3.0, 0.0, 0.0]);
    }
}
