//! Batch-norm statistics: a type of their own, out of an estimator's reach.

use std::sync::Arc;

use crate::{Scalar, StateError, StateReader, StateWriter};

/// One batch-norm layer.
#[derive(Clone, Debug, PartialEq)]
pub struct NormLayer {
    /// The layer's name, such as `bn1`.
    pub name: String,
    /// Number of channels.
    pub channels: usize,
    /// Weight of a new batch in the running statistics (PyTorch's convention; 0.1 in the paper). The
    /// statistics of one batch may say another weight for that batch, such as 0 where a layer was not used.
    pub momentum: f64,
}

/// Mean and unbiased variance of every channel of every batch-norm layer: those of one batch, or
/// the running averages of many.
#[derive(Clone, Debug, PartialEq)]
pub struct NormStatistics<S = f32> {
    layers: Arc<[NormLayer]>,
    mean: Vec<S>,
    variance: Vec<S>,
}

impl<S: Scalar> NormStatistics<S> {
    /// Running statistics before any batch: mean 0, variance 1.
    pub fn initial(layers: impl Into<Arc<[NormLayer]>>) -> Self {
        let layers = layers.into();
        let channels = layers.iter().map(|layer| layer.channels).sum();
        Self { layers, mean: vec![S::default(); channels], variance: vec![S::from_f64(1.0); channels] }
    }

    /// The layers in order.
    pub fn layers(&self) -> &[NormLayer] {
        &self.layers
    }

    /// Mean and variance of the channels of layer `index`.
    ///
    /// # Panics
    /// When there is no such layer.
    pub fn layer(&self, index: usize) -> (&[S], &[S]) {
        let range = self.range(index);
        (&self.mean[range.clone()], &self.variance[range])
    }

    /// Mutable mean and variance of the channels of layer `index`.
    ///
    /// # Panics
    /// When there is no such layer.
    pub fn layer_mut(&mut self, index: usize) -> (&mut [S], &mut [S]) {
        let range = self.range(index);
        (&mut self.mean[range.clone()], &mut self.variance[range])
    }

    /// Folds a batch's statistics in: `running ← (1 − momentum)·running + momentum·batch`, as
    /// PyTorch does, with the momentum that the batch's layers say.
    ///
    /// # Panics
    /// When the two describe different layers.
    pub fn fold(&mut self, batch: &Self) {
        assert!(self.same_layers(batch), "statistics of different networks");
        let mut at = 0;
        for layer in batch.layers.iter() {
            let (old, new) = (S::from_f64(1.0 - layer.momentum), S::from_f64(layer.momentum));
            for i in at..at + layer.channels {
                self.mean[i] = old * self.mean[i] + new * batch.mean[i];
                self.variance[i] = old * self.variance[i] + new * batch.variance[i];
            }
            at += layer.channels;
        }
    }

    /// Whether both describe the same layers, momentum aside.
    pub fn same_layers(&self, other: &Self) -> bool {
        let same = |(a, b): (&NormLayer, &NormLayer)| a.name == b.name && a.channels == b.channels;
        self.layers.len() == other.layers.len() && self.layers.iter().zip(other.layers.iter()).all(same)
    }

    /// The means of all layers, one after another.
    pub fn mean(&self) -> &[S] {
        &self.mean
    }
    /// The variances of all layers, one after another.
    pub fn variance(&self) -> &[S] {
        &self.variance
    }

    /// Writes mean and variance of every layer under its name.
    pub fn save(&self, out: &mut StateWriter<'_>) {
        for (index, layer) in self.layers.iter().enumerate() {
            let (mean, variance) = self.layer(index);
            let mut out = out.part(&layer.name);
            out.vector("mean", mean);
            out.vector("variance", variance);
        }
    }

    /// Reads what [`save`](Self::save) wrote for the same layers.
    ///
    /// # Errors
    /// When a layer is absent or has another number of channels.
    pub fn restore(&mut self, from: &StateReader<'_>) -> Result<(), StateError> {
        for index in 0..self.layers.len() {
            let from = from.part(&self.layers[index].name);
            let channels = self.layers[index].channels;
            let (mean, variance) = self.layer_mut(index);
            mean.copy_from_slice(&from.vector::<S>("mean", channels)?);
            variance.copy_from_slice(&from.vector::<S>("variance", channels)?);
        }
        Ok(())
    }

    fn range(&self, index: usize) -> std::ops::Range<usize> {
        let start = self.layers[..index].iter().map(|layer| layer.channels).sum();
        start..start + self.layers[index].channels
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folding_is_pytorchs_moving_average() {
        let layers = vec![
            NormLayer { name: "bn1".into(), channels: 1, momentum: 0.1 },
            NormLayer { name: "bn2".into(), channels: 2, momentum: 0.5 },
        ];
        let mut running = NormStatistics::<f64>::initial(layers);
        let mut batch = running.clone();
        batch.layer_mut(0).0[0] = 10.0;
        batch.layer_mut(1).1[1] = 5.0;
        running.fold(&batch);
        assert_eq!(running.layer(0), (&[1.0][..], &[1.0][..]));
        assert_eq!(running.layer(1), (&[0.0, 0.0][..], &[1.0, 3.0][..]));
    }

    #[test]
    fn a_batch_says_how_much_it_weighs() {
        let layers = |momentum| vec![NormLayer { name: "bn".into(), channels: 1, momentum }];
        let mut running = NormStatistics::<f64>::initial(layers(0.1));
        for (momentum, expected) in [(0.0, 0.0), (0.5, 4.0), (1.0, 8.0)] {
            let mut batch = NormStatistics::<f64>::initial(layers(momentum));
            batch.layer_mut(0).0[0] = 8.0;
            running.fold(&batch);
            assert_eq!(running.layer(0).0, [expected]);
        }
        assert_eq!(running.layers()[0].momentum, 0.1);
    }
}
