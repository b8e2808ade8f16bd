//! Convolution by matrix products over chunks of samples.
//!
//! candle's own backward runs naive transposed convolutions; here each chunk's patches are laid out
//! as a matrix (and laid out again in the backward pass rather than kept), so that forward, weight
//! gradient and input gradient are one product each.

use std::marker::PhantomData;

use candle_core::{CpuStorage, CustomOp2, Device, Layout, Result, Shape, Tensor};
use rayon::prelude::*;

use super::{Element, elements, slice, zero};

/// Samples in a chunk: enough columns for a good matrix product, few enough for the cache.
const CHUNK: usize = 8;

/// `y[n, o] = Σ_c x[n, c] ⋆ w[o, c]` for `x` `[N, C, H, W]` and `w` `[O, C, k, k]`; in groups of channels, `w` is
/// `[O, C/groups, k, k]` and c counts within the group of o.
pub struct Convolution<T> {
    /// Step between patches.
    pub stride: usize,
    /// Zeros added on every side.
    pub padding: usize,
    /// Groups of channels.
    pub groups: usize,
    /// Element type.
    pub element: PhantomData<T>,
}

/// All sizes of one convolution.
#[derive(Clone, Copy)]
struct Geometry {
    samples: usize,
    channels: usize,
    height: usize,
    width: usize,
    out: usize,
    kernel: usize,
    stride: usize,
    padding: usize,
    groups: usize,
    out_height: usize,
    out_width: usize,
}

impl Geometry {
    fn new<T>(op: &Convolution<T>, x: &[usize], w: &[usize]) -> Self {
        let side = |s: usize| (s + 2 * op.padding - w[2]) / op.stride + 1;
        Self {
            samples: x[0],
            channels: x[1],
            height: x[2],
            width: x[3],
            out: w[0],
            kernel: w[2],
            stride: op.stride,
            padding: op.padding,
            groups: op.groups,
            out_height: side(x[2]),
            out_width: side(x[3]),
        }
    }

    fn input(&self) -> usize {
        self.channels * self.height * self.width
    }
    fn area(&self) -> usize {
        self.out_height * self.out_width
    }
    /// Rows of the patch matrix, those of a group side by side.
    fn taps(&self) -> usize {
        self.channels * self.kernel * self.kernel
    }

    /// Calls `visit` with every run of a patch-matrix row that lies inside the picture: (place in
    /// the row, place in the sample, length); consecutive places in the picture are `stride` apart.
    fn runs(&self, tap: usize, mut visit: impl FnMut(usize, usize, usize)) {
        let (channel, kernel_row, kernel_column) =
            (tap / (self.kernel * self.kernel), tap / self.kernel % self.kernel, tap % self.kernel);
        // Output columns whose input column lies in 0..width.
        let from = self.padding.saturating_sub(kernel_column).div_ceil(self.stride);
        let last = (self.width + self.padding).saturating_sub(kernel_column + 1) / self.stride;
        let to = (last + 1).min(self.out_width);
        if self.width + self.padding <= kernel_column || from >= to {
            return;
        }
        for row in 0..self.out_height {
            let Some(y) = (row * self.stride + kernel_row).checked_sub(self.padding) else { continue };
            if y < self.height {
                let x = from * self.stride + kernel_column - self.padding;
                visit(row * self.out_width + from, (channel * self.height + y) * self.width + x, to - from);
            }
        }
    }

    /// The patch matrix of a chunk: `[taps, samples·area]`.
    fn patches<T: Element>(&self, chunk: &[T]) -> Vec<T> {
        let columns = chunk.len() / self.input() * self.area();
        let mut matrix = vec![zero::<T>(); self.taps() * columns];
        for (tap, row) in matrix.chunks_exact_mut(columns).enumerate() {
            for (row, sample) in row.chunks_exact_mut(self.area()).zip(chunk.chunks_exact(self.input())) {
                self.runs(tap, |to, from, len| {
                    let to = &mut row[to..to + len];
                    if self.stride == 1 {
                        to.copy_from_slice(&sample[from..from + len]);
                    } else {
                        let source = sample[from..].iter().step_by(self.stride);
                        to.iter_mut().zip(source).for_each(|(to, &from)| *to = from);
                    }
                });
            }
        }
        matrix
    }

    /// Adds a patch matrix's entries back to where they came from.
    fn scatter<T: Element>(&self, matrix: &[T], chunk: &mut [T]) {
        let columns = chunk.len() / self.input() * self.area();
        for (tap, row) in matrix.chunks_exact(columns).enumerate() {
            for (row, sample) in row.chunks_exact(self.area()).zip(chunk.chunks_exact_mut(self.input())) {
                self.runs(tap, |from, to, len| {
                    let from = &row[from..from + len];
                    let add = |(to, &from): (&mut T, &T)| *to += from;
                    if self.stride == 1 {
                        sample[to..to + len].iter_mut().zip(from).for_each(add);
                    } else {
                        sample[to..].iter_mut().step_by(self.stride).zip(from).for_each(add);
                    }
                });
            }
        }
    }

    /// Values that belong to the groups in turn, a matrix of `rows` rows for each.
    fn matrices<T: Element>(&self, values: Vec<T>, rows: usize) -> Result<Tensor> {
        let columns = values.len() / (self.groups * rows);
        Tensor::from_vec(values, (self.groups, rows, columns), &Device::Cpu)
    }
    /// The patch matrix of each group of channels.
    fn patch_matrices<T: Element>(&self, chunk: &[T]) -> Result<Tensor> {
        self.matrices(self.patches(chunk), self.taps() / self.groups)
    }
    /// A matrix for each group of channels, with its outputs in the rows.
    fn output_matrices<T: Element>(&self, values: Vec<T>) -> Result<Tensor> {
        self.matrices(values, self.out / self.groups)
    }

