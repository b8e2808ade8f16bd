//! Diagonal quadratics, one for each minibatch: what the reference scripts compute by hand.

use std::convert::Infallible;
use std::sync::Arc;

use serde::Deserialize;
use vr_core::{Evaluation, FlatVector, NormLayer, Normalization, Oracle, ParameterSpace};

/// Minibatch gradients `a·(x − c)`, coordinate by coordinate.
#[derive(Clone, Deserialize)]
pub struct Minibatch {
    a: Vec<f64>,
    c: Vec<f64>,
}

/// Over a tensor of 1×3 and one of 1.
pub struct Quadratic {
    space: Arc<ParameterSpace>,
    layers: Arc<[NormLayer]>,
}

impl Quadratic {
    pub fn new() -> Self {
        let space = ParameterSpace::new([("matrix", vec![1, 3]), ("bias", vec![1])]).unwrap();
        Self { space: Arc::new(space), layers: [].into() }
    }
}

impl Oracle for Quadratic {
    type Scalar = f64;
    type Batch = Minibatch;
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
        batch: &Minibatch,
        out: &mut FlatVector<f64>,
    ) -> Result<Evaluation<f64>, Infallible> {
        out.iter_mut().enumerate().for_each(|(i, out)| *out = batch.a[i] * (x[i] - batch.c[i]));
        self.evaluate(x, norm, batch)
    }
    fn evaluate(
        &self,
        x: &FlatVector<f64>,
        _norm: Normalization<'_, f64>,
        batch: &Minibatch,
    ) -> Result<Evaluation<f64>, Infallible> {
        let loss = (0..x.len()).map(|i| 0.5 * batch.a[i] * (x[i] - batch.c[i]).powi(2)).sum();
        Ok(Evaluation { loss, correct: None, correct_top5: None, samples: 1, statistics: None, unused: Vec::new() })
    }
}
