//! Pictures with labels, as the loaders hand them to the oracles.

use crate::{Key, LANES, LaneBlock};

/// A minibatch of pictures: `[N, C, H, W]` in `f32` with one label each, and in training with the names
/// of its random draws.
///
/// Sixteen pictures lie side by side in the lanes of a [`LaneBlock`], as the cpu engine reads them:
/// `[⌈N / 16⌉][C][H][W][16]`, with zeros where there is no picture.
#[derive(Clone, Debug, PartialEq)]
pub struct Batch {
    blocks: Vec<LaneBlock>,
    shape: [usize; 4],
    labels: Vec<u32>,
    noise: Option<Noise>,
}

/// Names what a network draws at random for a minibatch, such as dropout masks: equal keys give a
/// sample equal draws, whatever else is in its minibatch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Noise {
    /// The key of the minibatch's transforms: what locks the one locks the other.
    pub key: Key,
    /// The sample that each picture shows.
    pub samples: Vec<u32>,
}

impl Noise {
    /// Transforms draw below this.
    const FIRST_DRAW: u32 = 1 << 31;

    /// Four independent uniform words for picture `place`, in 0..N: block `draw` of them, below 2³¹.
    ///
    /// # Panics
    /// When `place` is not below the number of samples.
    pub fn words(&self, place: usize, draw: u32) -> [u32; 4] {
        self.key.words(self.samples[place], Self::FIRST_DRAW | draw)
    }
}

/// Why a batch could not be built.
#[derive(Debug, thiserror::Error, PartialEq)]
pub enum BatchError {
    /// The pixels do not fill the shape.
    #[error("{found} pixel values given for a batch of shape {shape:?}, which holds {}", shape.iter().product::<usize>())]
    Pixels {
        /// Values given.
        found: usize,
        /// `[N, C, H, W]`.
        shape: [usize; 4],
    },
    /// The lane blocks do not make up the shape.
    #[error(
        "{blocks} lane blocks given for a batch of shape {shape:?}; expected {} of {} values a picture each, zero where there is no picture",
        shape[0].div_ceil(LANES), shape[1..].iter().product::<usize>()
    )]
    Blocks {
        /// Blocks given.
        blocks: usize,
        /// `[N, C, H, W]`.
        shape: [usize; 4],
    },
    /// There is not one label a picture.
    #[error("{found} labels given for {expected} pictures")]
    Labels {
        /// Labels given.
        found: usize,
        /// Pictures.
        expected: usize,
    },
    /// There is not one sample's name a picture.
    #[error("noise for {found} samples given for {expected} pictures")]
    Noise {
        /// Samples given.
        found: usize,
        /// Pictures.
        expected: usize,
    },
}

impl Batch {
    /// Pixels `images` of shape `[N, C, H, W]`, row-major, and N labels.
    ///
    /// # Errors
    /// [`BatchError`] when the lengths disagree.
    pub fn new(images: &[f32], shape: [usize; 4], labels: Vec<u32>) -> Result<Self, BatchError> {
        if images.len() != shape.iter().product::<usize>() {
            return Err(BatchError::Pixels { found: images.len(), shape });
        }
        let len = shape[1..].iter().product::<usize>();
        let blocks = images.chunks((LANES * len).max(1)).map(|images| {
            let mut block = LaneBlock::zeros(len);
            for (lane, image) in images.chunks_exact(len).enumerate() {
                block.set(lane, image);
            }
            block
        });
        Self::from_blocks(blocks.collect(), shape, labels)
    }

    /// Pixels in lane blocks, which make up the shape `[N, C, H, W]`, and N labels.
    ///
    /// # Errors
    /// [`BatchError`] when the lengths disagree, or a lane without a picture is not zero.
    pub fn from_blocks(blocks: Vec<LaneBlock>, shape: [usize; 4], labels: Vec<u32>) -> Result<Self, BatchError> {
        let [pictures, ..] = shape;
        let len: usize = shape[1..].iter().product();
        let fits = |(i, block): (usize, &LaneBlock)| {
            block.len() == len && (pictures - i * LANES..LANES).all(|lane| block.lane(lane).all(|value| value == 0.0))
        };
        if blocks.len() != pictures.div_ceil(LANES) || !blocks.iter().enumerate().all(fits) {
            return Err(BatchError::Blocks { blocks: blocks.len(), shape });
        }
        if labels.len() != pictures {
            return Err(BatchError::Labels { found: labels.len(), expected: pictures });
        }
        Ok(Self { blocks, shape, labels, noise: None })
    }

