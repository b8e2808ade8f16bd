//! Which samples make which minibatch.

use vr_core::{Key, Stream, random::Permutation};

/// For each generation one permutation of the samples, cut into fixed minibatches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchPlan {
    samples: u32,
    batch_size: u32,
    drop_last: bool,
    seed: u64,
}

impl BatchPlan {
    /// `samples` cut into minibatches of `batch_size`; the last, short one is kept unless `drop_last`.
    ///
    /// # Panics
    /// When `batch_size` is 0.
    pub fn new(samples: u32, batch_size: u32, drop_last: bool, seed: u64) -> Self {
        assert!(batch_size > 0, "a minibatch holds at least one sample");
        Self { samples, batch_size, drop_last, seed }
    }

    /// Minibatches per epoch, m.
    pub fn minibatches(&self) -> usize {
        let m = if self.drop_last { self.samples / self.batch_size } else { self.samples.div_ceil(self.batch_size) };
        m as usize
    }

    /// Samples that an epoch visits.
    pub fn samples(&self) -> usize {
        if self.drop_last { self.minibatches() * self.batch_size as usize } else { self.samples as usize }
    }

    /// The samples of minibatch `index` of a generation; `None` when there is no such minibatch.
    pub fn indices(&self, generation: u32, index: u32) -> Option<Vec<u32>> {
        if index as usize >= self.minibatches() {
            return None;
        }
        let key = Key { generation, ..Key::new(self.seed, Stream::Permutation) };
        let permutation = Permutation::new(key, self.samples);
        let start = index * self.batch_size;
        let end = self.samples.min(start.saturating_add(self.batch_size));
        Some((start..end).map(|place| permutation.at(place)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sample_comes_once_a_generation() {
        for drop_last in [false, true] {
            let plan = BatchPlan::new(1000, 128, drop_last, 5);
            for generation in 0..3 {
                let batches: Vec<_> =
                    (0..plan.minibatches() as u32).map(|i| plan.indices(generation, i).unwrap()).collect();
                let mut all = batches.concat();
                all.sort_unstable();
                all.dedup();
                assert_eq!(all.len(), plan.samples());
                assert_eq!(batches.last().unwrap().len(), if drop_last { 128 } else { 104 });
            }
            assert_eq!(plan.minibatches(), if drop_last { 7 } else { 8 });
            assert_eq!(plan.indices(0, plan.minibatches() as u32), None);
        }
    }

    #[test]
    fn generations_and_seeds_shuffle_anew() {
        let plan = BatchPlan::new(1000, 128, false, 5);
        assert_ne!(plan.indices(0, 0), plan.indices(1, 0));
        assert_ne!(plan.indices(0, 0), BatchPlan { seed: 6, ..plan }.indices(0, 0));
        assert_eq!(BatchPlan::new(50_000, 128, false, 0).minibatches(), 391);
    }
}
