//! One picture: a byte for each value, channels first.

use crate::resample::{self, Part};
use std::borrow::Cow;

/// The bytes of a picture of shape `[channels, height, width]`: plane after plane, each row by row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture<'a> {
    shape: [usize; 3],
    bytes: Cow<'a, [u8]>,
}

/// What shape the pictures of a set have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PictureShape {
    /// Channels of every picture.
    pub channels: usize,
    /// Rows and columns of every picture; `None` where each has its own.
    pub size: Option<[usize; 2]>,
}

impl PictureShape {
    /// `[channels, height, width]`; `None` where each picture has a size of its own.
    pub fn fixed(self) -> Option<[usize; 3]> {
        self.size.map(|[height, width]| [self.channels, height, width])
    }

    /// Whether a picture of shape `[channels, height, width]` is such a picture.
    pub fn fits(self, [channels, height, width]: [usize; 3]) -> bool {
        channels == self.channels && self.size.is_none_or(|size| size == [height, width])
    }
}

impl From<[usize; 3]> for PictureShape {
    fn from([channels, height, width]: [usize; 3]) -> Self {
        Self { channels, size: Some([height, width]) }
    }
}

/// Why there is no picture.
#[derive(Debug, thiserror::Error)]
pub enum PictureError {
    /// The bytes do not fill the shape.
    #[error("{found} bytes for a picture of shape {shape:?}, which holds {}", shape.iter().product::<usize>())]
    Length {
        /// Bytes given.
        found: usize,
        /// `[channels, height, width]`.
        shape: [usize; 3],
    },
    /// A reader gave a picture of a shape that its set does not have.
    #[error("picture {index} has shape {found:?}; for every picture of the set {expected:?} was expected")]
    Shape {
        /// Which picture.
        index: usize,
        /// Its shape.
        found: [usize; 3],
        /// The shape of the set.
        expected: PictureShape,
    },
    /// A part was asked for that the picture does not have.
    #[error("a picture of {} rows and {} columns does not have the part {part:?}", size[0], size[1])]
    Part {
        /// Rows and columns of the picture.
        size: [usize; 2],
        /// The part.
        part: Part,
    },
    /// It cannot be read or decoded.
    #[error("cannot read picture {name}: {source}")]
    Read {
        /// Its file, or what else names it.
        name: String,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// Reads the pictures of a set when they are asked for.
pub trait ReadPicture: std::fmt::Debug + Send + Sync {
    /// Picture `index`, which is below the number of labels that the set was made with. Equal indices give equal
    /// pictures.
    ///
    /// # Errors
    /// [`PictureError`], which names the picture.
    fn read(&self, index: usize) -> Result<Picture<'_>, PictureError>;

    /// A part of picture `index` at another size. `part` says which, by the picture's rows and columns, or names none:
    /// then this is [`read`](Self::read). Otherwise it is what [`Picture::resampled`] makes of the whole picture, which
    /// need not be decoded whole for it.
    ///
    /// # Errors
    /// [`PictureError`], which names the picture.
    fn read_part(
        &self,
        index: usize,
        part: &mut dyn FnMut([usize; 2]) -> Option<Part>,
    ) -> Result<Picture<'_>, PictureError> {
        let picture = self.read(index)?;
        let [_, height, width] = picture.shape();
        match part([height, width]) {
            Some(part) => picture.resampled(part),
            None => Ok(picture),
        }
    }
}

impl<'a> Picture<'a> {
    /// A picture of shape `[channels, height, width]`.
    ///
    /// # Errors
    /// [`PictureError::Length`] when the bytes do not fill the shape.
    pub fn new(shape: [usize; 3], bytes: impl Into<Cow<'a, [u8]>>) -> Result<Self, PictureError> {
        let bytes = bytes.into();
        if shape.iter().try_fold(1_usize, |n, &side| n.checked_mul(side)) != Some(bytes.len()) {
            return Err(PictureError::Length { found: bytes.len(), shape });
        }
        Ok(Self { shape, bytes })
    }

    /// `[channels, height, width]`.
    pub fn shape(&self) -> [usize; 3] {
        self.shape
    }
    /// A part at another size: bilinear, over as many pixels as each that comes out stands for, with Pillow's bytes.
    ///
    /// # Errors
    /// [`PictureError::Part`] when the picture has no such part.
    pub fn resampled(&self, part: Part) -> Result<Picture<'static>, PictureError> {
        let [channels, height, width] = self.shape;
        if !part.lies_in([height, width]) {
            return Err(PictureError::Part { size: [height, width], part });
        }
        let planes = self.bytes.chunks_exact(height * width).flat_map(|plane| resample::plane(plane, width, part));
        Picture::new([channels, part.to[0], part.to[1]], planes.collect::<Vec<u8>>())
    }

    /// The same picture, whose bytes belong to this one.
    pub fn borrowed(&self) -> Picture<'_> {
        Picture { shape: self.shape, bytes: Cow::Borrowed(&self.bytes) }
    }

    /// The same picture with bytes of its own.
    pub fn into_owned(self) -> Picture<'static> {
        Picture { shape: self.shape, bytes: Cow::Owned(self.bytes.into_owned()) }
    }

    /// All bytes, plane after plane.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
    /// All bytes, to be changed: a copy where they belong to somebody else.
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        self.bytes.to_mut()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_must_fill_the_shape() {
        assert!(Picture::new([3, 2, 5], vec![0; 30]).is_ok());
        assert!(matches!(Picture::new([3, 2, 5], vec![0; 29]), Err(PictureError::Length { found: 29, .. })));
        assert!(Picture::new([usize::MAX, 2, 1], vec![0; usize::MAX.wrapping_mul(2) & 1]).is_err(), "no wrapping");
    }

    #[test]
    fn a_change_leaves_the_original_as_it_is() {
        let bytes = [1, 2];
        let mut picture = Picture::new([1, 1, 2], &bytes[..]).unwrap();
        picture.bytes_mut()[0] = 9;
        assert_eq!((picture.bytes(), bytes), (&[9, 2][..], [1, 2]));
    }
}
