//! Minibatches that a program already holds in memory.

use std::convert::Infallible;

use vr_core::random::Permutation;
use vr_core::{Key, MinibatchKey, MinibatchSource, Stream};

/// Minibatches of any type with fixed members; every generation goes through them in a new order. An
/// index out of range panics.
#[derive(Clone, Debug)]
pub struct FixedBatches<B> {
    batches: Vec<B>,
    seed: u64,
}

impl<B> FixedBatches<B> {
    /// These minibatches, in orders that `seed` governs.
    pub fn new(batches: Vec<B>, seed: u64) -> Self {
        Self { batches, seed }
    }
}

impl<B: Clone> MinibatchSource for FixedBatches<B> {
    type Batch = B;
    type Error = Infallible;

    fn minibatches(&self) -> usize {
        self.batches.len()
    }

    fn minibatch(&self, key: MinibatchKey) -> Result<B, Infallible> {
        let order = Key { generation: key.generation, ..Key::new(self.seed, Stream::Permutation) };
        let at = Permutation::new(order, self.batches.len() as u32).at(key.index);
        Ok(self.batches[at as usize].clone())
    }
}
