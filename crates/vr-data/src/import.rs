//! Bringing pictures from elsewhere into the CIFAR-10 binary format.

mod archive;
mod entry;
mod error;
pub(crate) mod folder;
pub mod imagenet;
mod member;
pub(crate) mod pictures;
pub(crate) mod place;
mod report;

pub use error::ImportError;
pub use report::{Imported, Loaded, PassedOver};

use crate::{Dataset, cifar10};
use pictures::{Pictures, decode_all};
use report::Tally;
use std::path::Path;

/// Imports a picture set into the folder `dest`.
///
/// `from` is one of: the official archive `cifar-10-binary.tar.gz`; a folder of its files; a folder with
/// `train/<class>/*.png` and `test/<class>/*.png` (or `.jpg`, `.jpeg`) of 32×32 pixels; a `.tar.gz` of
/// such a folder. Classes in alphabetical order are the labels 0, 1, ….
///
/// A picture is read whole or the import fails: one that is cut off, a link, of another kind or in another place is
/// refused, as is a class without pictures. What is no picture by name and place, such as hidden files, is counted and
/// listed in [`Imported::passed_over`].
///
/// Names in an archive are only ever compared, links and devices are not followed, and sizes are bounded
/// before anything is read: 64 KiB a name, 1 MiB a picture, 2¹⁸ pictures, 1 GiB of them or of an unpacked archive.
/// Decoding a picture takes at most 16 MiB.
///
/// `dest` appears whole or not at all, and what is there stays unless `replace` is given.
///
/// # Errors
/// [`ImportError`]; `dest` then holds what it held or the whole new set, and never a part.
pub fn import_cifar10(from: impl AsRef<Path>, dest: impl AsRef<Path>, replace: bool) -> Result<Imported, ImportError> {
    let (from, dest) = (from.as_ref(), dest.as_ref());
    let Loaded { set, passed_over } = load(from)?;
    cifar10::write(dest, &set, replace)?;
    tracing::info!(from = %from.display(), to = %dest.display(), train = set.train.len(), test = set.test.len(), "imported");
    Ok(Imported { info: set.info(), passed_over })
}

/// The forms of a source.
const EXPECTED: &str = "the CIFAR-10 files (data_batch_1.bin … data_batch_5.bin, test_batch.bin, batches.meta.txt), or \
                        train/<class>/ and test/<class>/ with .png or .jpg files";

/// What a source turned out to hold.
enum Found {
    /// CIFAR-10 files, and what is beside them.
    Set(Box<Dataset>, Tally),
    /// Picture files.
    Pictures(Pictures<Vec<u8>>),
}

/// Reads a picture set from any source of [`import_cifar10`], and writes nothing.
///
/// # Errors
/// [`ImportError`].
pub fn load(from: impl AsRef<Path>) -> Result<Loaded, ImportError> {
    let from = from.as_ref();
    let found = if from.is_dir() { folder::scan(from)? } else { archive::scan(from)? };
    match found {
        Found::Set(set, tally) => Ok(Loaded { set: *set, passed_over: tally.finish() }),
        Found::Pictures(pictures) if pictures.is_empty() => {
            Err(ImportError::Nothing { path: from.to_owned(), expected: EXPECTED })
        }
        Found::Pictures(pictures) => decode_all(from, pictures),
    }
}

#[cfg(test)]
pub(crate) mod tests;
