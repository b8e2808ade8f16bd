//! What pictures of ImageNet go through, as with torchvision.

use super::{CentreCrop, Flip, Normalize, RandomResizedCrop, Resize, Transforms};

/// Mean of each channel over ImageNet, of values in [0, 1].
pub const MEANS: [f32; 3] = [0.485, 0.456, 0.406];
/// Standard deviation of each channel over ImageNet, of values in [0, 1].
pub const DEVIATIONS: [f32; 3] = [0.229, 0.224, 0.225];

/// Pictures to train on: a random part, from 8 % of the area up and of aspects from 3:4 to 4:3, at `side` rows and
/// columns, flipped with probability ½, and normalised by [`MEANS`] and [`DEVIATIONS`].
pub fn training(side: usize) -> Transforms {
    Transforms::new().then(RandomResizedCrop::new(side)).then(Flip).normalized(normalize())
}

/// Pictures to test on: the shorter side at 8⁄7 of `side` (256 for 224), and the middle `side` rows and columns of that.
pub fn testing(side: usize) -> Transforms {
    Transforms::new().then(Resize { shorter: shorter(side) }).then(CentreCrop { side }).normalized(normalize())
}

/// The shorter side that pictures to test on are resized to before the middle `side` rows and columns are taken.
pub fn shorter(side: usize) -> usize {
    side.saturating_mul(8).div_ceil(7)
}

fn normalize() -> Normalize {
    Normalize::by_channel(MEANS, DEVIATIONS)
}
