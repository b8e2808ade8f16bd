//! Pooling with a right gradient for any windows: candle 0.11.1's maximum returns a quarter of it, and its mean
//! none for windows that overlap.

use std::marker::PhantomData;
use std::ops::Range;

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor};
use vr_core::Scalar;

use super::{Element, elements, slice, zero};
use crate::graph::Windows;

/// Pooling of a contiguous `[N, C, H, W]` CPU tensor.
pub struct Pool<T> {
    /// The windows.
    pub windows: Windows,
    /// What is taken of each.
    pub kind: Kind,
    /// Element type.
    pub element: PhantomData<T>,
}

/// What is taken of a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Its maximum; the gradient goes to the first in row-major order, or to the last NaN, as PyTorch's does.
    Max,
    /// Its mean, padding counted as zeros.
    Mean,
}

/// One window's part of a plane `width` wide.
struct Covered {
    rows: Range<usize>,
    columns: Range<usize>,
    width: usize,
    /// The first place of the plane.
    plane: usize,
}

impl Covered {
    /// Its places in row-major order.
    fn places(self) -> impl Iterator<Item = usize> {
        let Self { rows, columns, width, plane } = self;
        rows.flat_map(move |row| columns.clone().map(move |column| plane + row * width + column))
    }
}

impl<T: Element> Pool<T> {
    /// Every window in the order of the outputs.
    fn covered(&self, [n, c, h, w]: [usize; 4]) -> impl Iterator<Item = Covered> {
        let windows = self.windows;
        let [rows, columns] = self.outputs([h, w]);
        let inside = move |at: usize| {
            let rows = windows.cover(0, h, at / columns);
            Covered { rows, columns: windows.cover(1, w, at % columns), width: w, plane: 0 }
        };
        (0..n * c)
            .flat_map(move |plane| (0..rows * columns).map(move |at| Covered { plane: plane * h * w, ..inside(at) }))
    }

    fn outputs(&self, [h, w]: [usize; 2]) -> [usize; 2] {
        [self.windows.outputs(0, h), self.windows.outputs(1, w)]
    }

    fn share(&self) -> T {
        <T as Scalar>::from_f64(1.0 / self.windows.area() as f64)
    }
}

/// The place of the maximum.
fn largest<T: Element>(x: &[T], places: impl Iterator<Item = usize>) -> usize {
    // As in PyTorch a NaN wins.
    let wins = |at: usize, best: usize| x[at] > x[best] || x[at].partial_cmp(&x[at]).is_none();
    places.reduce(|best, at| if wins(at, best) { at } else { best }).unwrap_or_default()
}

impl<T: Element> CustomOp1 for Pool<T> {
    fn name(&self) -> &'static str {
        "pool"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (n, c, h, w) = layout.shape().dims4()?;
        let x = slice::<T>(storage, layout)?;
        let sum = |places: Covered| places.places().fold(zero::<T>(), |sum, at| sum + x[at]);
        let value = |covered: Covered| match self.kind {
            Kind::Max => x[largest(x, covered.places())],
            Kind::Mean => sum(covered) * self.share(),
        };
        let y = self.covered([n, c, h, w]).map(value).collect();
        let [rows, columns] = self.outputs([h, w]);
        Ok((T::to_cpu_storage_owned(y), Shape::from((n, c, rows, columns))))
    }

    fn bwd(&self, x: &Tensor, _y: &Tensor, gradient: &Tensor) -> Result<Option<Tensor>> {
        let (n, c, h, w) = x.dims4()?;
        let values = elements::<T>(x)?;
        let mut out = vec![zero::<T>(); values.len()];
        for (covered, g) in self.covered([n, c, h, w]).zip(elements::<T>(gradient)?) {
            match self.kind {
                Kind::Max => out[largest(&values, covered.places())] += g,
                Kind::Mean => covered.places().for_each(|at| out[at] += g * self.share()),
            }
        }
        Tensor::from_vec(out, x.shape(), x.device()).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Var};

    use super::*;

    fn max(windows: Windows) -> Pool<f32> {
        Pool { windows, kind: Kind::Max, element: PhantomData }
    }

    #[test]
    fn the_whole_gradient_goes_to_the_first_maximum() {
        let x = Var::new(&[[[[1.0_f32, 5.0], [5.0, 2.0]]]], &Device::Cpu).unwrap();
        let y = x.apply_op1(max(Windows::square(2))).unwrap();
        assert_eq!(y.flatten_all().unwrap().to_vec1::<f32>().unwrap(), [5.0]);
        let gradients = y.affine(3.0, 0.0).unwrap().sum_all().unwrap().backward().unwrap();
        let gradient = gradients.get(&x).unwrap().flatten_all().unwrap().to_vec1::<f32>().unwrap();
        assert_eq!(gradient, [0.0, 3.0, 0.0, 0.0]);
    }

    /// Values of `torch.nn.functional.max_pool2d` and `avg_pool2d` with kernel 3, stride 2 and padding 1.
    #[test]
    fn padding_is_ignored_by_the_maximum_and_counted_by_the_mean() {
        let values: Vec<f32> = (0..9).map(|i| -1.0 - i as f32).collect();
        let x = Var::from_vec(values, (1, 1, 3, 3), &Device::Cpu).unwrap();
        let windows = Windows::square(3).stride(2).padding(1);
        let y = x.apply_op1(max(windows)).unwrap().flatten_all().unwrap().to_vec1::<f32>().unwrap();
        assert_eq!(y, [-1.0, -2.0, -4.0, -5.0]);
        let mean = Pool::<f32> { kind: Kind::Mean, ..max(windows) };
        let y = x.apply_op1(mean).unwrap();
        let found = y.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        for (found, sum) in found.iter().zip([-12.0, -16.0, -24.0, -28.0_f32]) {
            assert!((found - sum / 9.0).abs() < 1e-6, "{found} for {sum} / 9");
        }
        let gradients = y.sum_all().unwrap().backward().unwrap();
        let gradient = gradients.get(&x).unwrap().flatten_all().unwrap().to_vec1::<f32>().unwrap();
        let counts = [1.0, 2.0, 1.0, 2.0, 4.0, 2.0, 1.0, 2.0, 1.0_f32];
        assert!(gradient.iter().zip(counts).all(|(g, count)| (g - count / 9.0).abs() < 1e-6), "{gradient:?}");
    }
}
