//! Pictures with labels, as the loaders hand them to the oracles.

use crate::Key;

/// A minibatch of pictures: `[N, C, H, W]` in `f32`, row-major, with one label each, and in training
/// with the names of its random draws.
#[derive(Clone, Debug, PartialEq)]
pub struct Batch {
    images: Vec<f32>,
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
    /// Pixels `images` of shape `[N, C, H, W]` and N labels.
    ///
    /// # Errors
    /// [`BatchError`] when the lengths disagree.
    pub fn new(images: Vec<f32>, shape: [usize; 4], labels: Vec<u32>) -> Result<Self, BatchError> {
        if images.len() != shape.iter().product::<usize>() {
            return Err(BatchError::Pixels { found: images.len(), shape });
        }
        if labels.len() != shape[0] {
            return Err(BatchError::Labels { found: labels.len(), expected: shape[0] });
        }
        Ok(Self { images, shape, labels, noise: None })
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
    /// The pixels, row-major.
    pub fn images(&self) -> &[f32] {
        &self.images
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
        assert!(Batch::new(vec![0.0; 12], [2, 3, 1, 2], vec![0, 1]).is_ok());
        assert!(matches!(Batch::new(vec![0.0; 11], [2, 3, 1, 2], vec![0, 1]), Err(BatchError::Pixels { .. })));
        assert!(matches!(Batch::new(vec![0.0; 12], [2, 3, 1, 2], vec![0]), Err(BatchError::Labels { .. })));
    }

    #[test]
    fn noise_names_samples_and_not_places() {
        let noise = |samples: &[u32]| Noise { key: Key::new(1, Stream::LockedTransform), samples: samples.to_vec() };
        let two = Batch::new(vec![0.0; 12], [2, 3, 1, 2], vec![0, 1]).unwrap();
        assert_eq!(two.noise(), None);
        assert_eq!(two.clone().with_noise(noise(&[5])), Err(BatchError::Noise { found: 1, expected: 2 }));
        let noisy = two.with_noise(noise(&[5, 9])).unwrap();
        let words = noisy.noise().unwrap().words(1, 3);
        assert_eq!(noise(&[9]).words(0, 3), words);
        assert_ne!(noise(&[9, 5]).words(1, 3), words);
        assert_ne!(noise(&[9]).key.words(9, 3), words, "a transform's draw");
    }
}
