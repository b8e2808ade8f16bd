//! Bringing pictures from elsewhere into the CIFAR-10 binary format.

mod archive;
mod error;
mod folder;
mod pictures;

pub use error::ImportError;

use crate::{Dataset, DatasetInfo, cifar10};
use pictures::{Pictures, decode_all};
use std::path::Path;

/// Imports a picture set into the folder `dest`.
///
/// `from` is one of: the official archive `cifar-10-binary.tar.gz`; a folder of its files; a folder with
/// `train/<class>/*.png` and `test/<class>/*.png` (or `.jpg`, `.jpeg`) of 32×32 pixels; a `.tar.gz` of
/// such a folder. Classes in alphabetical order are the labels 0, 1, ….
///
/// Names in an archive are only ever compared, links and devices are not followed, and sizes are bounded
/// before anything is read: 1 MiB a picture, 2¹⁸ pictures, 1 GiB of them or of an unpacked archive.
///
/// `dest` appears whole or not at all, and what is there stays unless `replace` is given.
///
/// # Errors
/// [`ImportError`]; `dest` then holds what it held or the whole new set, and never a part.
pub fn import_cifar10(
    from: impl AsRef<Path>,
    dest: impl AsRef<Path>,
    replace: bool,
) -> Result<DatasetInfo, ImportError> {
    let (from, dest) = (from.as_ref(), dest.as_ref());
    let set = load(from)?;
    cifar10::write(dest, &set, replace)?;
    let info = set.info();
    tracing::info!(from = %from.display(), to = %dest.display(), train = set.train.len(), test = set.test.len(), "imported");
    Ok(info)
}

/// What a source turned out to hold.
enum Found {
    /// CIFAR-10 files.
    Set(Dataset),
    /// Picture files.
    Pictures(Pictures),
}

/// Reads a picture set from any source of [`import_cifar10`], and writes nothing.
///
/// # Errors
/// [`ImportError`].
pub fn load(from: impl AsRef<Path>) -> Result<Dataset, ImportError> {
    let from = from.as_ref();
    let found = if from.is_dir() { folder::scan(from)? } else { archive::scan(from)? };
    match found {
        Found::Set(set) => Ok(set),
        Found::Pictures(pictures) if pictures.is_empty() => Err(ImportError::Nothing { path: from.to_owned() }),
        Found::Pictures(pictures) => decode_all(from, pictures),
    }
}

#[cfg(test)]
pub(crate) mod tests;
