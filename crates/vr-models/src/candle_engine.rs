//! The candle engine: a graph run through candle's autograd on the CPU, in f32 or f64.

use std::marker::PhantomData;
use std::sync::Arc;

use candle_core::{D, Device, Tensor, Var, WithDType};
use vr_core::{
    Batch, Evaluation, FlatVector, NormLayer, NormStatistics, Normalization, Oracle, ParameterSpace, Scalar, SpaceError,
};

use crate::graph::{Graph, Node, Op};
use crate::max_pool::MaxPool;

/// Added to a batch-norm variance before its square root.
const EPSILON: f64 = 1e-5;

/// Why an evaluation failed.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// A vector does not fit the network.
    #[error(transparent)]
    Space(#[from] SpaceError),
    /// The pictures are of another shape.
    #[error("a batch of shape {found:?} given to a network for pictures of shape {expected:?}")]
    Batch {
        /// `[N, C, H, W]` of the batch.
        found: [usize; 4],
        /// `[C, H, W]` of the network.
        expected: Vec<usize>,
    },
    /// A label is not among the classes.
    #[error("label {label} of sample {sample}; the network has {classes} classes")]
    Label {
        /// Place in the batch.
        sample: usize,
        /// The label.
        label: u32,
        /// Number of logits.
        classes: usize,
    },
    /// Statistics of another network.
    #[error("the stored statistics belong to another network: its batch-norm layers differ")]
    Statistics,
    /// candle's own error.
    #[error("candle: {0}")]
    Candle(#[from] candle_core::Error),
}

/// A graph with mean cross-entropy as a gradient oracle, by candle's autograd. It keeps nothing
/// between calls, so any number of threads may call it at once.
#[derive(Clone, Debug)]
pub struct CandleEngine<S> {
    graph: Graph,
    scalar: PhantomData<S>,
}

struct Pass<S> {
    loss: Tensor,
    correct: usize,
    statistics: Option<NormStatistics<S>>,
}

impl<S: Scalar + WithDType> CandleEngine<S> {
    /// The engine of a network.
    pub fn new(graph: Graph) -> Self {
        Self { graph, scalar: PhantomData }
    }

    /// The network.
    pub fn graph(&self) -> &Graph {
        &self.graph
    }

    fn check(&self, x: &[S], norm: &Normalization<'_, S>, batch: &Batch) -> Result<(), EngineError> {
        self.graph.space().check("the iterate", x.len())?;
        let expected = self.graph.input_shape();
        if batch.shape()[1..] != *expected || batch.is_empty() {
            return Err(EngineError::Batch { found: batch.shape(), expected: expected.to_vec() });
        }
        let classes = self.graph.nodes().last().map_or(0, |node| node.shape[0]);
        if let Some((sample, &label)) = batch.labels().iter().enumerate().find(|(_, l)| **l as usize >= classes) {
            return Err(EngineError::Label { sample, label, classes });
        }
        match norm {
            Normalization::Stored(stored) if stored.layers() != &**self.graph.norm_layers() => {
                Err(EngineError::Statistics)
            }
            _ => Ok(()),
        }
    }

    fn parameters(&self, x: &[S], train: bool) -> Result<Vec<Tensor>, EngineError> {
        let tensors = self.graph.space().tensors().iter().map(|tensor| {
            let value = Tensor::from_slice(&x[tensor.range()], tensor.shape(), &Device::Cpu)?;
            Ok(if train { Var::from_tensor(&value)?.into_inner() } else { value })
        });
        tensors.collect()
    }

    fn forward(
        &self,
        parameters: &[Tensor],
        norm: Normalization<'_, S>,
        batch: &Batch,
    ) -> Result<Pass<S>, EngineError> {
        let images = Tensor::from_slice(batch.images(), &batch.shape()[..], &Device::Cpu)?.to_dtype(S::DTYPE)?;
        let mut statistics = match norm {
            Normalization::Batch => Some(NormStatistics::initial(self.graph.norm_layers().clone())),
            Normalization::Stored(_) => None,
        };
        let mut values: Vec<Tensor> = Vec::with_capacity(self.graph.nodes().len());
        for node in self.graph.nodes() {
            let input = |i: usize| &values[node.inputs[i]];
            let parameter = |i: usize| &parameters[node.tensor + i];
            let value = match &node.op {
                Op::Input => images.clone(),
                Op::Conv { stride, padding, bias, .. } => {
                    let y = input(0).conv2d(parameter(0), *padding, *stride, 1, 1)?;
                    if *bias { y.broadcast_add(&parameter(1).reshape((1, (), 1, 1))?)? } else { y }
                }
                Op::BatchNorm => match (norm, &mut statistics) {
                    (Normalization::Stored(stored), _) => {
                        let (mean, variance) = stored.layer(node.norm);
                        let tensor = |v: &[S]| Tensor::from_slice(v, v.len(), &Device::Cpu);
                        normalize(input(0), &tensor(mean)?, &tensor(variance)?, parameter(0), parameter(1))?
                    }
                    (Normalization::Batch, Some(statistics)) => {
                        batch_norm(node, input(0), parameter(0), parameter(1), statistics)?
                    }
                    (Normalization::Batch, None) => return Err(EngineError::Statistics),
                },
                Op::Relu => input(0).relu()?,
                Op::Add => (input(0) + input(1))?,
                Op::Concat => {
                    let parts: Vec<&Tensor> = node.inputs.iter().map(|&i| &values[i]).collect();
                    Tensor::cat(&parts, 1)?
                }
                Op::MaxPool(k) => input(0).contiguous()?.apply_op1(MaxPool(*k))?,
                Op::AvgPool(k) => {
                    let (n, c, h, w) = input(0).dims4()?;
                    input(0).reshape((n, c, h / k, *k, w / k, *k))?.mean((3, 5))?
                }
                Op::Flatten => input(0).flatten_from(1)?,
                Op::Linear { .. } => input(0).matmul(&parameter(0).t()?)?.broadcast_add(parameter(1))?,
            };
            values.push(value);
        }
        let logits = &values[values.len() - 1];
        let labels = Tensor::from_slice(batch.labels(), batch.len(), &Device::Cpu)?;
        let loss = candle_nn::loss::cross_entropy(logits, &labels)?;
        let rows = logits.to_vec2::<S>()?;
        let correct = rows.iter().zip(batch.labels()).filter(|(row, label)| first_maximum(row) == **label as usize);
        Ok(Pass { loss, correct: correct.count(), statistics })
    }

    fn evaluation(pass: &Pass<S>, batch: &Batch) -> Result<Evaluation<S>, EngineError> {
        let loss = Scalar::to_f64(pass.loss.to_scalar::<S>()?);
        Ok(Evaluation { loss, correct: pass.correct, samples: batch.len(), statistics: pass.statistics.clone() })
    }
}

fn first_maximum<S: PartialOrd>(row: &[S]) -> usize {
    let mut best = 0;
    for (i, value) in row.iter().enumerate() {
        if *value > row[best] {
            best = i;
        }
    }
    best
}

/// A per-channel vector as something that broadcasts over `like`.
fn per_channel(v: &Tensor, like: &Tensor) -> candle_core::Result<Tensor> {
    if like.rank() == 4 { v.reshape((1, (), 1, 1)) } else { v.reshape((1, ())) }
}

/// `(x − mean)/√(variance + ε)·weight + bias`.
fn normalize(
    x: &Tensor,
    mean: &Tensor,
    variance: &Tensor,
    weight: &Tensor,
    bias: &Tensor,
) -> candle_core::Result<Tensor> {
    let scale = ((variance + EPSILON)?.sqrt()?.recip()? * weight)?;
    x.broadcast_sub(&per_channel(mean, x)?)?
        .broadcast_mul(&per_channel(&scale, x)?)?
        .broadcast_add(&per_channel(bias, x)?)
}

/// Train mode: normalises with the batch's mean and biased variance and records the unbiased one.
fn batch_norm<S: Scalar + WithDType>(
    node: &Node,
    x: &Tensor,
    weight: &Tensor,
    bias: &Tensor,
    statistics: &mut NormStatistics<S>,
) -> candle_core::Result<Tensor> {
    // [C, N·H·W]: one row a channel.
    let rows = if x.rank() == 4 { x.transpose(0, 1)?.flatten_from(1)? } else { x.t()? }.contiguous()?;
    let count = rows.dim(1)? as f64;
    let mean = rows.mean_keepdim(1)?;
    let variance = rows.broadcast_sub(&mean)?.sqr()?.mean(D::Minus1)?;
    let mean = mean.squeeze(1)?;
    let (means, variances) = statistics.layer_mut(node.norm);
    means.copy_from_slice(&mean.to_vec1::<S>()?);
    for (out, biased) in variances.iter_mut().zip(variance.to_vec1::<S>()?) {
        *out = <S as Scalar>::from_f64(Scalar::to_f64(biased) * count / (count - 1.0).max(1.0));
    }
    normalize(x, &mean, &variance, weight, bias)
}

impl<S: Scalar + WithDType> Oracle for CandleEngine<S> {
    type Scalar = S;
    type Batch = Batch;
    type Error = EngineError;

    fn space(&self) -> &Arc<ParameterSpace> {
        self.graph.space()
    }

    fn norm_layers(&self) -> &Arc<[NormLayer]> {
        self.graph.norm_layers()
    }

    fn gradient(
        &self,
        x: &FlatVector<S>,
        norm: Normalization<'_, S>,
        batch: &Batch,
        out: &mut FlatVector<S>,
    ) -> Result<Evaluation<S>, EngineError> {
        self.check(x, &norm, batch)?;
        self.graph.space().check("the gradient", out.len())?;
        let parameters = self.parameters(x, true)?;
        let pass = self.forward(&parameters, norm, batch)?;
        let gradients = pass.loss.backward()?;
        for (tensor, parameter) in self.graph.space().tensors().iter().zip(&parameters) {
            match gradients.get(parameter) {
                Some(g) => out[tensor.range()].copy_from_slice(&g.flatten_all()?.to_vec1::<S>()?),
                None => out[tensor.range()].fill(<S as Default>::default()),
            }
        }
        Self::evaluation(&pass, batch)
    }

    fn evaluate(
        &self,
        x: &FlatVector<S>,
        norm: Normalization<'_, S>,
        batch: &Batch,
    ) -> Result<Evaluation<S>, EngineError> {
        self.check(x, &norm, batch)?;
        let parameters = self.parameters(x, false)?;
        let pass = self.forward(&parameters, norm, batch)?;
        Self::evaluation(&pass, batch)
    }
}
