//! Minibatches by key, prepared ahead in the background.

mod prefetch;

use crate::{Augmentation, BatchPlan, ImageSet, apply_in_lanes, transform::Transform};
use prefetch::Prefetcher;
use rayon::prelude::*;
use std::sync::Arc;
use vr_core::{Batch, LANES, MinibatchKey, MinibatchSource, Noise};

/// How training pictures become minibatches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoaderConfig {
    /// Pictures a minibatch.
    pub batch_size: usize,
    /// Whether a short last minibatch is left out.
    pub drop_last: bool,
    /// Random transforms.
    pub augmentation: Augmentation,
    /// Governs permutations and transforms.
    pub seed: u64,
    /// How many minibatches may wait, ready, in memory; 0 prepares none ahead.
    pub prefetch_depth: usize,
}

impl Default for LoaderConfig {
    fn default() -> Self {
        Self { batch_size: 128, drop_last: false, augmentation: Augmentation::Standard, seed: 0, prefetch_depth: 4 }
    }
}

/// Why there is no minibatch.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum LoaderError {
    /// A minibatch must hold between 1 and 2³²−1 pictures.
    #[error("a minibatch cannot hold {0} pictures")]
    BatchSize(usize),
    /// The set has more pictures than keys.
    #[error("{0} pictures are too many; fewer than 2^32 were expected")]
    TooManyPictures(usize),
    /// Not one minibatch can be made.
    #[error("{pictures} pictures do not fill one minibatch of {batch_size}")]
    NoMinibatch {
        /// Pictures in the set.
        pictures: usize,
        /// Pictures a minibatch.
        batch_size: usize,
    },
    /// The key's index is out of range.
    #[error("there is no minibatch {index}: an epoch has {minibatches}")]
    Index {
        /// The index asked for.
        index: u32,
        /// Minibatches per epoch.
        minibatches: usize,
    },
}

/// The training pictures as a source of minibatches: a pure function of the key.
pub struct Loader {
    recipe: Arc<Recipe>,
    prefetcher: Option<Prefetcher>,
}

/// What a minibatch is made from.
struct Recipe {
    set: Arc<ImageSet>,
    plan: BatchPlan,
    augmentation: Augmentation,
    seed: u64,
}

impl Loader {
    /// A loader over `set`.
    ///
    /// # Errors
    /// [`LoaderError`] when the configuration allows no minibatch.
    pub fn new(set: Arc<ImageSet>, config: LoaderConfig) -> Result<Self, LoaderError> {
        let samples = u32::try_from(set.len()).map_err(|_| LoaderError::TooManyPictures(set.len()))?;
        let batch_size = u32::try_from(config.batch_size)
            .ok()
            .filter(|&size| size > 0)
            .ok_or(LoaderError::BatchSize(config.batch_size))?;
        let plan = BatchPlan::new(samples, batch_size, config.drop_last, config.seed);
        if plan.minibatches() == 0 {
            return Err(LoaderError::NoMinibatch { pictures: set.len(), batch_size: config.batch_size });
        }
        let recipe = Arc::new(Recipe { set, plan, augmentation: config.augmentation, seed: config.seed });
        let prefetcher = Prefetcher::new(&recipe, config.prefetch_depth);
        Ok(Self { recipe, prefetcher })
    }

    /// Which samples make which minibatch.
    pub fn plan(&self) -> &BatchPlan {
        &self.recipe.plan
    }

    /// The pictures.
    pub fn set(&self) -> &Arc<ImageSet> {
        &self.recipe.set
    }
}

impl MinibatchSource for Loader {
    type Batch = Batch;
    type Error = LoaderError;

    fn minibatches(&self) -> usize {
        self.recipe.plan.minibatches()
    }

    fn minibatch(&self, key: MinibatchKey) -> Result<Batch, LoaderError> {
        match self.prefetcher.as_ref().and_then(|prefetcher| prefetcher.take(key)) {
            Some(batch) => Ok(batch),
            None => self.recipe.minibatch(key),
        }
    }

    fn prefetch(&self, upcoming: &[MinibatchKey]) {
        if let Some(prefetcher) = &self.prefetcher {
            prefetcher.announce(upcoming);
        }
    }
}

impl Recipe {
    fn minibatch(&self, key: MinibatchKey) -> Result<Batch, LoaderError> {
        let indices = self
            .plan
            .indices(key.generation, key.index)
            .ok_or(LoaderError::Index { index: key.index, minibatches: self.plan.minibatches() })?;
        let batch = gather(&self.set, &indices, |sample| self.augmentation.draw(self.seed, key.transform, sample));
        let noise = Noise { key: key.transform.with_seed(self.seed), samples: indices };
        Ok(batch.with_noise(noise).expect("one picture was gathered for each index"))
    }
}

/// The pictures at `indices`, each with its own transform, normalised.
fn gather(set: &ImageSet, indices: &[u32], transform: impl Fn(u32) -> Transform + Sync) -> Batch {
    let lanes = |samples: &[u32]| {
        let pictures = samples.iter().map(|&sample| (set.picture(sample as usize), transform(sample)));
        apply_in_lanes(&pictures.collect::<Vec<_>>())
    };
    let blocks = indices.par_chunks(LANES).map(lanes).collect();
    let labels = indices.iter().map(|&sample| set.label(sample as usize).into()).collect();
    let [channels, height, width] = set.shape();
    Batch::from_blocks(blocks, [indices.len(), channels, height, width], labels)
        .expect("one picture and one label were gathered for each index")
}

/// The pictures in order, normalised and otherwise as they are, in batches of up to `batch_size`.
///
/// # Panics
/// When `batch_size` is 0.
pub fn test_batches(set: &ImageSet, batch_size: usize) -> impl Iterator<Item = Batch> + '_ {
    assert!(batch_size > 0, "a batch holds at least one picture");
    (0..set.len()).step_by(batch_size).map(move |start| {
        let indices: Vec<u32> = (start..set.len().min(start + batch_size)).map(|index| index as u32).collect();
        gather(set, &indices, |_| Transform::IDENTITY)
    })
}

#[cfg(test)]
mod tests;
