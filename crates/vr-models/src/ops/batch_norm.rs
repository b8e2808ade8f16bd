//! Batch normalisation by the batch's statistics or by stored ones.

use std::marker::PhantomData;

use candle_core::{CpuStorage, CustomOp3, Layout, Result, Shape, Tensor};
use rayon::prelude::*;
use vr_core::Scalar;

use super::{Element, elements, slice};

/// Added to a variance before its square root.
const EPSILON: f64 = 1e-5;

/// Mean and biased variance of every channel of `[N, C, …]` values, by two passes in f64.
pub fn statistics<T: Element>(x: &Tensor) -> Result<Vec<[f64; 2]>> {
    let planes = Planes::of(x.dims());
    let x = elements::<T>(x)?;
    let channel = |c: usize| {
        let count = planes.count() as f64;
        let mean = planes.of_channel(&x, c).map(|plane| sum(plane, |v| v)).sum::<f64>() / count;
        let square = |v: f64| (v - mean) * (v - mean);
        [mean, planes.of_channel(&x, c).map(|plane| sum(plane, square)).sum::<f64>() / count]
    };
    Ok((0..planes.channels).into_par_iter().map(channel).collect())
}

/// `Σ term(v)` in f64 in a fixed order that vectorises: eight interleaved partial sums.
fn sum<T: Element>(plane: &[T], term: impl Fn(f64) -> f64) -> f64 {
    let mut partial = [0.0; 8];
    for chunk in plane.chunks(8) {
        for (sum, &v) in partial.iter_mut().zip(chunk) {
            *sum += term(Scalar::to_f64(v));
        }
    }
    partial.iter().sum()
}

/// `y = (x − mean)/√(variance + ε)·weight + bias`, channel by channel.
///
/// With `batch` the statistics are the batch's own and the gradient flows through them:
/// `dx = weight/σ·(g − mean g − x̂·mean(g·x̂))`; without, `dx = weight/σ·g`.
pub struct BatchNorm {
    /// Mean and `1/√(variance + ε)` of every channel.
    scale: Vec<[f64; 2]>,
    /// Whether the statistics are the batch's own.
    batch: bool,
}

impl BatchNorm {
    /// The operation with mean and variance of every channel.
    pub fn new(statistics: impl IntoIterator<Item = [f64; 2]>, batch: bool) -> Self {
        let scale = statistics.into_iter().map(|[mean, variance]| [mean, 1.0 / (variance + EPSILON).sqrt()]);
        Self { scale: scale.collect(), batch }
    }
}

/// How the channels of `[N, C, …]` lie in memory.
#[derive(Clone, Copy)]
struct Planes {
    samples: usize,
    channels: usize,
    area: usize,
}

impl Planes {
    fn of(dims: &[usize]) -> Self {
        Self { samples: dims[0], channels: dims[1], area: dims[2..].iter().product() }
    }

    /// Values of one channel.
    fn count(self) -> usize {
        self.samples * self.area
    }

    fn of_channel<T>(self, x: &[T], channel: usize) -> impl Iterator<Item = &[T]> {
        x.chunks_exact(self.area).skip(channel).step_by(self.channels)
    }
}

impl BatchNorm {
    /// Gradients of one channel's weight and bias: `Σ g·x̂` and `Σ g`.
    fn sums<T: Element>(&self, planes: Planes, c: usize, x: &[T], gradient: &[T]) -> [f64; 2] {
        let [mean, inverse] = self.scale[c];
        let (mut products, mut plain) = ([0.0; 8], [0.0; 8]);
        for (x, g) in planes.of_channel(x, c).zip(planes.of_channel(gradient, c)) {
            for (x, g) in x.chunks(8).zip(g.chunks(8)) {
                for (((product, plain), &x), &g) in products.iter_mut().zip(&mut plain).zip(x).zip(g) {
                    let g = Scalar::to_f64(g);
                    *product += g * (Scalar::to_f64(x) - mean);
                    *plain += g;
                }
            }
        }
        [inverse * products.iter().sum::<f64>(), plain.iter().sum()]
    }

    fn forward<T: Element>(&self, planes: Planes, x: &[T], weight: &[T], bias: &[T]) -> Vec<T> {
        let mut y = x.to_vec();
        y.par_chunks_mut(planes.channels * planes.area).for_each(|sample| {
            for (c, plane) in sample.chunks_exact_mut(planes.area).enumerate() {
                let [mean, inverse] = self.scale[c];
                let factor = <T as Scalar>::from_f64(inverse * Scalar::to_f64(weight[c]));
                let (mean, bias) = (<T as Scalar>::from_f64(mean), bias[c]);
                for v in plane {
                    *v = (*v - mean) * factor + bias;
                }
            }
        });
        y
    }

    fn backward<T: Element>(&self, planes: Planes, x: &[T], weight: &[T], gradient: &[T]) -> (Vec<T>, Vec<[f64; 2]>) {
        let sums: Vec<[f64; 2]> =
            (0..planes.channels).into_par_iter().map(|c| self.sums(planes, c, x, gradient)).collect();
        let mut out = gradient.to_vec();
        let size = planes.channels * planes.area;
        out.par_chunks_mut(size).zip(x.par_chunks(size)).for_each(|(out, x)| {
            let planes_of = out.chunks_exact_mut(planes.area).zip(x.chunks_exact(planes.area));
            for (c, (out, x)) in planes_of.enumerate() {
                let [mean, inverse] = self.scale[c];
                let factor = inverse * Scalar::to_f64(weight[c]);
                let n = planes.count() as f64;
                let (through_variance, through_mean) =
                    if self.batch { (sums[c][0] * inverse / n, sums[c][1] / n) } else { (0.0, 0.0) };
                let [mean, factor, through_variance, through_mean] =
                    [mean, factor, through_variance, through_mean].map(<T as Scalar>::from_f64);
                for (g, &x) in out.iter_mut().zip(x) {
                    *g = (*g - through_mean - (x - mean) * through_variance) * factor;
                }
            }
        });
        (out, sums)
    }
}

/// The custom op of one element type.
pub struct BatchNormOp<T>(pub BatchNorm, pub PhantomData<T>);

impl<T: Element> CustomOp3 for BatchNormOp<T> {
    fn name(&self) -> &'static str {
        "batch-norm"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        weight: &CpuStorage,
        weight_layout: &Layout,
        bias: &CpuStorage,
        bias_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let planes = Planes::of(x_layout.dims());
        let y =
            self.0.forward::<T>(planes, slice(x, x_layout)?, slice(weight, weight_layout)?, slice(bias, bias_layout)?);
        Ok((T::to_cpu_storage_owned(y), x_layout.shape().clone()))
    }

    fn bwd(
        &self,
        x: &Tensor,
        weight: &Tensor,
        _bias: &Tensor,
        _y: &Tensor,
        gradient: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let planes = Planes::of(x.dims());
        let (dx, sums) = self.0.backward::<T>(planes, &elements(x)?, &elements(weight)?, &elements(gradient)?);
        let column = |i: usize| -> Result<Tensor> {
            let values: Vec<T> = sums.iter().map(|s| <T as Scalar>::from_f64(s[i])).collect();
            Tensor::from_vec(values, planes.channels, x.device())
        };
        Ok((Some(Tensor::from_vec(dx, x.shape(), x.device())?), Some(column(0)?), Some(column(1)?)))
    }
}
