//! The binary format of CIFAR-10, for the official files and for sets that this crate wrote.
//!
//! A folder holds `data_batch_1.bin` … `data_batch_5.bin`, `test_batch.bin` and `batches.meta.txt`.
//! A record is a label byte and 3,072 pixel bytes: the red plane, the green, the blue, each row by row.
//! A set whose counts are not the official ones has a `set.json` beside them that says what they are.

mod error;
mod manifest;
mod records;
mod write;

pub use error::CifarError;
pub(crate) use manifest::read as read_manifest;
pub use manifest::{MANIFEST, Manifest};
pub use records::{RECORD_BYTES, RecordError, parse_records, write_records};
pub use write::write;

use crate::{Dataset, ImageSet};
use std::{
    collections::HashMap,
    fs, io,
    path::{Path, PathBuf},
};

/// `[channels, height, width]` of a picture.
pub const SHAPE: [usize; 3] = [3, 32, 32];
/// Bytes of a picture.
pub const PICTURE_BYTES: usize = SHAPE[0] * SHAPE[1] * SHAPE[2];
/// The official training files, in order.
pub const TRAIN_FILES: [&str; 5] =
    ["data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin", "data_batch_5.bin"];
/// The official test file.
pub const TEST_FILE: &str = "test_batch.bin";
/// The official list of classes, one a line.
pub const CLASSES_FILE: &str = "batches.meta.txt";
/// Records in each official file.
pub const OFFICIAL_RECORDS: usize = 10_000;
/// No list of classes or description is longer.
pub(crate) const LARGEST_TEXT: u64 = 1 << 16;
/// The classes of CIFAR-10.
pub const CLASSES: [&str; 10] =
    ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"];

/// Reads a folder, official or written by [`write()`].
///
/// # Errors
/// [`CifarError`], which names the file at fault and what was expected of it.
pub fn read(dir: impl AsRef<Path>) -> Result<Dataset, CifarError> {
    let dir = dir.as_ref();
    let manifest = read_manifest(dir)?;
    let missing = |name: &&str| !dir.join(name).is_file();
    all_there(dir, missing)?;
    assemble(dir, manifest, |name, size| {
        let path = dir.join(name);
        let Some(records) = size else { return Ok(vr_files::read(path, LARGEST_TEXT)?) };
        // The size is checked first, so that a wrong file, however large, is never read.
        let found = fs::metadata(&path).map_err(io_error(&path))?.len();
        check_size(&path, found, records)?;
        Ok(vr_files::read(path, found)?)
    })
}

/// The official files from memory; `source` is where errors say they came from.
pub(crate) fn from_files(source: &Path, files: &HashMap<&str, Vec<u8>>) -> Result<Dataset, CifarError> {
    all_there(source, |name| !files.contains_key(name))?;
    assemble(source, None, |name, size| {
        let bytes = files.get(name).cloned().unwrap_or_default();
        if let Some(records) = size {
            check_size(&source.join(name), bytes.len() as u64, records)?;
        }
        Ok(bytes)
    })
}

/// A missing file is reported with all that are missing, before anything large is read.
fn all_there(dir: &Path, missing: impl FnMut(&&str) -> bool) -> Result<(), CifarError> {
    let missing: Vec<&str> = file_names().filter(missing).collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(CifarError::Missing { dir: dir.to_owned(), missing: missing.join(", ") })
}

/// `file` gives the bytes of a file by name, and fails unless there are as many records as it is told.
fn assemble(
    dir: &Path,
    manifest: Option<Manifest>,
    file: impl Fn(&str, Option<usize>) -> Result<Vec<u8>, CifarError>,
) -> Result<Dataset, CifarError> {
    let records = manifest.as_ref().map_or([OFFICIAL_RECORDS; TRAIN_FILES.len() + 1], |manifest| manifest.records);
    let classes = parse_classes(dir, &file(CLASSES_FILE, None)?, manifest.is_none())?;
    let part = |name: &str, records| {
        parse_records(&file(name, Some(records))?, classes.len())
            .map_err(|source| CifarError::Record { file: dir.join(name), source })
    };
    let (mut labels, mut pixels) = (Vec::new(), Vec::new());
    for (name, records) in TRAIN_FILES.into_iter().zip(records) {
        let (more_labels, more_pixels) = part(name, records)?;
        labels.extend(more_labels);
        pixels.extend(more_pixels);
    }
    let set = |(labels, pixels)| {
        ImageSet::new(SHAPE, pixels, labels, classes.clone())
            .map_err(|source| CifarError::Set { dir: dir.to_owned(), source })
    };
    let name = manifest.map_or_else(|| "CIFAR-10".to_owned(), |manifest| manifest.name);
    Ok(Dataset { name, train: set((labels, pixels))?, test: set(part(TEST_FILE, records[TRAIN_FILES.len()])?)? })
}

fn check_size(file: &Path, found: u64, records: usize) -> Result<(), CifarError> {
    // A description may claim any number.
    let expected = (records as u64).saturating_mul(RECORD_BYTES as u64);
    if found == expected {
        return Ok(());
    }
    Err(CifarError::Size { file: file.to_owned(), found, expected, records })
}

fn file_names() -> impl Iterator<Item = &'static str> {
    TRAIN_FILES.into_iter().chain([TEST_FILE, CLASSES_FILE])
}

fn parse_classes(dir: &Path, text: &[u8], official: bool) -> Result<Vec<String>, CifarError> {
    let text = String::from_utf8_lossy(text);
    let classes: Vec<String> = text.lines().map(str::trim).filter(|line| !line.is_empty()).map(Into::into).collect();
    if classes.is_empty() || classes.len() > 256 || (official && classes.len() != CLASSES.len()) {
        let expected = if official { "10" } else { "1 to 256" };
        return Err(CifarError::Classes { file: dir.join(CLASSES_FILE), found: classes.len(), expected });
    }
    Ok(classes)
}

fn io_error(path: &Path) -> impl FnOnce(io::Error) -> CifarError {
    let file: PathBuf = path.to_owned();
    move |source| CifarError::Io { file, source }
}

#[cfg(test)]
mod tests;
