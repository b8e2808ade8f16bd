//! Max pooling with a right gradient: candle 0.11.1's own returns a quarter of it.

use candle_core::backend::BackendStorage as _;
use candle_core::{CpuStorage, CustomOp1, DType, Layout, Result, Shape, Tensor, WithDType, bail};

/// Maximum over k×k windows with stride k of a contiguous `[N, C, H, W]` CPU tensor; the gradient
/// goes to the first maximum in row-major order, as PyTorch's does.
pub struct MaxPool(pub usize);

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
                        if x[at] > x[best] {
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

fn dims(layout: &Layout) -> Result<[usize; 4]> {
    let (n, c, h, w) = layout.shape().dims4()?;
    Ok([n, c, h, w])
}

fn slice<'a, T: WithDType>(storage: &'a CpuStorage, layout: &Layout) -> Result<&'a [T]> {
    match layout.contiguous_offsets() {
        Some((from, to)) => Ok(&storage.as_slice::<T>()?[from..to]),
        None => bail!("max pooling needs a contiguous tensor"),
    }
}

impl CustomOp1 for MaxPool {
    fn name(&self) -> &'static str {
        "max-pool"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let [n, c, h, w] = dims(layout)?;
        let shape = Shape::from((n, c, h / self.0, w / self.0));
        fn pool<T: WithDType>(storage: &CpuStorage, layout: &Layout, k: usize) -> Result<CpuStorage> {
            let x = slice::<T>(storage, layout)?;
            let out: Vec<T> = places(x, dims(layout)?, k).into_iter().map(|at| x[at]).collect();
            Ok(T::to_cpu_storage_owned(out))
        }
        let out = match storage.dtype() {
            DType::F32 => pool::<f32>(storage, layout, self.0)?,
            DType::F64 => pool::<f64>(storage, layout, self.0)?,
            other => bail!("max pooling of {other:?}"),
        };
        Ok((out, shape))
    }

    fn bwd(&self, x: &Tensor, _out: &Tensor, gradient: &Tensor) -> Result<Option<Tensor>> {
        fn unpool<T: WithDType + Default>(x: &Tensor, gradient: &Tensor, k: usize) -> Result<Tensor> {
            let (n, c, h, w) = x.dims4()?;
            let values = x.flatten_all()?.to_vec1::<T>()?;
            let mut out = vec![T::default(); values.len()];
            let gradient = gradient.flatten_all()?.to_vec1::<T>()?;
            for (at, g) in places(&values, [n, c, h, w], k).into_iter().zip(gradient) {
                out[at] = g;
            }
            Tensor::from_vec(out, (n, c, h, w), x.device())
        }
        Ok(Some(match x.dtype() {
            DType::F32 => unpool::<f32>(x, gradient, self.0)?,
            DType::F64 => unpool::<f64>(x, gradient, self.0)?,
            other => bail!("max pooling of {other:?}"),
        }))
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Var};

    use super::*;

    #[test]
    fn the_whole_gradient_goes_to_the_first_maximum() {
        let x = Var::new(&[[[[1.0_f32, 5.0], [5.0, 2.0]]]], &Device::Cpu).unwrap();
        let y = x.apply_op1(MaxPool(2)).unwrap();
        assert_eq!(y.flatten_all().unwrap().to_vec1::<f32>().unwrap(), [5.0]);
        let gradients = y.affine(3.0, 0.0).unwrap().sum_all().unwrap().backward().unwrap();
        let gradient = gradients.get(&x).unwrap().flatten_all().unwrap().to_vec1::<f32>().unwrap();
        assert_eq!(gradient, [0.0, 3.0, 0.0, 0.0]);
    }
}
