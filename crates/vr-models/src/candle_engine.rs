//! The candle engine: a graph run through candle's autograd on the CPU, in f32 or f64.

use std::cmp::Ordering;
use std::marker::PhantomData;
use std::sync::Arc;

use candle_core::{Device, Tensor, Var};
use vr_core::{
    Batch, Evaluation, FlatVector, NormLayer, NormStatistics, Normalization, Oracle, ParameterSpace, Scalar,
};

use crate::dropout;
use crate::error::{EngineError, check_arguments};
use crate::graph::{Conv, Graph, Node, Op, Windows};
use crate::logits::Logits;
use crate::ops::Element;
use crate::ops::batch_norm::{self, BatchNorm, BatchNormOp};
use crate::ops::conv::Convolution;
use crate::ops::pool::{Kind, Pool};
use crate::ops::relu::Relu;

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
    correct_top5: Option<usize>,
    statistics: Option<NormStatistics<S>>,
}

impl<S: Element> CandleEngine<S> {
    /// The engine of a network.
    pub fn new(graph: Graph) -> Self {
        Self { graph, scalar: PhantomData }
    }

    /// The network.
    pub fn graph(&self) -> &Graph {
        &self.graph
    }

    /// The logits of `batch` at the flat parameters `x`, of shape `[P]`, through which candle's
    /// `backward()` passes on.
    ///
    /// Slow in the backward pass, where candle gathers every tensor's gradient in a vector of length P.
    ///
    /// # Errors
    /// As [`gradient`](Oracle::gradient).
    pub fn logits(&self, x: &Tensor, norm: Normalization<'_, S>, batch: &Batch) -> Result<Logits<S>, EngineError> {
        check_arguments(&self.graph, x.elem_count(), &norm, batch)?;
        let tensors = self.graph.space().tensors().iter();
        let parameters = tensors.map(|t| x.narrow(0, t.range().start, t.len())?.reshape(t.shape()));
        self.run(&parameters.collect::<candle_core::Result<Vec<_>>>()?, norm, batch)
    }

    fn parameters(&self, x: &[S], train: bool) -> Result<Vec<Tensor>, EngineError> {
        let tensors = self.graph.space().tensors().iter().map(|tensor| {
            let value = Tensor::from_slice(&x[tensor.range()], tensor.shape(), &Device::Cpu)?;
            Ok(if train { Var::from_tensor(&value)?.into_inner() } else { value })
        });
        tensors.collect()
    }

    fn run(&self, parameters: &[Tensor], norm: Normalization<'_, S>, batch: &Batch) -> Result<Logits<S>, EngineError> {
        let images = Tensor::from_vec(batch.images(), &batch.shape()[..], &Device::Cpu)?.to_dtype(S::DTYPE)?;
        let mut statistics = norm.is_train().then(|| NormStatistics::initial(self.graph.norm_layers().clone()));
        let mut values: Vec<Tensor> = Vec::with_capacity(self.graph.nodes().len());
        for node in self.graph.nodes() {
            let input = |i: usize| &values[node.inputs[i]];
            let parameter = |i: usize| &parameters[node.tensor + i];
            let value = match &node.op {
                Op::Input => images.clone(),
                Op::Conv(conv) => {
                    let &Conv { stride, padding, groups, .. } = conv;
                    let op = Convolution::<S> { stride, padding, groups, element: PhantomData };
                    let y = input(0).apply_op2(parameter(0), op)?;
                    if conv.bias { y.broadcast_add(&parameter(1).reshape((1, (), 1, 1))?)? } else { y }
                }
                Op::BatchNorm => {
                    let norm = batch_norm(node, input(0), norm, statistics.as_mut())?;
                    input(0).apply_op3(parameter(0), parameter(1), BatchNormOp::<S>(norm, PhantomData))?
                }
                Op::Relu => input(0).apply_op1(Relu::<S>(PhantomData))?,
                Op::Elu => input(0).elu(1.0)?,
                Op::Dropout { rate } => {
                    let len = input(0).elem_count() / batch.len();
                    let sample = |place| dropout::factors(batch.noise(), place, node.draw, *rate).take(len);
                    let mask = (0..batch.len()).flat_map(sample).map(<S as Scalar>::from_f64).collect();
                    (input(0) * Tensor::from_vec(mask, input(0).shape(), &Device::Cpu)?)?
                }
                Op::Add => (input(0) + input(1))?,
                Op::Concat => {
                    let parts: Vec<&Tensor> = node.inputs.iter().map(|&i| &values[i]).collect();
                    Tensor::cat(&parts, 1)?
                }
                Op::MaxPool(windows) => input(0).apply_op1(pool::<S>(*windows, Kind::Max))?,
                Op::AvgPool(windows) => input(0).apply_op1(pool::<S>(*windows, Kind::Mean))?,
                Op::Flatten => input(0).flatten_from(1)?,
                Op::Linear { .. } => input(0).matmul(&parameter(0).t()?)?.broadcast_add(parameter(1))?,
            };
            values.push(value);
        }
        Ok(Logits { values: values.swap_remove(values.len() - 1), statistics })
    }