    /// With the names of its random draws: a network with dropout then drops out.
    ///
    /// # Errors
    /// [`BatchError`] when there is not one sample a picture.
    pub fn with_noise(self, noise: Noise) -> Result<Self, BatchError> {
        if noise.samples.len() != self.len() {
            return Err(BatchError::Noise { found: noise.samples.len(), expected: self.len() });
        }
        Ok(Self { noise: Some(noise), ..self })
    }

    /// Number of pictures N.
    pub fn len(&self) -> usize {
        self.shape[0]
    }
    /// Whether there is no picture.
    pub fn is_empty(&self) -> bool {
        self.shape[0] == 0
    }
    /// `[N, C, H, W]`.
    pub fn shape(&self) -> [usize; 4] {
        self.shape
    }
    /// The pixels, row-major: a copy.
    pub fn images(&self) -> Vec<f32> {
        (0..self.len()).flat_map(|place| self.image(place)).collect()
    }
    /// The pixels of picture `place`, in 0..N, row-major.
    ///
    /// # Panics
    /// When `place` is not below N.
    pub fn image(&self, place: usize) -> impl Iterator<Item = f32> + '_ {
        self.blocks[place / LANES].lane(place % LANES)
    }
    /// The pixels in the lanes of ⌈N / 16⌉ blocks.
    pub fn blocks(&self) -> &[LaneBlock] {
        &self.blocks
    }
    /// The labels, in 0..classes.
    pub fn labels(&self) -> &[u32] {
        &self.labels
    }
    /// The names of its random draws; `None` for pictures to test on.
    pub fn noise(&self) -> Option<&Noise> {
        self.noise.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Stream;

    #[test]
    fn lengths_must_agree() {
        assert!(Batch::new(&[0.0; 12], [2, 3, 1, 2], vec![0, 1]).is_ok());
        assert!(matches!(Batch::new(&[0.0; 11], [2, 3, 1, 2], vec![0, 1]), Err(BatchError::Pixels { .. })));
        assert!(matches!(Batch::new(&[0.0; 12], [2, 3, 1, 2], vec![0]), Err(BatchError::Labels { .. })));
        assert!(Batch::new(&[], [0, 3, 1, 2], vec![]).unwrap().is_empty());
        assert_eq!(
            Batch::new(&[], [2, 0, 1, 2], vec![0, 1]),
            Err(BatchError::Blocks { blocks: 0, shape: [2, 0, 1, 2] })
        );
    }

    #[test]
    fn pictures_come_out_as_they_went_in() {
        for n in [1, 15, 16, 17, 33] {
            let images: Vec<f32> = (0..n * 6).map(|i| i as f32 + 1.0).collect();
            let batch = Batch::new(&images, [n, 3, 1, 2], vec![0; n]).unwrap();
            assert_eq!(batch.images(), images);
            assert_eq!(Batch::from_blocks(batch.blocks().to_vec(), batch.shape(), vec![0; n]), Ok(batch));
        }
    }

    #[test]
    fn blocks_must_make_up_the_shape() {
        let blocks = |count| vec![LaneBlock::zeros(6); count];
        let new = |blocks, n| Batch::from_blocks(blocks, [n, 3, 1, 2], vec![0; n]).is_ok();
        assert!(new(blocks(2), 17) && new(blocks(2), 32));
        assert!(!new(blocks(1), 17) && !new(blocks(3), 32), "too few, too many");
        assert!(!new(vec![LaneBlock::zeros(5)], 16), "another shape");
        let mut full = blocks(2);
        full[1].set(1, &[0.0, 0.0, 0.0, 0.0, 0.0, f32::NAN]);
        assert!(new(full.clone(), 18) && !new(full, 17), "a value where there is no picture");
    }

    #[test]
    fn noise_names_samples_and_not_places() {
        let noise = |samples: &[u32]| Noise { key: Key::new(1, Stream::LockedTransform), samples: samples.to_vec() };
        let two = Batch::new(&[0.0; 12], [2, 3, 1, 2], vec![0, 1]).unwrap();
        assert_eq!(two.noise(), None);
        assert_eq!(two.clone().with_noise(noise(&[5])), Err(BatchError::Noise { found: 1, expected: 2 }));
        let noisy = two.with_noise(noise(&[5, 9])).unwrap();
        let words = noisy.noise().unwrap().words(1, 3);
        assert_eq!(noise(&[9]).words(0, 3), words);
        assert_ne!(noise(&[9, 5]).words(1, 3), words);
        assert_ne!(noise(&[9]).key.words(9, 3), words, "a transform's draw");
    }
}
