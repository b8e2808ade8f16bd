//! Listing, creating and removing, without a promise that others see all or nothing.

use crate::{FileError, disk};
use std::path::{Path, PathBuf};

/// What is in a folder, hidden names too, in the order of the names.
///
/// # Errors
/// [`FileError`] when it cannot be listed.
pub fn list(path: impl AsRef<Path>) -> Result<Vec<PathBuf>, FileError> {
    let path = path.as_ref();
    disk::list(path).map_err(FileError::io("list", path))
}

/// Removes a file, or a folder with all that is in it.
///
/// # Errors
/// [`FileError`] when the system refuses.
pub fn remove(path: impl AsRef<Path>) -> Result<(), FileError> {
    let path = path.as_ref();
    let removed = disk::look(path).and_then(|found| match found {
        Some(found) if found.is_dir() => disk::remove_dir_all(path),
        _ => disk::remove_file(path),
    });
    removed.map_err(FileError::io("remove", path))
}

/// Creates a folder and those that lead to it, unless they are there.
///
/// # Errors
/// [`FileError`] when the system refuses.
pub fn create_folder(path: impl AsRef<Path>) -> Result<(), FileError> {
    let path = path.as_ref();
    disk::create_dir_all(path).map_err(FileError::io("create", path))
}