    /// `[samples, O, area]` as `[O, samples·area]`.
    fn channels_first<T: Element>(&self, chunk: &[T]) -> Vec<T> {
        let samples = chunk.len() / (self.out * self.area());
        let mut out = Vec::with_capacity(chunk.len());
        for o in 0..self.out {
            for n in 0..samples {
                out.extend_from_slice(&chunk[(n * self.out + o) * self.area()..][..self.area()]);
            }
        }
        out
    }
}

impl<T: Element> CustomOp2 for Convolution<T> {
    fn name(&self) -> &'static str {
        "convolution"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        w: &CpuStorage,
        w_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let g = Geometry::new(self, x_layout.dims(), w_layout.dims());
        let x = slice::<T>(x, x_layout)?;
        let weight = g.output_matrices(slice::<T>(w, w_layout)?.to_vec())?;
        let mut y = vec![zero::<T>(); g.samples * g.out * g.area()];
        y.par_chunks_mut(CHUNK * g.out * g.area()).zip(x.par_chunks(CHUNK * g.input())).try_for_each(
            |(y, x)| -> Result<()> {
                let samples = x.len() / g.input();
                let product = elements::<T>(&weight.matmul(&g.patch_matrices(x)?)?)?;
                for (at, plane) in product.chunks_exact(g.area()).enumerate() {
                    let (o, n) = (at / samples, at % samples);
                    y[(n * g.out + o) * g.area()..][..g.area()].copy_from_slice(plane);
                }
                Ok(())
            },
        )?;
        Ok((T::to_cpu_storage_owned(y), Shape::from((g.samples, g.out, g.out_height, g.out_width))))
    }

    fn bwd(&self, x: &Tensor, w: &Tensor, _y: &Tensor, gradient: &Tensor) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let g = Geometry::new(self, x.dims(), w.dims());
        // The pictures themselves need no gradient.
        let wants_input = x.track_op();
        let values = elements::<T>(x)?;
        let dy = elements::<T>(gradient)?;
        let transposed = w.reshape((g.groups, g.out / g.groups, g.taps() / g.groups))?.t()?;
        let chunks: Vec<(Tensor, Vec<T>)> = values
            .par_chunks(CHUNK * g.input())
            .zip(dy.par_chunks(CHUNK * g.out * g.area()))
            .map(|(x, dy)| {
                let dy = g.output_matrices(g.channels_first(dy))?;
                let dw = dy.matmul(&g.patch_matrices(x)?.t()?)?;
                let mut dx = Vec::new();
                if wants_input {
                    dx = vec![zero::<T>(); x.len()];
                    g.scatter(&elements::<T>(&transposed.matmul(&dy)?)?, &mut dx);
                }
                Ok((dw, dx))
            })
            .collect::<Result<_>>()?;
        let mut dw = vec![zero::<T>(); w.elem_count()];
        let mut dx = Vec::with_capacity(if wants_input { values.len() } else { 0 });
        for (part, chunk) in chunks {
            dw.iter_mut().zip(elements::<T>(&part)?).for_each(|(sum, part)| *sum += part);
            dx.extend_from_slice(&chunk);
        }
        let dx = if wants_input { Some(Tensor::from_vec(dx, x.shape(), x.device())?) } else { None };
        Ok((dx, Some(Tensor::from_vec(dw, w.shape(), w.device())?)))
    }
}

#[cfg(test)]
mod tests {
    use candle_core::Var;

    use super::*;

    fn random(shape: &[usize], seed: u32) -> Tensor {
        let n: usize = shape.iter().product();
        let values: Vec<f64> = (0..n).map(|i| (f64::from(seed) + 1.7 * i as f64).sin()).collect();
        Tensor::from_vec(values, shape, &Device::Cpu).unwrap()
    }

    /// Against candle's own convolution and its gradients, which are slow but right for odd kernels
    /// and whole strides.
    fn check(size: usize, kernel: usize, stride: usize, padding: usize, groups: usize) {
        let x = Var::from_tensor(&random(&[11, 3 * groups, size, size], 1)).unwrap();
        let w = Var::from_tensor(&random(&[4 * groups, 3, kernel, kernel], 2)).unwrap();
        let ours = x.apply_op2(&w, Convolution::<f64> { stride, padding, groups, element: PhantomData }).unwrap();
        let theirs = x.conv2d(&w, padding, stride, 1, groups).unwrap();
        let weight = random(theirs.dims(), 3);
        let close = |a: &Tensor, b: &Tensor| {
            let difference = (a - b).unwrap().abs().unwrap().flatten_all().unwrap().max(0).unwrap();
            let difference = difference.to_scalar::<f64>().unwrap();
            assert!(difference < 1e-11, "size {size} kernel {kernel} stride {stride} padding {padding}: {difference}");
        };
        close(&ours, &theirs);
        let ours = (ours * &weight).unwrap().sum_all().unwrap().backward().unwrap();
        let theirs = (theirs * &weight).unwrap().sum_all().unwrap().backward().unwrap();
        close(ours.get(&x).unwrap(), theirs.get(&x).unwrap());
        close(ours.get(&w).unwrap(), theirs.get(&w).unwrap());
    }

    #[test]
    fn it_is_candles_convolution() {
        for (size, kernel, stride, padding) in [
            (8, 3, 1, 1),
            (8, 3, 2, 1),
            (9, 3, 2, 1),
            (8, 1, 1, 0),
            (8, 1, 2, 0),
            (9, 5, 1, 0),
            (6, 5, 1, 2),
            (4, 3, 1, 3),
            (13, 7, 2, 3),
        ] {
            check(size, kernel, stride, padding, 1);
            check(size, kernel, stride, padding, 3);
        }
    }
}