    fn forward(
        &self,
        parameters: &[Tensor],
        norm: Normalization<'_, S>,
        batch: &Batch,
    ) -> Result<Pass<S>, EngineError> {
        let Logits { values: logits, statistics } = self.run(parameters, norm, batch)?;
        let labels = Tensor::from_slice(batch.labels(), batch.len(), &Device::Cpu)?;
        let loss = candle_nn::loss::cross_entropy(&logits, &labels)?;
        let rows = logits.to_vec2::<S>()?;
        let hits = |hit: fn(&[S], usize) -> bool| {
            rows.iter().zip(batch.labels()).filter(|(row, label)| hit(row, **label as usize)).count()
        };
        let correct = hits(|row, label| first_maximum(row) == label);
        let correct_top5 = self.graph.has_top5().then(|| hits(|row, label| rank(row, label) < 5));
        Ok(Pass { loss, correct, correct_top5, statistics })
    }

    fn evaluation(pass: &Pass<S>, batch: &Batch) -> Result<Evaluation<S>, EngineError> {
        let loss = Scalar::to_f64(pass.loss.to_scalar::<S>()?);
        Ok(Evaluation {
            loss,
            correct: Some(pass.correct),
            correct_top5: pass.correct_top5,
            samples: batch.len(),
            statistics: pass.statistics.clone(),
            unused: Vec::new(),
        })
    }
}

fn pool<S>(windows: Windows, kind: Kind) -> Pool<S> {
    Pool { windows, kind, element: PhantomData }
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

/// How many classes come before the label's: larger, equal but earlier, or not a number.
fn rank<S: PartialOrd>(row: &[S], label: usize) -> usize {
    let comes_before = |(class, z): &(usize, &S)| match z.partial_cmp(&&row[label]) {
        Some(Ordering::Equal) => *class < label,
        order => order != Some(Ordering::Less),
    };
    row.iter().enumerate().filter(comes_before).count()
}

/// The node's normalisation: by stored statistics, or by the batch's own, which are then recorded
/// with the unbiased variance.
fn batch_norm<S: Element>(
    node: &Node,
    x: &Tensor,
    norm: Normalization<'_, S>,
    record: Option<&mut NormStatistics<S>>,
) -> candle_core::Result<BatchNorm> {
    if let Normalization::Stored(stored) = norm {
        let (mean, variance) = stored.layer(node.norm);
        let pairs = mean.iter().zip(variance).map(|(&m, &v)| [Scalar::to_f64(m), Scalar::to_f64(v)]);
        return Ok(BatchNorm::new(pairs, false));
    }
    let batch = batch_norm::statistics::<S>(x)?;
    if let Some(record) = record {
        let count = (x.elem_count() / node.shape[0]) as f64;
        let (means, variances) = record.layer_mut(node.norm);
        for (i, [mean, biased]) in batch.iter().enumerate() {
            means[i] = <S as Scalar>::from_f64(*mean);
            variances[i] = <S as Scalar>::from_f64(biased * count / (count - 1.0));
        }
    }
    Ok(BatchNorm::new(batch, true))
}

impl<S: Element> Oracle for CandleEngine<S> {
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
        check_arguments(&self.graph, x.len(), &norm, batch)?;
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
        check_arguments(&self.graph, x.len(), &norm, batch)?;
        let parameters = self.parameters(x, false)?;
        let pass = self.forward(&parameters, norm, batch)?;
        Self::evaluation(&pass, batch)
    }
}
