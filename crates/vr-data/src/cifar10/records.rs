//! Labels and pixels in records of 3,073 bytes.

use super::{PICTURE_BYTES, SHAPE};
use crate::{ImageSet, PictureError};

/// A label and the pixels of one picture.
pub const RECORD_BYTES: usize = 1 + PICTURE_BYTES;

/// Why bytes are not records, or pictures cannot be.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// The last record is cut off.
    #[error("{found} bytes are not a whole number of records of {RECORD_BYTES} bytes")]
    Truncated {
        /// Bytes given.
        found: usize,
    },
    /// A label names no class.
    #[error("record {record} has label {label}; there are {classes} classes, so 0 to {} was expected", classes.saturating_sub(1))]
    Label {
        /// Which record, from 0.
        record: usize,
        /// Its label.
        label: u8,
        /// Number of classes.
        classes: usize,
    },
    /// The format knows pictures of one shape and labels of one byte.
    #[error(
        "a record holds a picture of shape {SHAPE:?} and a label below 256; the set has pictures of shape {shape:?} in \
         {classes} classes"
    )]
    Format {
        /// `[channels, height, width]` of the set's pictures, where they have one.
        shape: Option<[usize; 3]>,
        /// Number of classes.
        classes: usize,
    },
    /// A picture cannot be read.
    #[error(transparent)]
    Picture(#[from] PictureError),
}

/// Splits records into labels and pixels.
///
/// # Errors
/// [`RecordError`] when the last record is cut off or a label is not below `classes`.
pub fn parse_records(bytes: &[u8], classes: usize) -> Result<(Vec<u16>, Vec<u8>), RecordError> {
    let records = bytes.chunks_exact(RECORD_BYTES);
    if !records.remainder().is_empty() {
        return Err(RecordError::Truncated { found: bytes.len() });
    }
    let mut labels = Vec::with_capacity(records.len());
    let mut pixels = Vec::with_capacity(records.len() * PICTURE_BYTES);
    for (record, content) in records.enumerate() {
        let (&label, picture) = content.split_first().expect("a record is not empty");
        if usize::from(label) >= classes {
            return Err(RecordError::Label { record, label, classes });
        }
        labels.push(label.into());
        pixels.extend_from_slice(picture);
    }
    Ok((labels, pixels))
}

/// The records of the pictures in `range`.
///
/// # Errors
/// [`RecordError`] when the set does not fit the format or a picture cannot be read.
///
/// # Panics
/// When the range leaves the set.
pub fn write_records(set: &ImageSet, range: std::ops::Range<usize>) -> Result<Vec<u8>, RecordError> {
    let misfit = || RecordError::Format { shape: set.shape().fixed(), classes: set.classes().len() };
    if set.shape() != SHAPE.into() || set.classes().len() > 1 << 8 {
        return Err(misfit());
    }
    let mut bytes = Vec::with_capacity(range.len() * RECORD_BYTES);
    for index in range {
        bytes.push(u8::try_from(set.label(index)).map_err(|_| misfit())?);
        bytes.extend_from_slice(set.picture(index)?.bytes());
    }
    Ok(bytes)
}
