//! Pictures with labels, as the loaders hand them to the oracles.

/// A minibatch of pictures: `[N, C, H, W]` in `f32`, row-major, with one label each.
#[derive(Clone, Debug, PartialEq)]
pub struct Batch {
    images: Vec<f32>,
    shape: [usize; 4],
    labels: Vec<u32>,
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
        Ok(Self { images, shape, labels })
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
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_must_agree() {
        assert!(Batch::new(vec![0.0; 12], [2, 3, 1, 2], vec![0, 1]).is_ok());
        assert!(matches!(Batch::new(vec![0.0; 11], [2, 3, 1, 2], vec![0, 1]), Err(BatchError::Pixels { .. })));
        assert!(matches!(Batch::new(vec![0.0; 12], [2, 3, 1, 2], vec![0]), Err(BatchError::Labels { .. })));
    }
}
