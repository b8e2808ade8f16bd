//! Pictures of any size brought to one.

use super::{Draws, Step, TransformError};
use crate::{Part, Picture, PictureShape};
use vr_core::random;

/// Brings the shorter side to `shorter` pixels; the other keeps its proportion, rounded down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resize {
    /// Pixels of the shorter side.
    pub shorter: usize,
}

impl Resize {
    fn size(&self, [height, width]: [usize; 2]) -> [usize; 2] {
        let long = |long: usize, short: usize| (self.shorter * long / short.max(1)).max(1);
        if height < width { [self.shorter, long(width, height)] } else { [long(height, width), self.shorter] }
    }
}

impl Step for Resize {
    fn output(&self, input: PictureShape) -> Result<PictureShape, TransformError> {
        Ok(PictureShape { size: input.size.map(|size| self.size(size)), ..input })
    }

    fn is_random(&self) -> bool {
        false
    }

    fn part(&self, size: [usize; 2], _draws: Draws) -> Option<Part> {
        Some(Part::whole(size, self.size(size)))
    }

    fn apply<'a>(&self, picture: Picture<'a>, _draws: Draws) -> Result<Picture<'a>, TransformError> {
        let [_, height, width] = picture.shape();
        Ok(picture.resampled(Part::whole([height, width], self.size([height, width])))?)
    }
}

/// Cuts a square out of the middle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CentreCrop {
    /// Rows and columns of the square.
    pub side: usize,
}

impl Step for CentreCrop {
    fn output(&self, input: PictureShape) -> Result<PictureShape, TransformError> {
        match input.fixed() {
            Some(shape) if shape[1].min(shape[2]) < self.side => Err(too_small(self, shape, self.side)),
            _ => Ok(PictureShape { size: Some([self.side; 2]), ..input }),
        }
    }

    fn is_random(&self) -> bool {
        false
    }

    fn apply<'a>(&self, picture: Picture<'a>, _draws: Draws) -> Result<Picture<'a>, TransformError> {
        let shape @ [channels, height, width] = picture.shape();
        if height.min(width) < self.side {
            return Err(too_small(self, shape, self.side));
        }
        // Half a pixel goes to the even corner, as where the crop is torchvision's.
        let [top, left] = [height, width].map(|side| ((side - self.side) as f64 / 2.0).round_ties_even() as usize);
        let planes = picture.bytes().chunks_exact(height * width);
        let rows = planes.flat_map(|plane| plane.chunks_exact(width).skip(top).take(self.side));
        let bytes: Vec<u8> = rows.flat_map(|row| &row[left..][..self.side]).copied().collect();
        Ok(Picture::new([channels, self.side, self.side], bytes)?)
    }
}

fn too_small(step: &impl Step, shape: [usize; 3], side: usize) -> TransformError {
    TransformError::Shape { step: format!("{step:?}"), shape, expected: format!("at least {side} rows and columns") }
}

/// Resizes a random part of the picture to a square: a share of its area, of a random aspect, at a random place.
///
/// Ten parts are drawn, and the first that fits is taken, as by torchvision's `RandomResizedCrop`: the share uniform in
/// `area`, the logarithm of width over height uniform between those of `aspect`. When none fits, the largest part in the
/// middle whose aspect is allowed is taken.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RandomResizedCrop {
    /// Rows and columns of the square.
    pub side: usize,
    /// Least and greatest share of the picture's area, in (0, 1].
    pub area: [f64; 2],
    /// Least and greatest width over height.
    pub aspect: [f64; 2],
}

impl RandomResizedCrop {
    /// The block of the first try's draws.
    pub(super) const FIRST_BLOCK: u32 = 16;
    const TRIES: u32 = 10;

    /// Shares from 8 % up and aspects from 3:4 to 4:3.
    pub fn new(side: usize) -> Self {
        Self { side, area: [0.08, 1.0], aspect: [3.0 / 4.0, 4.0 / 3.0] }
    }

