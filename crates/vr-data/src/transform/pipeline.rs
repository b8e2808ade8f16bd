//! How the pictures of a set come into the shape that a network takes.

use super::{Augmentation, Transforms, imagenet};

/// What the pictures of a set go through, to train and to test on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pipeline {
    /// Pictures that have the network's shape already, as CIFAR-10's: augmented at that shape, with values in [−1, 1].
    Direct,
    /// Pictures of any size that are brought to one as torchvision does it for ImageNet, with
    /// [its normalisation](imagenet).
    Resized {
        /// Rows and columns that come out.
        side: usize,
    },
}

impl Pipeline {
    /// For pictures to train on. Without augmentation they are resized as those to test on are.
    pub fn training(self, augmentation: Augmentation) -> Transforms {
        match (self, augmentation) {
            (Self::Direct, augmentation) => augmentation.transforms(),
            (Self::Resized { side }, Augmentation::Standard) => imagenet::training(side),
            (Self::Resized { side }, Augmentation::None) => imagenet::testing(side),
        }
    }

    /// For pictures to test on: none of its steps draws.
    pub fn testing(self) -> Transforms {
        match self {
            Self::Direct => Augmentation::None.transforms(),
            Self::Resized { side } => imagenet::testing(side),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::PictureShape;

    #[test]
    fn what_comes_out_has_the_networks_shape_and_tests_do_not_draw() {
        let any = PictureShape { channels: 3, size: None };
        for (pipeline, input) in [(Pipeline::Direct, [3, 48, 48].into()), (Pipeline::Resized { side: 48 }, any)] {
            for augmentation in [Augmentation::None, Augmentation::Standard] {
                assert_eq!(pipeline.training(augmentation).output(input).unwrap(), [3, 48, 48]);
                let fixed = pipeline.training(augmentation).check_fixed().is_ok();
                assert_eq!(fixed, augmentation == Augmentation::None);
            }
            assert_eq!(pipeline.testing().output(input).unwrap(), [3, 48, 48]);
            assert!(pipeline.testing().check_fixed().is_ok());
        }
    }
}
