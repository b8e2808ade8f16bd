//! A gradient oracle and a source of minibatches of one's own: logistic regression on points that a transform jitters.
//! `cargo run -p vr-core --example own_oracle`

#![allow(clippy::print_stdout, reason = "it shows what it found")]

use std::convert::Infallible;
use std::sync::Arc;

use vr_core::random::normal;
use vr_core::vector::dot;
use vr_core::{
    Evaluation, FlatVector, Key, MinibatchKey, MinibatchSource, NormLayer, Normalization, Oracle, ParameterSpace,
    Stream, TransformKey, VarianceAccumulator,
};

const MINIBATCHES: u32 = 8;
const SAMPLES: u32 = 16;

/// The mean of `ln(1 + exp(−label·⟨a, x⟩))`.
struct Logistic {
    space: Arc<ParameterSpace>,
    layers: Arc<[NormLayer]>,
}

type Sample = ([f64; 4], f64);

impl Oracle for Logistic {
    type Scalar = f64;
    type Batch = Vec<Sample>;
    type Error = Infallible;

    fn space(&self) -> &Arc<ParameterSpace> {
        &self.space
    }

    fn norm_layers(&self) -> &Arc<[NormLayer]> {
        &self.layers
    }

    fn gradient(
        &self,
        x: &FlatVector<f64>,
        norm: Normalization<'_, f64>,
        batch: &Vec<Sample>,
        out: &mut FlatVector<f64>,
    ) -> Result<Evaluation<f64>, Infallible> {
        out.fill(0.0);
        for (point, label) in batch {
            let slope = -label / (1.0 + (label * dot(point, x)).exp());
            out.axpy(slope / batch.len() as f64, point);
        }
        self.evaluate(x, norm, batch)
    }

    fn evaluate(
        &self,
        x: &FlatVector<f64>,
        _norm: Normalization<'_, f64>,
        batch: &Vec<Sample>,
    ) -> Result<Evaluation<f64>, Infallible> {
        let margin = |(point, label): &Sample| label * dot(point, x);
        let loss = batch.iter().map(|sample| (-margin(sample)).exp().ln_1p()).sum::<f64>() / batch.len() as f64;
        let correct = batch.iter().filter(|sample| margin(sample) > 0.0).count();
        Ok(Evaluation {
            loss,
            correct: Some(correct),
            correct_top5: None,
            samples: batch.len(),
            statistics: None,
            unused: Vec::new(),
        })
    }
}

/// Points whose label is the sign of their first coordinate.
struct Points;

/// Four draws that are a function of the key and the number alone.
fn draws(key: Key, number: u32) -> [f64; 4] {
    let [a, b, c, d] = key.words(number, 0);
    let [[first, second], [third, fourth]] = [normal([a, b]), normal([c, d])];
    [first, second, third, fourth]
}

impl MinibatchSource for Points {
    type Batch = Vec<Sample>;
    type Error = Infallible;

    fn minibatches(&self) -> usize {
        MINIBATCHES as usize
    }

    fn minibatch(&self, key: MinibatchKey) -> Result<Vec<Sample>, Infallible> {
        let sample = |number: u32| {
            let mut point = draws(Key::new(0, Stream::Synthetic), number);
            let label = point[0].signum();
            let jitter = draws(key.transform.with_seed(0), number);
            point.iter_mut().zip(jitter).for_each(|(x, jitter)| *x += 0.3 * jitter);
            (point, label)
        };
        Ok((key.index * SAMPLES..(key.index + 1) * SAMPLES).map(sample).collect())
    }
}

pub(crate) fn main() -> Result<(), Box<dyn std::error::Error>> {
    let space = Arc::new(ParameterSpace::new([("slopes", vec![4])])?);
    let oracle = Logistic { space: space.clone(), layers: [].into() };
    let x = FlatVector::from(vec![0.5, -0.2, 0.1, 0.0]);
    let gradient = |index, stream| {
        let transform = TransformKey { stream, generation: 0, visit: 0 };
        let batch = Points.minibatch(MinibatchKey { generation: 0, index, transform })?;
        let mut out = FlatVector::zeros(4);
        oracle.gradient(&x, Normalization::Batch, &batch, &mut out).map(|_| out)
    };

    // A key used twice gives the same transforms, and so the same gradient: that is transform locking.
    assert_eq!(gradient(3, Stream::LockedTransform)?, gradient(3, Stream::LockedTransform)?);
    assert_ne!(gradient(3, Stream::LockedTransform)?, gradient(3, Stream::InnerTransform)?);

    let mut moments = VarianceAccumulator::new(&space);
    for index in 0..MINIBATCHES {
        let gradient = gradient(index, Stream::LockedTransform)?;
        moments.observe(&gradient, &gradient, None);
    }
    let total = moments.report().total;
    println!("‖G‖² = {:.4}, minibatch gradients vary by {:.4}", total.squared_gradient, total.sgd_variance);
    assert!(total.sgd_variance > 0.0 && total.ratio == Some(1.0));
    Ok(())
}
