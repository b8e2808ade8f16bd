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

/// Whether there is a folder at `path`; `false` where nothing is. A link is not followed.
///
/// # Errors
/// [`FileError::NoFolder`] when anything else is there, a link to a folder included; another [`FileError`] when the
/// system refuses.
pub fn is_folder(path: impl AsRef<Path>) -> Result<bool, FileError> {
    let path = path.as_ref();
    match disk::look(path).map_err(FileError::io("look at", path))? {
        None => Ok(false),
        Some(found) if found.is_dir() => Ok(true),
        Some(_) => Err(FileError::NoFolder { path: path.to_owned() }),
    }
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

/// Removes a folder if nothing is in it; says whether it did.
///
/// # Errors
/// [`FileError`] when the system refuses.
pub fn remove_if_empty(path: impl AsRef<Path>) -> Result<bool, FileError> {
    let path = path.as_ref();
    disk::remove_dir(path).map_err(FileError::io("remove", path))
}

/// Makes the names in a folder durable, so that what is done later does not outlast what was done before.
///
/// # Errors
/// [`FileError`] when the system refuses.
pub fn sync_folder(path: impl AsRef<Path>) -> Result<(), FileError> {
    let path = path.as_ref();
    disk::sync_folder(path).map_err(FileError::io("sync", path))
}

/// Creates a folder and those that lead to it, unless they are there.
///
/// # Errors
/// [`FileError`] when the system refuses.
pub fn create_folder(path: impl AsRef<Path>) -> Result<(), FileError> {
    let path = path.as_ref();
    disk::create_dir_all(path).map_err(FileError::io("create", path))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn only_an_empty_folder_is_removed() {
        let outer = tempfile::tempdir().unwrap();
        let path = outer.path().join("folder");
        fs::create_dir(&path).unwrap();
        fs::write(path.join("mine"), "").unwrap();
        assert!(!remove_if_empty(&path).unwrap());
        remove(path.join("mine")).unwrap();
        assert!(remove_if_empty(&path).unwrap() && !path.exists());
        remove_if_empty(&path).unwrap_err();
    }

    #[test]
    fn a_folder_is_told_from_what_is_none() {
        let outer = tempfile::tempdir().unwrap();
        let at = |name: &str| outer.path().join(name);
        fs::create_dir(at("folder")).unwrap();
        fs::write(at("file"), "").unwrap();
        assert!(is_folder(at("folder")).unwrap() && !is_folder(at("nothing")).unwrap());
        assert!(matches!(is_folder(at("file")), Err(FileError::NoFolder { .. })));
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink(at("folder"), at("link")).unwrap();
            assert!(matches!(is_folder(at("link")), Err(FileError::NoFolder { .. })));
        }
    }
}
