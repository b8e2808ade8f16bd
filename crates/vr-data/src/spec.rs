//! What minibatches look like, to be held against a network before anything is trained or written.

use crate::{ImageSet, TransformError, Transforms};
use serde::{Deserialize, Serialize};

/// The shape of the pictures in a minibatch, and how many classes their labels name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BatchSpec {
    /// `[channels, height, width]` of a picture.
    pub shape: [usize; 3],
    /// Classes: labels are below.
    pub classes: usize,
}

/// Why a network cannot be trained on a set.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum Misfit {
    /// The network takes pictures of another shape.
    #[error("the pictures come with shape {found:?}; the network takes {expected:?} (channels, height, width)")]
    Shape {
        /// Shape of the pictures.
        found: [usize; 3],
        /// Shape that the network takes.
        expected: [usize; 3],
    },
    /// The labels name more classes than the network tells apart.
    #[error("the pictures have labels of {found} classes; the network tells {expected} apart")]
    Classes {
        /// Classes of the set.
        found: usize,
        /// Classes of the network.
        expected: usize,
    },
}

impl BatchSpec {
    /// What comes of a set by way of `transforms`.
    ///
    /// # Errors
    /// [`TransformError`] when the pictures do not come out in one shape.
    pub fn of(set: &ImageSet, transforms: &Transforms) -> Result<Self, TransformError> {
        Ok(Self { shape: transforms.output(set.shape())?, classes: set.classes().len() })
    }

    /// Whether a network that takes pictures of shape `input` and tells `classes` classes apart can be trained on such
    /// minibatches. It may know more classes than the set.
    ///
    /// # Errors
    /// [`Misfit`] otherwise.
    pub fn check(&self, input: [usize; 3], classes: usize) -> Result<(), Misfit> {
        if self.shape != input {
            return Err(Misfit::Shape { found: self.shape, expected: input });
        }
        if self.classes > classes {
            return Err(Misfit::Classes { found: self.classes, expected: classes });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Augmentation;

    #[test]
    fn set_and_network_are_held_against_each_other() {
        let classes = (0..7).map(|class| class.to_string()).collect();
        let set = ImageSet::new([3, 48, 48], vec![0; 3 * 48 * 48], vec![6], classes).unwrap();
        let spec = BatchSpec::of(&set, &Augmentation::Standard.transforms()).unwrap();
        assert_eq!(spec, BatchSpec { shape: [3, 48, 48], classes: 7 });
        assert_eq!(spec.check([3, 48, 48], 7), Ok(()));
        assert_eq!(spec.check([3, 48, 48], 10), Ok(()));
        assert_eq!(spec.check([3, 48, 48], 6), Err(Misfit::Classes { found: 7, expected: 6 }));
        let error = spec.check([3, 32, 32], 7).unwrap_err().to_string();
        assert!(error.contains("[3, 48, 48]") && error.contains("[3, 32, 32]"), "{error}");
    }
}
