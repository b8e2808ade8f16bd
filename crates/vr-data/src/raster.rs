//! A decoded picture as a decoder leaves it.

use crate::{
    Picture, PictureError,
    resample::{self, Part},
};
use std::borrow::Cow;

/// Rows of pixels from the top, the values of a pixel side by side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Raster<'a> {
    /// Rows and columns of the picture.
    size: [usize; 2],
    /// Values of a pixel: 1 where all three channels are equal, else 3.
    channels: usize,
    /// As many rows as there are.
    bytes: Cow<'a, [u8]>,
}

impl<'a> Raster<'a> {
    /// The first rows of a picture of `size` rows and columns.
    pub(crate) fn new(
        size: [usize; 2],
        channels: usize,
        bytes: impl Into<Cow<'a, [u8]>>,
    ) -> Result<Self, PictureError> {
        let bytes = bytes.into();
        let [height, width] = size;
        let row = width.checked_mul(channels).filter(|&row| row > 0 && bytes.len().is_multiple_of(row));
        match row {
            Some(row) if (1..=height).contains(&(bytes.len() / row)) => Ok(Self { size, channels, bytes }),
            _ => Err(PictureError::Length { found: bytes.len(), shape: [channels, height, width] }),
        }
    }

    /// Rows that are there.
    fn rows(&self) -> usize {
        self.bytes.len() / (self.size[1] * self.channels)
    }

    /// Bytes that there are.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Red, green and blue plane of the whole picture.
    pub(crate) fn to_picture(&self) -> Result<Picture<'static>, PictureError> {
        let planes = match self.channels {
            1 => self.bytes.repeat(3),
            _ => {
                let pixels = self.bytes.as_chunks::<3>().0;
                let mut planes = Vec::with_capacity(self.bytes.len());
                for channel in 0..3 {
                    planes.extend(pixels.iter().map(|pixel| pixel[channel]));
                }
                planes
            }
        };
        Picture::new([3, self.size[0], self.size[1]], planes)
    }

    /// A part at another size: red, green and blue plane.
    pub(crate) fn resampled(&self, part: Part) -> Result<Picture<'static>, PictureError> {
        let [_, width] = self.size;
        if !part.lies_in([self.rows(), width]) {
            return Err(PictureError::Part { size: self.size, part });
        }
        let planes = match self.channels {
            1 => resample::plane(&self.bytes, width, part).repeat(3),
            _ => resample::rgb(&self.bytes, width, part),
        };
        Picture::new([3, part.to[0], part.to[1]], planes)
    }
}
