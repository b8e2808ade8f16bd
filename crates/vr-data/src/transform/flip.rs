//! Left and right exchanged.

use super::{Draws, Step, TransformError};
use crate::Picture;
use vr_core::random;

/// Exchanges left and right with probability ½.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flip;

impl Flip {
    /// Whether a sample is flipped.
    pub fn draw(&self, draws: Draws) -> bool {
        random::below(draws.words(0)[0], 2) == 1
    }
}

impl Step for Flip {
    fn is_random(&self) -> bool {
        true
    }

    fn apply<'a>(&self, mut picture: Picture<'a>, draws: Draws) -> Result<Picture<'a>, TransformError> {
        if self.draw(draws) {
            let [.., width] = picture.shape();
            picture.bytes_mut().chunks_exact_mut(width).for_each(<[u8]>::reverse);
        }
        Ok(picture)
    }
}
