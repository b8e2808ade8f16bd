//! The gradient oracle: what a network must be able to do, and nothing it could hide.

use std::sync::Arc;

use crate::{FlatVector, NormLayer, NormStatistics, ParameterSpace, Scalar, StateError, StateReader, StateWriter};

/// Which statistics batch norm normalises with.
#[derive(Clone, Copy, Debug)]
pub enum Normalization<'a, S> {
    /// Train mode: the minibatch's own. The gradient does not depend on any running statistics, but for
    /// layers that the network itself holds in evaluation mode: those use what the network came with.
    Batch,
    /// Train mode within a run whose running statistics these are: as [`Batch`](Self::Batch), but a layer
    /// that the network itself holds in evaluation mode uses these.
    Running(&'a NormStatistics<S>),
    /// Evaluation mode: these stored ones.
    Stored(&'a NormStatistics<S>),
}

impl<S> Normalization<'_, S> {
    /// Whether layers normalise by the minibatch's own statistics and hand them back.
    pub fn is_train(&self) -> bool {
        !matches!(self, Self::Stored(_))
    }
}

/// What an evaluation returns beside the gradient.
#[derive(Clone, Debug, PartialEq)]
pub struct Evaluation<S = f32> {
    /// Mean loss over the minibatch.
    pub loss: f64,
    /// Samples whose largest logit is the label's; `None` where the oracle knows of no classes.
    pub correct: Option<usize>,
    /// Samples whose label's logit is among the five largest; `None` where the oracle knows of no more than five
    /// classes.
    pub correct_top5: Option<usize>,
    /// Samples in the minibatch.
    pub samples: usize,
    /// In train mode the batch's statistics (variance unbiased), for the caller to fold into the
    /// running ones or to drop; `None` in evaluation mode.
    pub statistics: Option<NormStatistics<S>>,
    /// Tensors that the loss does not depend on, as indices into the space; their gradient is zero. An
    /// oracle that always uses every tensor leaves it empty, and so does an evaluation without a gradient.
    pub unused: Vec<usize>,
}

impl<S: Scalar> Evaluation<S> {
    /// Writes it to a state.
    pub fn save(&self, out: &mut StateWriter<'_>) {
        out.real("loss", self.loss);
        out.integer("samples", self.samples as u64);
        for (name, count) in [("correct", self.correct), ("correct-top5", self.correct_top5)] {
            if let Some(count) = count {
                out.integer(name, count as u64);
            }
        }
        out.integer("unused", self.unused.len() as u64);
        for (place, &tensor) in self.unused.iter().enumerate() {
            out.part("unused").integer(&place.to_string(), tensor as u64);
        }
        if let Some(statistics) = &self.statistics {
            let momenta: Vec<f64> = statistics.layers().iter().map(|layer| layer.momentum).collect();
            out.f64s("momenta", &momenta);
            statistics.save(&mut out.part("statistics"));
        }
    }

    /// What [`save`](Self::save) wrote of an evaluation of a network with these layers.
    ///
    /// # Errors
    /// When a value is absent or does not fit.
    pub fn from_state(from: &StateReader<'_>, layers: &Arc<[NormLayer]>) -> Result<Self, StateError> {
        let count = |name| if from.has(name) { Ok(Some(from.integer(name)? as usize)) } else { Ok(None) };
        let unused = from.index("unused", u32::MAX.into())?;
        let unused = (0..unused).map(|place| Ok(from.part("unused").integer(&place.to_string())? as usize));
        let statistics = if from.has("momenta") {
            let momenta = from.f64s("momenta", layers.len())?;
            let layers = layers.iter().zip(momenta).map(|(layer, momentum)| NormLayer { momentum, ..layer.clone() });
            let mut statistics = NormStatistics::initial(layers.collect::<Arc<[_]>>());
            statistics.restore(&from.part("statistics"))?;
            Some(statistics)
        } else {
            None
        };
        Ok(Self {
            loss: from.real("loss")?,
            correct: count("correct")?,
            correct_top5: count("correct-top5")?,
            samples: from.integer("samples")? as usize,
            statistics,
            unused: unused.collect::<Result<_, _>>()?,
        })
    }
}

/// A network with its loss, as a pure function of parameters, statistics and minibatch.
///
/// Equal arguments give equal results; nothing is kept from one call to the next. So a snapshot
/// pass may evaluate its minibatches in any order or at once, and batch-norm statistics go exactly
/// where the caller puts them.
pub trait Oracle {
    /// Element type of parameters and gradients.
    type Scalar: Scalar;
    /// What a minibatch is.
    type Batch;
    /// What can go wrong.
    type Error: std::error::Error + Send + Sync + 'static;

    /// The parameters, in order.
    fn space(&self) -> &Arc<ParameterSpace>;

    /// The batch-norm layers, in order; empty when the network has none.
    fn norm_layers(&self) -> &Arc<[NormLayer]>;

    /// The running statistics that a run begins with: those that the network came with, by default mean 0
    /// and variance 1.
    ///
    /// # Errors
    /// When they cannot be read.
    fn initial_statistics(&self) -> Result<NormStatistics<Self::Scalar>, Self::Error> {
        Ok(NormStatistics::initial(self.norm_layers().clone()))
    }

    /// Writes the gradient of the mean loss of `batch` at `x` to `out` and returns the rest.
    ///
    /// # Errors
    /// When `x`, `out` or the batch do not fit the network, or the computation fails.
    fn gradient(
        &self,
        x: &FlatVector<Self::Scalar>,
        norm: Normalization<'_, Self::Scalar>,
        batch: &Self::Batch,
        out: &mut FlatVector<Self::Scalar>,
    ) -> Result<Evaluation<Self::Scalar>, Self::Error>;

    /// The same without the gradient.
    ///
    /// # Errors
    /// As [`gradient`](Oracle::gradient).
    fn evaluate(
        &self,
        x: &FlatVector<Self::Scalar>,
        norm: Normalization<'_, Self::Scalar>,
        batch: &Self::Batch,
    ) -> Result<Evaluation<Self::Scalar>, Self::Error>;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::State;

    #[test]
    fn evaluations_come_back_from_a_state() {
        let layer = |momentum| -> Arc<[NormLayer]> { [NormLayer { name: "bn".into(), channels: 2, momentum }].into() };
        let mut statistics = NormStatistics::<f32>::initial(layer(0.0));
        statistics.layer_mut(0).0.copy_from_slice(&[-0.0, 1.5]);
        for statistics in [None, Some(statistics)] {
            for (correct, unused) in [(None, vec![]), (Some(3), vec![0, 7])] {
                let statistics = statistics.clone();
                let found = Evaluation { loss: -0.0, correct, correct_top5: correct, samples: 8, statistics, unused };
                let mut state = State::new();
                found.save(&mut state.writer("evaluation"));
                // The batch's own momentum, not the network's.
                let back = Evaluation::from_state(&state.reader("evaluation"), &layer(0.1)).unwrap();
                assert_eq!((&back, back.loss.to_bits()), (&found, found.loss.to_bits()));
            }
        }
    }
}
