//! Any candle model as a gradient oracle.

use std::cell::Cell;
use std::marker::PhantomData;
use std::sync::Arc;

use candle_core::{DType, Tensor, Var};
use candle_nn::VarMap;
use vr_core::{Evaluation, FlatVector, NormLayer, NormStatistics, Normalization, Oracle, ParameterSpace, SpaceError};

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
    /// A running mean without its variance, or the reverse.
    #[error("`{0}` has no matching running_mean or running_var beside it")]
    UnpairedStatistic(String),
    /// The closure's loss is not a scalar.
    #[error("the loss has shape {0:?}; it must be a scalar")]
    Loss(Vec<usize>),
    /// A vector does not fit the model.
    #[error(transparent)]
    Space(#[from] SpaceError),
    /// Statistics of another model.
    #[error("statistics of {found} batch-norm layers given to a model with {expected}")]
    Statistics {
        /// Layers given.
        found: usize,
        /// Layers of the model.
        expected: usize,
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
/// them. candle-nn updates them at every evaluation in train mode; here each evaluation starts from
/// known values, hands the batch's own statistics back, and leaves those variables as they were. The
/// others hold the point of the last evaluation, until [`write`](Self::write) puts another there.
///
/// The closure shares the variables, so evaluations run one after another (it is not `Sync`, and
/// [`Training::in_parallel`](crate::Training::in_parallel) refuses it at compile time). It returns
/// a loss alone, so [`Evaluation::correct`] is `None` and every minibatch counts as one sample.
pub struct CandleOracle<B, F> {
    parameters: Vec<Var>,
    space: Arc<ParameterSpace>,
    statistics: Vec<(Var, Var)>,
    layers: Arc<[NormLayer]>,
    loss: F,
    /// A cell: the oracle may move to another thread, but not be used from two.
    batch: PhantomData<Cell<fn(&B)>>,
}

const MEAN: &str = "running_mean";
const VARIANCE: &str = "running_var";

impl<B, F> CandleOracle<B, F>
where
    F: Fn(&B, bool) -> candle_core::Result<Tensor>,
{
    /// The oracle over all variables of `variables`; batch norm's momentum is candle-nn's default 0.1.
    ///
    /// # Errors
    /// When a variable is not f32 or batch-norm statistics do not come in pairs.
    pub fn new(variables: &VarMap, loss: F) -> Result<Self, CandleOracleError> {
        Self::with_momentum(variables, 0.1, loss)
    }

    /// The same for batch norms built with another momentum.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn with_momentum(variables: &VarMap, momentum: f64, loss: F) -> Result<Self, CandleOracleError> {
        // VarMap iterates in random order; the space must not.
        let mut named: Vec<(String, Var)> = match variables.data().lock() {
            Ok(data) => data.iter().map(|(name, var)| (name.clone(), var.clone())).collect(),
            Err(poisoned) => poisoned.into_inner().iter().map(|(n, v)| (n.clone(), v.clone())).collect(),
        };
        named.sort_by(|a, b| a.0.cmp(&b.0));
        for (name, var) in &named {
            if var.dtype() != DType::F32 {
                return Err(CandleOracleError::DType { name: name.clone(), found: var.dtype() });
            }
        }
        let find = |name: &str| named.iter().find(|(n, _)| n == name).map(|(_, var)| var.clone());
        let (mut layers, mut statistics) = (Vec::new(), Vec::new());
        for (name, var) in &named {
            if let Some(prefix) = name.strip_suffix(MEAN) {
                let variance = find(&format!("{prefix}{VARIANCE}"))
                    .ok_or_else(|| CandleOracleError::UnpairedStatistic(name.clone()))?;
                let name = prefix.trim_end_matches('.').to_owned();
                layers.push(NormLayer { name, channels: var.elem_count(), momentum });
                statistics.push((var.clone(), variance));
            } else if let Some(prefix) = name.strip_suffix(VARIANCE) {
                find(&format!("{prefix}{MEAN}")).ok_or_else(|| CandleOracleError::UnpairedStatistic(name.clone()))?;
            }
        }
        named.retain(|(name, _)| !name.ends_with(MEAN) && !name.ends_with(VARIANCE));
        let space = ParameterSpace::new(named.iter().map(|(name, var)| (name.clone(), var.dims().to_vec())))?;
        Ok(Self {
            parameters: named.into_iter().map(|(_, var)| var).collect(),
            space: Arc::new(space),
            statistics,
            layers: layers.into(),
            loss,
            batch: PhantomData,
        })
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
        self.write_statistics(statistics)
    }

    fn write_statistics(&self, statistics: &NormStatistics<f32>) -> Result<(), CandleOracleError> {
        let found = statistics.layers().len();
        if found != self.layers.len() {
            return Err(CandleOracleError::Statistics { found, expected: self.layers.len() });
        }
        for (i, (mean, variance)) in self.statistics.iter().enumerate() {
            let (m, v) = statistics.layer(i);
            mean.set(&Tensor::from_slice(m, mean.shape(), mean.device())?)?;
            variance.set(&Tensor::from_slice(v, variance.shape(), variance.device())?)?;
        }
        Ok(())
    }

    fn read_statistics(&self) -> Result<NormStatistics<f32>, CandleOracleError> {
        let mut statistics = NormStatistics::initial(self.layers.clone());
        for (i, (mean, variance)) in self.statistics.iter().enumerate() {
            let (m, v) = statistics.layer_mut(i);
            m.copy_from_slice(&mean.flatten_all()?.to_vec1::<f32>()?);
            v.copy_from_slice(&variance.flatten_all()?.to_vec1::<f32>()?);
        }
        Ok(statistics)
    }

    /// Runs the closure between known statistics and the restoration of what the variables held.
    fn run<T>(
        &self,
        x: &FlatVector<f32>,
        norm: Normalization<'_, f32>,
        batch: &B,
        read: impl FnOnce(&Tensor) -> Result<T, CandleOracleError>,
    ) -> Result<(Evaluation<f32>, T), CandleOracleError> {
        let before = self.read_statistics()?;
        let result = self.run_over_statistics(x, norm, batch, read);
        self.write_statistics(&before)?;
        result
    }

    fn run_over_statistics<T>(
        &self,
        x: &FlatVector<f32>,
        norm: Normalization<'_, f32>,
        batch: &B,
        read: impl FnOnce(&Tensor) -> Result<T, CandleOracleError>,
    ) -> Result<(Evaluation<f32>, T), CandleOracleError> {
        let train = matches!(norm, Normalization::Batch);
        let mut known = NormStatistics::initial(self.layers.clone());
        match norm {
            Normalization::Stored(stored) => known.clone_from(stored),
            // From zero, candle-nn's update leaves momentum·batch, which gives the batch's own back.
            Normalization::Batch => (0..self.layers.len()).for_each(|i| known.layer_mut(i).1.fill(0.0)),
        }
        self.write(x, &known)?;
        let loss = (self.loss)(batch, train)?;
        if loss.rank() != 0 {
            return Err(CandleOracleError::Loss(loss.dims().to_vec()));
        }
        let value = f64::from(loss.to_dtype(DType::F32)?.to_scalar::<f32>()?);
        let statistics = if train { Some(self.batch_statistics()?) } else { None };
        let read = read(&loss)?;
        Ok((Evaluation { loss: value, correct: None, samples: 1, statistics }, read))
    }

    fn batch_statistics(&self) -> Result<NormStatistics<f32>, CandleOracleError> {
        let mut statistics = self.read_statistics()?;
        for i in 0..self.layers.len() {
            let momentum = self.layers[i].momentum as f32;
            let (mean, variance) = statistics.layer_mut(i);
            mean.iter_mut().chain(variance).for_each(|value| *value /= momentum);
        }
        Ok(statistics)
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
        &self.layers
    }

    fn gradient(
        &self,
        x: &FlatVector<f32>,
        norm: Normalization<'_, f32>,
        batch: &B,
        out: &mut FlatVector<f32>,
    ) -> Result<Evaluation<f32>, CandleOracleError> {
        self.space.check("the gradient", out.len())?;
        let (evaluation, ()) = self.run(x, norm, batch, |loss| {
            let gradients = loss.backward()?;
            for (tensor, var) in self.space.tensors().iter().zip(&self.parameters) {
                match gradients.get(var) {
                    Some(g) => out[tensor.range()].copy_from_slice(&g.flatten_all()?.to_vec1::<f32>()?),
                    None => out[tensor.range()].fill(0.0),
                }
            }
            Ok(())
        })?;
        Ok(evaluation)
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
