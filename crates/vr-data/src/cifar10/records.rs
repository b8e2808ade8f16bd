//! Labels and pixels in records of 3,073 bytes.

use crate::{ImageSet, image_set::PICTURE_BYTES};

/// A label and the pixels of one picture.
pub const RECORD_BYTES: usize = 1 + PICTURE_BYTES;

/// Why bytes are not records.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
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
}

/// Splits records into labels and pixels.
///
/// # Errors
/// [`RecordError`] when the last record is cut off or a label is not below `classes`.
pub fn parse_records(bytes: &[u8], classes: usize) -> Result<(Vec<u8>, Vec<u8>), RecordError> {
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
        labels.push(label);
        pixels.extend_from_slice(picture);
    }
    Ok((labels, pixels))
}

/// The records of the pictures in `range`.
///
/// # Panics
/// When the range leaves the set.
pub fn write_records(set: &ImageSet, range: std::ops::Range<usize>) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(range.len() * RECORD_BYTES);
    for index in range {
        bytes.push(set.label(index));
        bytes.extend_from_slice(set.picture(index));
    }
    bytes
}
