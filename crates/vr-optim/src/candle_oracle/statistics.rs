//! The batch-norm statistics among a model's variables: read, written, and what an evaluation did to them.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::Arc;

use candle_core::{Tensor, Var};
use vr_core::{NormLayer, NormStatistics};

use super::CandleOracleError;

const MEAN: &str = "running_mean";
const VARIANCE: &str = "running_var";

/// candle-nn's and PyTorch's default.
const MOMENTUM: f64 = 0.1;

/// Where a probed statistic starts: so far above any activation that what an evaluation adds is rounded
/// away, and a power of two, so that what it keeps is read to the bit.
const FAR: f32 = (1u128 << 100) as f32;

/// How far the shares kept by a layer's channels may lie apart.
const TOLERANCE: f64 = 1e-5;

/// What one evaluation keeps of a layer's statistics: `running ← keep·running + …`.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Keep {
    mean: f64,
    variance: f64,
}

/// One layer's variables.
struct Layer {
    mean: Var,
    variance: Var,
    /// What an evaluation in train mode was found to keep.
    keep: Cell<Option<Keep>>,
}

/// A model's running statistics.
pub struct StatisticVariables {
    variables: Vec<Layer>,
    layers: Arc<[NormLayer]>,
}

/// Whether a variable of that name is a statistic.
pub fn is_statistic(name: &str) -> bool {
    name.ends_with(MEAN) || name.ends_with(VARIANCE)
}

impl StatisticVariables {
    /// Those among named variables.
    ///
    /// # Errors
    /// When a mean has no variance of its length beside it, or the reverse.
    pub fn of(named: &BTreeMap<String, Var>) -> Result<Self, CandleOracleError> {
        let (mut variables, mut layers) = (Vec::new(), Vec::new());
        for (name, var) in named {
            let partner = |suffix: &str, other: &str| {
                let partner = format!("{}{other}", name.strip_suffix(suffix)?);
                Some(named.get(&partner).filter(|partner| partner.elem_count() == var.elem_count()).cloned())
            };
            if let Some(variance) = partner(MEAN, VARIANCE) {
                let variance = variance.ok_or_else(|| CandleOracleError::UnpairedStatistic(name.clone()))?;
                let prefix = name.strip_suffix(MEAN).unwrap_or(name).trim_end_matches('.');
                layers.push(NormLayer { name: prefix.to_owned(), channels: var.elem_count(), momentum: MOMENTUM });
                variables.push(Layer { mean: var.clone(), variance, keep: Cell::new(None) });
            } else if let Some(None) = partner(VARIANCE, MEAN) {
                return Err(CandleOracleError::UnpairedStatistic(name.clone()));
            }
        }
        Ok(Self { variables, layers: layers.into() })
    }

    /// The layers by name.
    pub fn layers(&self) -> &Arc<[NormLayer]> {
        &self.layers
    }

    /// The variables' present values.
    pub fn read(&self) -> Result<NormStatistics<f32>, CandleOracleError> {
        let mut statistics = NormStatistics::initial(self.layers.clone());
        for (i, layer) in self.variables.iter().enumerate() {
            let (mean, variance) = statistics.layer_mut(i);
            mean.copy_from_slice(&layer.mean.flatten_all()?.to_vec1::<f32>()?);
            variance.copy_from_slice(&layer.variance.flatten_all()?.to_vec1::<f32>()?);
        }
        Ok(statistics)
    }

    /// Puts other values into the variables.
    pub fn write(&self, statistics: &NormStatistics<f32>) -> Result<(), CandleOracleError> {
        let found = statistics.layers().len();
        let channels = |layers: &[NormLayer]| layers.iter().map(|layer| layer.channels).collect::<Vec<_>>();
        if channels(statistics.layers()) != channels(&self.layers) {
            return Err(CandleOracleError::Statistics { found, expected: self.layers.len() });
        }
        for (i, layer) in self.variables.iter().enumerate() {
            let (mean, variance) = statistics.layer(i);
            layer.mean.set(&Tensor::from_slice(mean, layer.mean.shape(), layer.mean.device())?)?;
            layer.variance.set(&Tensor::from_slice(variance, layer.variance.shape(), layer.variance.device())?)?;
        }
        Ok(())
    }

