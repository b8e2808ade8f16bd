//! The keys that name a minibatch, and the source that turns a key into data.

use crate::{Key, StateError, StateReader, StateWriter, Stream};

/// Which random transforms and dropout masks a minibatch is drawn with. Equal keys give equal draws:
/// locking is nothing but the same key used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TransformKey {
    /// [`Stream::LockedTransform`] for every pass of a locked run; otherwise a stream for each purpose.
    pub stream: Stream,
    /// The lock generation: it belongs to the snapshot, and does not change while that lives.
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

impl MinibatchKey {
    /// Writes it to a state.
    pub fn save(&self, out: &mut StateWriter<'_>) {
        let TransformKey { stream, generation, visit } = self.transform;
        out.integer("generation", self.generation.into());
        out.integer("index", self.index.into());
        out.integer("stream", u64::from(stream as u8));
        out.integer("lock", generation.into());
        out.integer("visit", visit.into());
    }

    /// The key that [`save`](Self::save) wrote.
    ///
    /// # Errors
    /// When a number is absent or no key has it.
    pub fn from_state(from: &StateReader<'_>) -> Result<Self, StateError> {
        let number = |name| Ok::<u32, StateError>(from.index(name, u32::MAX.into())? as u32);
        let stream = from.integer("stream")?;
        let stream = Stream::ALL.into_iter().find(|&one| u64::from(one as u8) == stream).ok_or_else(|| {
            let (name, found) = (from.name("stream"), stream.to_string());
            StateError::Value { name, found, expected: "the number of a stream".into() }
        })?;
        let transform = TransformKey { stream, generation: number("lock")?, visit: number("visit")? };
        Ok(Self { generation: number("generation")?, index: number("index")?, transform })
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::State;

    #[test]
    fn keys_come_back_from_a_state() {
        for stream in Stream::ALL {
            let transform = TransformKey { stream, generation: u32::MAX, visit: 3 };
            let key = MinibatchKey { generation: 7, index: 9, transform };
            let mut state = State::new();
            key.save(&mut state.writer("key"));
            assert_eq!(MinibatchKey::from_state(&state.reader("key")), Ok(key));
            state.writer("key").integer("stream", 200);
            let error = MinibatchKey::from_state(&state.reader("key")).unwrap_err().to_string();
            assert_eq!(error, "`key.stream` of the state is 200; expected the number of a stream");
        }
    }
}