    fn draw(&self, draws: Draws, [height, width]: [usize; 2]) -> Part {
        let between = |word, [low, high]: [f64; 2]| low + (high - low) * random::uniform(word);
        for attempt in 0..Self::TRIES {
            let [area, aspect, top, left] = draws.words(Self::FIRST_BLOCK + attempt);
            let area = between(area, self.area) * (height * width) as f64;
            let aspect = between(aspect, self.aspect.map(f64::ln)).exp();
            let size =
                [(area / aspect).sqrt().round_ties_even() as usize, (area * aspect).sqrt().round_ties_even() as usize];
            if (1..=height).contains(&size[0]) && (1..=width).contains(&size[1]) {
                let place = |word, room: usize| random::below(word, room as u32 + 1) as usize;
                let corner = [place(top, height - size[0]), place(left, width - size[1])];
                return Part { corner, size, to: [self.side; 2] };
            }
        }
        let aspect = (width as f64 / height as f64).clamp(self.aspect[0], self.aspect[1]);
        let [rows, columns] =
            [width as f64 / aspect, height as f64 * aspect].map(|side| side.round_ties_even() as usize);
        let size = [rows.clamp(1, height), columns.clamp(1, width)];
        Part { corner: [(height - size[0]) / 2, (width - size[1]) / 2], size, to: [self.side; 2] }
    }
}

impl Step for RandomResizedCrop {
    fn output(&self, input: PictureShape) -> Result<PictureShape, TransformError> {
        Ok(PictureShape { size: Some([self.side; 2]), ..input })
    }

    fn is_random(&self) -> bool {
        true
    }

    fn part(&self, size: [usize; 2], draws: Draws) -> Option<Part> {
        Some(self.draw(draws, size))
    }

    fn apply<'a>(&self, picture: Picture<'a>, draws: Draws) -> Result<Picture<'a>, TransformError> {
        let [_, height, width] = picture.shape();
        Ok(picture.resampled(self.draw(draws, [height, width]))?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use vr_core::{Key, Stream};

    fn draws(sample: u32) -> Draws {
        Draws { key: Key::new(5, Stream::LockedTransform), sample }
    }

    fn picture(height: usize, width: usize) -> Picture<'static> {
        Picture::new([3, height, width], (0..3 * height * width).map(|i| (i / 3) as u8).collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn the_shorter_side_is_brought_to_size_and_the_middle_is_cut_out() {
        let steps = |picture| {
            let resized = Resize { shorter: 8 }.apply(picture, draws(0)).unwrap();
            (resized.shape(), CentreCrop { side: 6 }.apply(resized, draws(0)).unwrap().shape())
        };
        assert_eq!(steps(picture(16, 33)), ([3, 8, 16], [3, 6, 6]));
        assert_eq!(steps(picture(5, 4)), ([3, 10, 8], [3, 6, 6]));
        let cut = CentreCrop { side: 2 }.apply(picture(4, 6), draws(0)).unwrap();
        let whole = picture(4, 6);
        assert_eq!(cut.bytes()[..4], [8, 9, 14, 15].map(|place| whole.bytes()[place]));
        assert!(CentreCrop { side: 5 }.apply(picture(4, 6), draws(0)).is_err());
        assert!(CentreCrop { side: 5 }.output([3, 4, 6].into()).is_err());
    }

    #[test]
    fn every_drawn_part_lies_in_the_picture_and_has_an_allowed_area_and_aspect() {
        let crop = RandomResizedCrop::new(24);
        for (height, width) in [(100, 140), (331, 250)] {
            for sample in 0..2000 {
                let Part { corner, size, .. } = crop.draw(draws(sample), [height, width]);
                assert!(corner[0] + size[0] <= height && corner[1] + size[1] <= width);
                let (area, aspect) = ((size[0] * size[1]) as f64, size[1] as f64 / size[0] as f64);
                assert!((0.075..=1.005).contains(&(area / (height * width) as f64)), "{area}");
                assert!((0.7..1.42).contains(&aspect), "{aspect}");
            }
        }
        // Nothing fits: the middle, as wide as allowed.
        assert_eq!(crop.draw(draws(0), [10, 1000]), Part { corner: [0, 493], size: [10, 13], to: [24; 2] });
        assert_eq!(crop.draw(draws(0), [1000, 9]), Part { corner: [494, 0], size: [12, 9], to: [24; 2] });
    }

    #[test]
    fn a_crop_is_a_function_of_its_draws() {
        let crop = RandomResizedCrop::new(24);
        let apply = |sample| crop.apply(picture(50, 70), draws(sample)).unwrap();
        assert_eq!(apply(1), apply(1));
        assert_ne!(apply(1), apply(2));
        assert_eq!(apply(1).shape(), crop.output(PictureShape { channels: 3, size: None }).unwrap().fixed().unwrap());
    }
}