    /// The statistics of the batch whose evaluation led from `start` to `after`, with the momentum it has in each
    /// layer: folded into `start` they give `after`, and a layer that the evaluation left alone weighs nothing.
    ///
    /// Where it is not known yet what an evaluation keeps of a layer's statistics, `again` evaluates once more, from
    /// other statistics.
    pub fn batch(
        &self,
        start: &NormStatistics<f32>,
        after: &NormStatistics<f32>,
        again: impl FnOnce() -> Result<(), CandleOracleError>,
    ) -> Result<NormStatistics<f32>, CandleOracleError> {
        let changed = |i: &usize| start.layer(*i) != after.layer(*i);
        // What is not finite comes from a loss that is not: there is nothing to learn from it.
        let finite = |i: &usize| after.layer(*i).0.iter().chain(after.layer(*i).1).all(|value| value.is_finite());
        let unknown = |i: &usize| self.variables[*i].keep.get().is_none();
        let probed: Vec<usize> = (0..self.layers.len()).filter(|i| changed(i) && finite(i) && unknown(i)).collect();
        if !probed.is_empty() {
            self.probe(start, after, &probed, again)?;
        }
        let layers = self.layers.iter().enumerate().map(|(i, layer)| {
            let momentum = if changed(&i) { 1.0 - self.keep(i).variance } else { 0.0 };
            NormLayer { momentum, ..layer.clone() }
        });
        let mut batch = NormStatistics::initial(layers.collect::<Vec<_>>());
        for i in 0..self.layers.len() {
            let keep = if changed(&i) { self.keep(i) } else { Keep { mean: 1.0, variance: 1.0 } };
            let (mean, variance) = batch.layer_mut(i);
            own(keep.mean, start.layer(i).0, after.layer(i).0, mean);
            own(keep.variance, start.layer(i).1, after.layer(i).1, variance);
        }
        Ok(batch)
    }

    fn keep(&self, layer: usize) -> Keep {
        self.variables[layer].keep.get().unwrap_or(Keep { mean: 1.0 - MOMENTUM, variance: 1.0 - MOMENTUM })
    }

    /// Learns what an evaluation keeps of the statistics of some layers.
    fn probe(
        &self,
        start: &NormStatistics<f32>,
        after: &NormStatistics<f32>,
        layers: &[usize],
        again: impl FnOnce() -> Result<(), CandleOracleError>,
    ) -> Result<(), CandleOracleError> {
        let mut far = start.clone();
        for &i in layers {
            let (mean, variance) = far.layer_mut(i);
            mean.iter_mut().chain(variance).for_each(|value| *value = FAR);
        }
        self.write(&far)?;
        again()?;
        let found = self.read()?;
        for &i in layers {
            let (mean, variance) = found.layer(i);
            let untouched = start.layer(i).0 == after.layer(i).0;
            let keep = kept(mean).zip(kept(variance)).filter(|&(mean, variance)| {
                variance < 1.0 && if untouched { mean == 1.0 } else { (mean - variance).abs() <= TOLERANCE }
            });
            let (mean, variance) =
                keep.ok_or_else(|| CandleOracleError::Update { layer: self.layers[i].name.clone() })?;
            self.variables[i].keep.set(Some(Keep { mean, variance }));
        }
        Ok(())
    }
}

/// The share of [`FAR`] in all of these; `None` where they differ in it.
fn kept(values: &[f32]) -> Option<f64> {
    let share = |value: &f32| f64::from(*value) / f64::from(FAR);
    let first = share(values.first()?);
    let agree = values.iter().all(|value| (share(value) - first).abs() <= TOLERANCE);
    // What is left of nothing kept is what the evaluation added.
    (agree && (-TOLERANCE..=1.0).contains(&first)).then(|| if first.abs() <= TOLERANCE { 0.0 } else { first })
}

/// What an evaluation added, as a batch's own: `(after − keep·start)/(1 − keep)`; `start` where it added nothing.
fn own(keep: f64, start: &[f32], after: &[f32], out: &mut [f32]) {
    for ((out, &start), &after) in out.iter_mut().zip(start).zip(after) {
        *out = if keep == 1.0 { start } else { ((f64::from(after) - keep * f64::from(start)) / (1.0 - keep)) as f32 };
    }
}
