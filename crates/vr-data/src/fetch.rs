//! Downloading CIFAR-10 and Imagenette (feature `download`).

mod download;
mod error;
mod imagenette;

pub use error::FetchError;
pub use imagenette::{Imagenette, UnknownImagenette, fetch_imagenette};

use crate::{ImportError, Imported, import_cifar10};
use std::{
    fs,
    path::{Path, PathBuf},
};
use vr_files::FileError;

/// Where the official archive is.
pub const OFFICIAL_URL: &str = "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz";
/// MD5 of the official archive.
pub const OFFICIAL_MD5: &str = "c32a1d4ab5d03f1284b67883e8d87530";
/// Bytes of the official archive.
pub const OFFICIAL_SIZE: u64 = 170_052_171;

/// What to download.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FetchOptions {
    /// The archive's address.
    pub url: String,
    /// Its MD5, in hexadecimal.
    pub md5: String,
    /// Its length in bytes; where none is given, what the server says.
    pub size: Option<u64>,
    /// Whether a set that is there already gives way.
    pub replace: bool,
}

impl Default for FetchOptions {
    fn default() -> Self {
        Self { url: OFFICIAL_URL.into(), md5: OFFICIAL_MD5.into(), size: Some(OFFICIAL_SIZE), replace: false }
    }
}

/// How far a download is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Bytes that are there.
    pub received: u64,
    /// Bytes in all.
    pub total: u64,
}

/// Downloads an archive, checks it, and imports it into the folder `dest`.
///
/// A cut connection is taken up again where it broke, in this call or, since the part is kept beside
/// `dest`, in a later one. A server without ranges starts over. Redirects are not followed.
///
/// # Errors
/// [`FetchError`]; `dest` then holds what it held or the whole new set, and never a part.
pub fn fetch_cifar10(
    dest: impl AsRef<Path>,
    options: &FetchOptions,
    progress: impl FnMut(Progress),
) -> Result<Imported, FetchError> {
    let dest = dest.as_ref();
    let instead = format!(
        "place data_batch_1.bin … data_batch_5.bin, test_batch.bin and batches.meta.txt in {}, or import the archive \
         cifar-10-binary.tar.gz from elsewhere",
        dest.display()
    );
    fetch(dest, options, &instead, progress, |part| import_cifar10(part, dest, options.replace))
}

/// Downloads what `options` say and hands it to `import`, which puts a set at `dest`; `instead` is what does as well.
fn fetch(
    dest: &Path,
    options: &FetchOptions,
    instead: &str,
    progress: impl FnMut(Progress),
    import: impl FnOnce(&Path) -> Result<Imported, ImportError>,
) -> Result<Imported, FetchError> {
    let occupied = fs::read_dir(dest).is_ok_and(|mut entries| entries.next().is_some());
    if occupied && !options.replace {
        // Found out now rather than after a long download.
        let exists = FileError::Exists { path: dest.to_owned() };
        return Err(ImportError::from(exists).into());
    }
    let part = part_path(dest);
    let lock = download::download(&part, instead, options, progress)?;
    let imported = import(&part)?;
    drop(lock);
    if let Err(error) = fs::remove_file(&part) {
        tracing::warn!(file = %part.display(), %error, "the downloaded archive could not be removed");
    }
    Ok(imported)
}

/// Where the part of the archive that has arrived is kept.
fn part_path(dest: &Path) -> PathBuf {
    let mut name = dest.file_name().unwrap_or_default().to_owned();
    name.push(".tar.gz.part");
    dest.with_file_name(name)
}

#[cfg(test)]
mod tests;
