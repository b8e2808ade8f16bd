//! Any candle model as a gradient oracle.

mod statistics;

use std::collections::BTreeMap;
use std::marker::PhantomData;
use std::sync::{Arc, PoisonError};

use candle_core::{DType, Tensor, Var};
use candle_nn::VarMap;
use vr_core::{
    Evaluation, FlatVector, NormLayer, NormStatistics, Normalization, Oracle, ParameterSpace, SpaceError, TensorOptions,
};

use statistics::{StatisticVariables, is_statistic};

/// What can go wrong between a candle model and the oracle.
#[derive(Debug, thiserror::Error)]
pub enum CandleOracleError {
    /// A variable is not of the one type supported.
    #[error("variable `{name}` is {found:?}; the oracle trains f32 models")]
    DType {
        /// The variable.
        name: String,
        /// Its type.
        found: DType,
    },
    /// A running mean without a variance of its length, or the reverse.
    #[error("`{0}` has no matching running_mean or running_var beside it")]
    UnpairedStatistic(String),
    /// The closure's loss is not a scalar.
    #[error("the loss has shape {0:?}; it must be a scalar")]
    Loss(Vec<usize>),
    /// A vector does not fit the model, or a pattern matches none of its tensors.
    #[error(transparent)]
    Space(#[from] SpaceError),
    /// Statistics of another model.
    #[error(
        "statistics of {found} batch-norm layers given to a model with {expected}, or of other numbers of channels"
    )]
    Statistics {
        /// Layers given.
        found: usize,
        /// Layers of the model.
        expected: usize,
    },
    /// A batch-norm layer that the oracle cannot follow.
    #[error(
        "two evaluations of one minibatch updated the statistics of batch norm `{layer}` differently; the oracle follows \
         layers with `running = keep * running + (what the batch adds)`, where `keep` is the same for every channel and \
         the closure depends on its arguments alone"
    )]
    Update {
        /// The layer.
        layer: String,
    },
    /// candle's own error.
    #[error("candle: {0}")]
    Candle(#[from] candle_core::Error),
}

/// The loss of a candle model, written as a closure `(minibatch, train) → scalar loss`, over the
/// variables of a [`VarMap`].
///
/// Variables are ordered by name. Those called `….running_mean` and `….running_var`, as candle-nn's
/// `BatchNorm` calls them, are statistics: no gradient, no weight decay, no control variate touches
/// them.
///
/// # Batch norm
///
/// The running statistics of a run begin as those of the model, pretrained ones too, and become what the
/// closure alone would make of them at the evaluations that the run's
/// [policy](crate::NormPolicy) counts: layers may be frozen (`forward_t(x, false)`, for the whole run or from
/// some step on), used several times in one loss, not used for some minibatches, and have any momentum,
/// 0 too. Each evaluation starts from known values, hands the batch's own statistics back, and leaves the
/// variables as they were. How much of its statistics a layer keeps is learned when it is first updated,
/// by evaluating that minibatch once more. From then on several policies side by side take it as fixed,
/// and only the first of them is exact for a layer that is used once for one minibatch and twice for
/// another.
///
/// # Weights without a gradient
///
/// A variable that the loss does not depend on (a detached backbone, a layer that is not used) is
/// left alone: no weight decay, no momentum. [`with_options`](Self::with_options) freezes variables that do
/// have a gradient, and gives them a learning rate or a weight decay of their own.
///
/// # The closure
///
/// It must depend on nothing but its arguments and the variables. It shares those, so evaluations run one
/// after another (the oracle is not `Sync`, and
/// [`Training::in_parallel`](crate::Training::in_parallel) refuses it at compile time). The parameters among
/// them hold the point of the last evaluation, until [`write`](Self::write) puts another there. It returns
/// a loss alone, so [`Evaluation::correct`] is `None` and every minibatch counts as one sample.
pub struct CandleOracle<B, F> {
    parameters: Vec<Var>,
    space: Arc<ParameterSpace>,
    statistics: StatisticVariables,
    loss: F,
    batch: PhantomData<fn(&B)>,
}

