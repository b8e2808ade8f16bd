//! Finite sums with a ridge, least squares and logistic regression, cut into minibatches of four samples: every
//! minibatch can be enumerated.

use std::convert::Infallible;
use std::sync::Arc;

use vr_core::random::{Permutation, normal};
use vr_core::{
    Evaluation, FlatVector, Key, MinibatchKey, MinibatchSource, NormLayer, Normalization, Oracle, ParameterSpace,
    SpaceError, Stream, TransformKey,
};

/// Number of parameters.
pub const P: usize = 5;
/// Minibatches per epoch, unless [`Samples`] has another number.
pub const M: u32 = 6;
/// Samples of a minibatch.
const BATCH: u32 = 4;
const RIDGE: f64 = 0.1;

/// A point and its label, ±1.
pub type Sample = ([f64; P], f64);

/// The loss of a sample.
#[derive(Clone, Copy, Debug)]
pub enum Loss {
    /// `(s − label)²/2` at the margin s.
    Squares,
    /// `ln(1 + exp(−label·s))`.
    Logistic,
}

impl Loss {
    /// The loss at the margin `s = ⟨a, x⟩` and its derivative.
    fn at(self, s: f64, label: f64) -> (f64, f64) {
        match self {
            Self::Squares => (0.5 * (s - label).powi(2), s - label),
            Self::Logistic => ((-label * s).exp().ln_1p(), -label / (1.0 + (label * s).exp())),
        }
    }
}

/// `mean loss(⟨a, x⟩, label) + ridge/2·‖x‖²` over a minibatch, with a ridge of 0.1.
#[derive(Clone, Debug)]
pub struct Regression {
    loss: Loss,
    space: Arc<ParameterSpace>,
    layers: Arc<[NormLayer]>,
}

impl Regression {
    /// The regression of that loss, over two tensors.
    pub fn new(loss: Loss) -> Self {
        let space = ParameterSpace::new([("slopes", vec![2, 2]), ("more", vec![1])]).unwrap_or_default();
        Self { loss, space: Arc::new(space), layers: Arc::new([]) }
    }
}

/// A point to start from.
pub fn start() -> FlatVector<f64> {
    FlatVector::from(vec![0.5, -1.0, 0.25, 0.0, 2.0])
}

impl Oracle for Regression {
    type Scalar = f64;
    type Batch = Vec<Sample>;
    type Error = SpaceError;

    fn space(&self) -> &Arc<ParameterSpace> {
        &self.space
    }
    fn norm_layers(&self) -> &Arc<[NormLayer]> {
        &self.layers
    }
    fn gradient(
        &self,
        x: &FlatVector<f64>,
        _norm: Normalization<'_, f64>,
        batch: &Vec<Sample>,
        out: &mut FlatVector<f64>,
    ) -> Result<Evaluation<f64>, SpaceError> {
        let count = batch.len() as f64;
        let mut loss = 0.5 * RIDGE * vr_core::vector::dot(x, x);
        for (out, x) in out.iter_mut().zip(&x[..]) {
            *out = RIDGE * x;
        }
        for (point, label) in batch {
            let (value, slope) = self.loss.at(vr_core::vector::dot(point, x), *label);
            loss += value / count;
            out.axpy(slope / count, point);
        }
        Ok(Evaluation {
            loss,
            correct: None,
            correct_top5: None,
            samples: batch.len(),
            statistics: None,
            unused: Vec::new(),
        })
    }
    fn evaluate(
        &self,
        x: &FlatVector<f64>,
        norm: Normalization<'_, f64>,
        batch: &Vec<Sample>,
    ) -> Result<Evaluation<f64>, SpaceError> {
        self.gradient(x, norm, batch, &mut FlatVector::zeros(P))
    }
}

/// Noisy samples of a linear rule, with a transform: normal jitter of the points of size `jitter`.
#[derive(Clone, Copy, Debug)]
pub struct Samples {
    /// Standard deviation of the jitter.
    pub jitter: f64,
    /// Minibatches per epoch.
    pub minibatches: u32,
}

impl Samples {
    /// [`M`] minibatches of samples with that jitter.
    pub fn with_jitter(jitter: f64) -> Self {
        Self { jitter, minibatches: M }
    }

    fn sample(self, index: u32, transform: TransformKey) -> Sample {
        let mut point = draws(Key::new(1, Stream::Synthetic), index);
        let label = if point[0] - 0.5 * point[1] + 0.25 * point[P] > 0.0 { 1.0 } else { -1.0 };
        let TransformKey { stream, generation, visit } = transform;
        let jitter = draws(Key { seed: 1, stream, generation, visit }, index);
        for (x, j) in point.iter_mut().zip(jitter) {
            *x += self.jitter * j;
        }
        (std::array::from_fn(|i| point[i]), label)
    }
}

/// Eight standard normal numbers.
fn draws(key: Key, index: u32) -> [f64; 8] {
    let mut out = [0.0; 8];
    for (draw, pair) in out.chunks_mut(2).enumerate() {
        let [a, b, ..] = key.words(index, draw as u32);
        pair.copy_from_slice(&normal([a, b]));
    }
    out
}

impl MinibatchSource for Samples {
    type Batch = Vec<Sample>;
    type Error = Infallible;

    fn minibatches(&self) -> usize {
        self.minibatches as usize
    }
    fn minibatch(&self, key: MinibatchKey) -> Result<Vec<Sample>, Infallible> {
        let plan = Key { generation: key.generation, ..Key::new(1, Stream::Permutation) };
        let plan = Permutation::new(plan, self.minibatches * BATCH);
        let members = key.index * BATCH..(key.index + 1) * BATCH;
        Ok(members.map(|place| self.sample(plan.at(place), key.transform)).collect())
    }
}
