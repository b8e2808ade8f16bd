//! Gradient evaluations counted by purpose: the currency in which methods are compared.

use std::ops::AddAssign;

use crate::{StateError, StateReader, StateWriter};

/// What a gradient evaluation is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Purpose {
    /// A step's own minibatch, at the iterate or at the snapshot.
    Inner,
    /// The full pass at the snapshot.
    Snapshot,
    /// The mega-batch of a streaming method.
    MegaBatch,
    /// Measurement only; it never counts as a method's cost.
    Diagnostic,
    /// Computing again what a checkpoint left out; like a measurement it is no cost of the method
    /// and leaves batch-norm statistics alone.
    Restore,
}

/// Evaluations of one purpose.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Count {
    /// Minibatch gradients.
    pub minibatches: u64,
    /// Per-sample gradients: the sum of the minibatches' sizes.
    pub samples: u64,
}

impl AddAssign for Count {
    fn add_assign(&mut self, other: Self) {
        self.minibatches += other.minibatches;
        self.samples += other.samples;
    }
}

/// Evaluations of every purpose.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct EvaluationCounts {
    /// [`Purpose::Inner`].
    pub inner: Count,
    /// [`Purpose::Snapshot`].
    pub snapshot: Count,
    /// [`Purpose::MegaBatch`].
    pub mega_batch: Count,
    /// [`Purpose::Diagnostic`].
    pub diagnostic: Count,
    /// [`Purpose::Restore`].
    pub restore: Count,
}

/// The counts of a run state, in the order of the fields.
const NAMES: [&str; 4] = ["inner", "snapshot", "mega-batch", "diagnostic"];

impl EvaluationCounts {
    /// Counts one minibatch gradient of `samples` samples.
    pub fn record(&mut self, purpose: Purpose, samples: usize) {
        let count = match purpose {
            Purpose::Inner => &mut self.inner,
            Purpose::Snapshot => &mut self.snapshot,
            Purpose::MegaBatch => &mut self.mega_batch,
            Purpose::Diagnostic => &mut self.diagnostic,
            Purpose::Restore => &mut self.restore,
        };
        *count += Count { minibatches: 1, samples: samples as u64 };
    }

    /// Writes all but [`restore`](Self::restore): that one tells what the last resumption cost, and a
    /// resumed run counts the rest as an uninterrupted one does.
    pub fn save(&self, out: &mut StateWriter<'_>) {
        let Self { inner, snapshot, mega_batch, diagnostic, restore: _ } = self;
        for (name, count) in NAMES.into_iter().zip([inner, snapshot, mega_batch, diagnostic]) {
            let mut out = out.part(name);
            out.integer("minibatches", count.minibatches);
            out.integer("samples", count.samples);
        }
    }

    /// The counts that [`save`](Self::save) wrote.
    ///
    /// # Errors
    /// When one is absent.
    pub fn from_state(from: &StateReader<'_>) -> Result<Self, StateError> {
        let mut counts = [Count::default(); 4];
        for (name, count) in NAMES.into_iter().zip(&mut counts) {
            let from = from.part(name);
            *count = Count { minibatches: from.integer("minibatches")?, samples: from.integer("samples")? };
        }
        let [inner, snapshot, mega_batch, diagnostic] = counts;
        Ok(Self { inner, snapshot, mega_batch, diagnostic, restore: Count::default() })
    }

    /// What the method itself cost: everything but diagnostics and restoration.
    pub fn training(&self) -> Count {
        let mut total = self.inner;
        total += self.snapshot;
        total += self.mega_batch;
        total
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn diagnostics_are_not_part_of_the_cost() {
        let mut counts = EvaluationCounts::default();
        counts.record(Purpose::Inner, 128);
        counts.record(Purpose::Snapshot, 80);
        counts.record(Purpose::Diagnostic, 128);
        assert_eq!(counts.training(), Count { minibatches: 2, samples: 208 });
        assert_eq!(counts.diagnostic, Count { minibatches: 1, samples: 128 });
    }
}