impl<B, F> CandleOracle<B, F>
where
    F: Fn(&B, bool) -> candle_core::Result<Tensor>,
{
    /// The oracle over all variables of `variables`.
    ///
    /// # Errors
    /// When a variable is not f32 or batch-norm statistics do not come in pairs.
    pub fn new(variables: &VarMap, loss: F) -> Result<Self, CandleOracleError> {
        // VarMap iterates in random order; the space must not.
        let mut named: BTreeMap<String, Var> = {
            let data = variables.data().lock().unwrap_or_else(PoisonError::into_inner);
            data.iter().map(|(name, var)| (name.clone(), var.clone())).collect()
        };
        for (name, var) in &named {
            if var.dtype() != DType::F32 {
                return Err(CandleOracleError::DType { name: name.clone(), found: var.dtype() });
            }
        }
        let statistics = StatisticVariables::of(&named)?;
        named.retain(|name, _| !is_statistic(name));
        let space = ParameterSpace::new(named.iter().map(|(name, var)| (name.clone(), var.dims().to_vec())))?;
        Ok(Self {
            parameters: named.into_values().collect(),
            space: Arc::new(space),
            statistics,
            loss,
            batch: PhantomData,
        })
    }

    /// Gives every variable whose name matches `pattern` (`*` stands for any run of characters) these options;
    /// a later call overrides an earlier one.
    ///
    /// # Errors
    /// When the pattern names no variable; the error lists them.
    pub fn with_options(mut self, pattern: &str, options: TensorOptions) -> Result<Self, CandleOracleError> {
        self.space = Arc::new(Arc::unwrap_or_clone(self.space).with_options(pattern, options)?);
        Ok(self)
    }

    /// The variables' present values as a vector of its own.
    ///
    /// # Errors
    /// When candle cannot read a variable.
    pub fn read(&self) -> Result<FlatVector<f32>, CandleOracleError> {
        let mut x = FlatVector::zeros(self.space.len());
        for (tensor, var) in self.space.tensors().iter().zip(&self.parameters) {
            x[tensor.range()].copy_from_slice(&var.flatten_all()?.to_vec1::<f32>()?);
        }
        Ok(x)
    }

    /// Puts `x`, and running statistics where the model has any, into the variables: the model is
    /// ready to be used or saved.
    ///
    /// # Errors
    /// When a vector does not fit the model.
    pub fn write(&self, x: &FlatVector<f32>, statistics: &NormStatistics<f32>) -> Result<(), CandleOracleError> {
        self.space.check("the iterate", x.len())?;
        for (tensor, var) in self.space.tensors().iter().zip(&self.parameters) {
            var.set(&Tensor::from_slice(&x[tensor.range()], tensor.shape(), var.device())?)?;
        }
        self.statistics.write(statistics)
    }

    /// Runs the closure between known statistics and the restoration of what the variables held.
    fn run<T>(
        &self,
        x: &FlatVector<f32>,
        norm: Normalization<'_, f32>,
        batch: &B,
        read: impl FnOnce(&Tensor) -> Result<T, CandleOracleError>,
    ) -> Result<(Evaluation<f32>, T), CandleOracleError> {
        let before = self.statistics.read()?;
        let start = match norm {
            Normalization::Batch => &before,
            Normalization::Running(known) | Normalization::Stored(known) => known,
        };
        let result = self.run_from(x, start, norm.is_train(), batch, read);
        self.statistics.write(&before)?;
        result
    }

    fn run_from<T>(
        &self,
        x: &FlatVector<f32>,
        start: &NormStatistics<f32>,
        train: bool,
        batch: &B,
        read: impl FnOnce(&Tensor) -> Result<T, CandleOracleError>,
    ) -> Result<(Evaluation<f32>, T), CandleOracleError> {
        self.write(x, start)?;
        let loss = (self.loss)(batch, train)?;
        if loss.rank() != 0 {
            return Err(CandleOracleError::Loss(loss.dims().to_vec()));
        }
        let value = f64::from(loss.to_dtype(DType::F32)?.to_scalar::<f32>()?);
        let read = read(&loss)?;
        let statistics = if train {
            let after = self.statistics.read()?;
            let again = || (self.loss)(batch, train).map(drop).map_err(CandleOracleError::from);
            Some(self.statistics.batch(start, &after, again)?)
        } else {
            None
        };
        Ok((
            Evaluation { loss: value, correct: None, correct_top5: None, samples: 1, statistics, unused: Vec::new() },
            read,
        ))
    }
}

impl<B, F> Oracle for CandleOracle<B, F>
where
    F: Fn(&B, bool) -> candle_core::Result<Tensor>,
{
    type Scalar = f32;
    type Batch = B;
    type Error = CandleOracleError;

    fn space(&self) -> &Arc<ParameterSpace> {
        &self.space
    }

    fn norm_layers(&self) -> &Arc<[NormLayer]> {
        self.statistics.layers()
    }

    /// Those that the model's variables hold.
    fn initial_statistics(&self) -> Result<NormStatistics<f32>, CandleOracleError> {
        self.statistics.read()
    }

    fn gradient(
        &self,
        x: &FlatVector<f32>,
        norm: Normalization<'_, f32>,
        batch: &B,
        out: &mut FlatVector<f32>,
    ) -> Result<Evaluation<f32>, CandleOracleError> {
        self.space.check("the gradient", out.len())?;
        let (evaluation, unused) = self.run(x, norm, batch, |loss| {
            let gradients = loss.backward()?;
            let mut unused = Vec::new();
            for (i, (tensor, var)) in self.space.tensors().iter().zip(&self.parameters).enumerate() {
                match gradients.get(var) {
                    Some(g) => out[tensor.range()].copy_from_slice(&g.flatten_all()?.to_vec1::<f32>()?),
                    None => {
                        out[tensor.range()].fill(0.0);
                        unused.push(i);
                    }
                }
            }
            Ok(unused)
        })?;
        Ok(Evaluation { unused, ..evaluation })
    }

    fn evaluate(
        &self,
        x: &FlatVector<f32>,
        norm: Normalization<'_, f32>,
        batch: &B,
    ) -> Result<Evaluation<f32>, CandleOracleError> {
        Ok(self.run(x, norm, batch, |_| Ok(()))?.0)
    }
}
