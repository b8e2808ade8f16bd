//! A crop at a random place of the padded picture.

use super::{Draws, Step, TransformError};
use crate::Picture;
use vr_core::random;

/// Puts `padding` zeros around a picture and cuts a picture of its former size out at a random place.
///
/// The zeros are there before the picture is normalised, so that its border is black and not grey, as with
/// torchvision's `RandomCrop` followed by `ToTensor` and `Normalize`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PadCrop {
    /// Zeros on each of the four sides.
    pub padding: u16,
}

impl PadCrop {
    /// Top and left edge of the crop within the padded picture, each in 0..=2·padding.
    pub fn draw(&self, draws: Draws) -> [usize; 2] {
        let [_, top, left, _] = draws.words(0);
        let places = 2 * u32::from(self.padding) + 1;
        [top, left].map(|word| random::below(word, places) as usize)
    }

    /// The crop whose corner lies at `[top, left]` of the padded picture.
    fn crop(&self, picture: &mut Picture<'_>, [top, left]: [usize; 2]) {
        let padding = usize::from(self.padding);
        if [top, left] == [padding; 2] {
            return;
        }
        let [_, height, width] = picture.shape();
        // Columns of the crop that show padding, at its left and at its right.
        let blank = [padding.saturating_sub(left), left.saturating_sub(padding)].map(|columns| columns.min(width));
        let (corner, middle) = (top * width + left, padding * width + padding);
        for plane in picture.bytes_mut().chunks_exact_mut(height * width) {
            let len = plane.len();
            let [from, to] = [corner.saturating_sub(middle), middle.saturating_sub(corner)].map(|n| n.min(len));
            plane.copy_within(from..len - to, to);
            plane[..to].fill(0);
            plane[len - from..].fill(0);
            // A plane moved as a whole: what left a row at one side came into the next at the other.
            for row in plane.chunks_exact_mut(width) {
                row[..blank[0]].fill(0);
                row[width - blank[1]..].fill(0);
            }
        }
    }
}

impl Step for PadCrop {
    fn is_random(&self) -> bool {
        true
    }

    fn apply<'a>(&self, mut picture: Picture<'a>, draws: Draws) -> Result<Picture<'a>, TransformError> {
        self.crop(&mut picture, self.draw(draws));
        Ok(picture)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The definition, word for word.
    fn slowly(step: PadCrop, picture: &Picture<'_>, [top, left]: [usize; 2]) -> Vec<u8> {
        let ([channels, height, width], padding) = (picture.shape(), usize::from(step.padding));
        let mut out = Vec::new();
        for (c, y, x) in (0..channels).flat_map(|c| (0..height).flat_map(move |y| (0..width).map(move |x| (c, y, x)))) {
            let (y, x) = ((y + top).checked_sub(padding), (x + left).checked_sub(padding));
            out.push(match (y, x) {
                (Some(y), Some(x)) if y < height && x < width => picture.bytes()[(c * height + y) * width + x],
                _ => 0,
            });
        }
        out
    }

    #[test]
    fn every_crop_is_what_its_definition_says() {
        for (shape, padding) in [([3, 32, 32], 4), ([1, 5, 9], 3), ([2, 9, 5], 1), ([3, 2, 2], 5), ([1, 1, 3], 2)] {
            let bytes: Vec<u8> = (0..shape.iter().product()).map(|i: usize| (i % 251 + 1) as u8).collect();
            let picture = Picture::new(shape, bytes).unwrap();
            let (step, places) = (PadCrop { padding }, 2 * usize::from(padding) + 1);
            for corner in (0..places).flat_map(|top| (0..places).map(move |left| [top, left])) {
                let mut cropped = picture.clone();
                step.crop(&mut cropped, corner);
                assert_eq!(cropped.bytes(), slowly(step, &picture, corner), "{shape:?} {padding} {corner:?}");
            }
        }
    }
}
