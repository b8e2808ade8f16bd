//! Minibatches by key, prepared ahead in the background.

mod prefetch;

use crate::{Augmentation, BatchPlan, BatchSpec, Draws, ImageSet, PictureError, TransformError, Transforms};
use prefetch::Prefetcher;
use rayon::prelude::*;
use std::sync::Arc;
use vr_core::{Batch, Key, LANES, MinibatchKey, MinibatchSource, Noise, Stream};

/// How training pictures become minibatches.
#[derive(Clone, Debug)]
pub struct LoaderConfig {
    /// Pictures a minibatch.
    pub batch_size: usize,
    /// Whether a short last minibatch is left out.
    pub drop_last: bool,
    /// What each picture goes through.
    pub transforms: Transforms,
    /// Governs permutations and transforms.
    pub seed: u64,
    /// How many minibatches may wait, ready, in memory; 0 prepares none ahead.
    pub prefetch_depth: usize,
}

impl Default for LoaderConfig {
    fn default() -> Self {
        let transforms = Augmentation::Standard.transforms();
        Self { batch_size: 128, drop_last: false, transforms, seed: 0, prefetch_depth: 4 }
    }
}

/// Why there is no minibatch.
#[derive(Debug, thiserror::Error)]
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
    /// The transforms do not fit the set.
    #[error(transparent)]
    Transforms(#[from] TransformError),
    /// A picture cannot be read.
    #[error(transparent)]
    Picture(#[from] PictureError),
    /// A picture does not get through the transforms.
    #[error("picture {sample}: {source}")]
    Sample {
        /// Which picture of the set.
        sample: u32,
        /// Why.
        source: TransformError,
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
    transforms: Transforms,
    spec: BatchSpec,
    seed: u64,
}

impl Loader {
    /// A loader over `set`.
    ///
    /// # Errors
    /// [`LoaderError`] when the configuration allows no minibatch, or the transforms do not bring the pictures to one
    /// shape.
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
        let spec = BatchSpec::of(&set, &config.transforms)?;
        let recipe = Arc::new(Recipe { set, plan, transforms: config.transforms, spec, seed: config.seed });
        let prefetcher = Prefetcher::new(&recipe, config.prefetch_depth);
        Ok(Self { recipe, prefetcher })
    }

    /// Which samples make which minibatch.
    pub fn plan(&self) -> &BatchPlan {
        &self.recipe.plan
    }

    /// The shape of the pictures in a minibatch, and how many classes there are.
    pub fn spec(&self) -> BatchSpec {
        self.recipe.spec
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
        let key = key.transform.with_seed(self.seed);
        let batch = gather(&self.set, &self.transforms, self.spec.shape, &indices, key)?;
        Ok(batch.with_noise(Noise { key, samples: indices }).expect("one picture was gathered for each index"))
    }
}

/// The pictures at `indices`, each with its own draws, in `shape` and normalised.
fn gather(
    set: &ImageSet,
    transforms: &Transforms,
    shape: [usize; 3],
    indices: &[u32],
    key: Key,
) -> Result<Batch, LoaderError> {
    let transformed = |&sample: &u32| {
        let failed = |source| LoaderError::Sample { sample, source };
        let draws = Draws { key, sample };
        let mut done = 0;
        let picture = set.part(sample as usize, |size| {
            let part = transforms.part(size, draws);
            done = usize::from(part.is_some());
            part
        })?;
        let picture = transforms.apply_from(done, picture, draws).map_err(failed)?;
        match picture.shape() {
            found if found == shape => Ok(picture),
            found => Err(failed(TransformError::Output { steps: transforms.names(), found, expected: shape })),
        }
    };
    // A picture that is decoded is work enough for a thread; one in memory is not.
    let together = if set.pixels().is_some() { LANES } else { 1 };
    let lanes = |samples: &[u32]| {
        let pictures = samples.par_iter().with_min_len(together).map(transformed).collect::<Result<Vec<_>, _>>()?;
        Ok(transforms.normalize().lanes(&pictures, shape))
    };
    let blocks = indices.par_chunks(LANES).map(lanes).collect::<Result<_, LoaderError>>()?;
    let labels = indices.iter().map(|&sample| set.label(sample as usize).into()).collect();
    let [channels, height, width] = shape;
    Ok(Batch::from_blocks(blocks, [indices.len(), channels, height, width], labels)
        .expect("one picture and one label were gathered for each index"))
}

/// The pictures in order by way of `transforms`, none of which may be random, in batches of up to `batch_size`.
///
/// Each batch is a [`LoaderError`] instead when `batch_size` is 0, the transforms do not fit the set, or a picture
/// cannot be read.
pub fn test_batches<'a>(
    set: &'a ImageSet,
    transforms: &'a Transforms,
    batch_size: usize,
) -> impl Iterator<Item = Result<Batch, LoaderError>> + 'a {
    (0..set.len().div_ceil(batch_size.max(1))).map(move |index| test_batch(set, transforms, batch_size, index))
}

/// Batch `index` of [`test_batches`]; an empty one is there only of an index beyond the last.
///
/// # Errors
/// As each of [`test_batches`].
pub fn test_batch(
    set: &ImageSet,
    transforms: &Transforms,
    batch_size: usize,
    index: usize,
) -> Result<Batch, LoaderError> {
    if batch_size == 0 {
        return Err(LoaderError::BatchSize(0));
    }
    transforms.check_fixed()?;
    let shape = transforms.output(set.shape())?;
    let start = index.saturating_mul(batch_size).min(set.len());
    let indices: Vec<u32> =
        (start..set.len().min(start.saturating_add(batch_size))).map(|index| index as u32).collect();
    // Nothing draws, so no key matters.
    gather(set, transforms, shape, &indices, Key::new(0, Stream::User))
}

#[cfg(test)]
mod tests;
