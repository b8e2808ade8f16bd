//! The keys that name a minibatch, and the source that turns a key into data.

use crate::{Key, Stream};

/// Which random transforms and dropout masks a minibatch is drawn with. Equal keys give equal draws:
/// locking is nothing but the same key used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TransformKey {
    /// [`Stream::LockedTransform`] for every pass of a locked run; otherwise a stream for each purpose.
    pub stream: Stream,
    /// The lock generation: it belongs to the snapshot, and changes when that does.
    pub generation: u32,
    /// Tells repeated passes of one purpose within a generation apart; 0 in a locked run.
    pub visit: u32,
}

impl TransformKey {
    /// The key of its draws in a run of that seed.
    pub fn with_seed(self, seed: u64) -> Key {
        Key { seed, stream: self.stream, generation: self.generation, visit: self.visit }
    }
}

/// Names one minibatch: the plan's permutation, the place in it, the transforms.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct MinibatchKey {
    /// Generation of the batch plan: one permutation of the samples, cut into fixed minibatches.
    pub generation: u32,
    /// Place in the plan, in 0..m.
    pub index: u32,
    /// The transforms.
    pub transform: TransformKey,
}

/// Turns keys into minibatches; a pure function, so any order and any thread gives the same data.
pub trait MinibatchSource {
    /// What a minibatch is.
    type Batch;
    /// What can go wrong.
    type Error: std::error::Error + Send + Sync + 'static;

    /// Minibatches per epoch, m.
    fn minibatches(&self) -> usize;

    /// The minibatch of that key.
    ///
    /// # Errors
    /// When the index is not below [`minibatches`](Self::minibatches) or the data cannot be read.
    fn minibatch(&self, key: MinibatchKey) -> Result<Self::Batch, Self::Error>;

    /// Says which minibatches will be asked for next, so that a source may prepare them.
    fn prefetch(&self, _upcoming: &[MinibatchKey]) {}
}
