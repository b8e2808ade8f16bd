//! One folder with all that is in it.

use crate::{
    FileError,
    disk::{self, File},
    sibling::{parent, temporary},
};
use std::path::{Path, PathBuf};

/// Lets `build` fill a temporary folder, then puts it at `path`. An empty folder there is taken over.
///
/// # Errors
/// [`FileError::Exists`] before anything is built when something is at `path`; what `build` returns;
/// otherwise [`FileError`]. Nothing new is left behind, unless the last sync alone failed: the folder is
/// then in place, but may not outlast a power cut.
pub fn create_folder_atomic<T, E: From<FileError>>(
    path: impl AsRef<Path>,
    build: impl FnOnce(&Path) -> Result<T, E>,
) -> Result<T, E> {
    let path = path.as_ref();
    if occupied(path)? {
        return Err(FileError::Exists { path: path.to_owned() }.into());
    }
    build_and_place(path, build)
}

/// As [`create_folder_atomic`], and whatever is at `path` gives way once the new folder is complete.
///
/// On Linux the two change places at one stroke. Elsewhere two renames are needed, so a power cut between
/// them leaves the old content under a hidden name beside `path`; it is never lost.
///
/// # Errors
/// What `build` returns, or [`FileError`]; at `path` is then what stood there or, where only the old
/// content could not be removed or the last sync failed, the new folder.
pub fn replace_folder<T, E: From<FileError>>(
    path: impl AsRef<Path>,
    build: impl FnOnce(&Path) -> Result<T, E>,
) -> Result<T, E> {
    build_and_place(path.as_ref(), build)
}

fn occupied(path: &Path) -> Result<bool, FileError> {
    Ok(match disk::look(path).map_err(FileError::io("look at", path))? {
        None => false,
        Some(found) if found.is_dir() => !list(path)?.is_empty(),
        Some(_) => true,
    })
}

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

fn build_and_place<T, E: From<FileError>>(path: &Path, build: impl FnOnce(&Path) -> Result<T, E>) -> Result<T, E> {
    let folder = parent(path);
    let hidden = temporary(path)?;
    create_folder(folder)?;
    disk::create_dir(&hidden).map_err(FileError::io("create", &hidden))?;
    let result = build(&hidden).and_then(|value| {
        sync_tree(&hidden)?;
        place(&hidden, path)?;
        Ok(value)
    });
    if result.is_err() {
        let _ = disk::remove_dir_all(&hidden);
    }
    let value = result?;
    sync_names(folder)?;
    Ok(value)
}

fn place(hidden: &Path, path: &Path) -> Result<(), FileError> {
    let in_place = FileError::io("put in place", path);
    if disk::look(path).map_err(FileError::io("look at", path))?.is_none() {
        return disk::rename(hidden, path).map_err(in_place);
    }
    if disk::exchange(hidden, path).map_err(FileError::io("exchange", path))? {
        sync_names(parent(path))?;
        return remove(hidden);
    }
    let old = temporary(path)?;
    disk::rename(path, &old).map_err(FileError::io("set aside", path))?;
    if let Err(error) = disk::rename(hidden, path) {
        disk::rename(&old, path).map_err(FileError::io("put back", path))?;
        return Err(in_place(error));
    }
    remove(&old)
}

fn sync_tree(folder: &Path) -> Result<(), FileError> {
    for path in list(folder)? {
        if path.is_dir() {
            sync_tree(&path)?;
        } else {
            // Windows syncs only handles that may write.
            File::open(&path, std::fs::File::options().write(true))
                .and_then(|file| file.sync())
                .map_err(FileError::io("sync", &path))?;
        }
    }
    sync_names(folder)
}

fn sync_names(folder: &Path) -> Result<(), FileError> {
    disk::sync_folder(folder).map_err(FileError::io("sync", folder))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn with_file(content: &str) -> impl FnOnce(&Path) -> Result<(), FileError> {
        move |folder| {
            fs::create_dir(folder.join("inner")).unwrap();
            fs::write(folder.join("inner/a"), content).unwrap();
            Ok(())
        }
    }

    fn entries(folder: &Path) -> usize {
        fs::read_dir(folder).unwrap().count()
    }

    #[test]
    fn an_existing_folder_is_left_alone_unless_replaced() {
        let outer = tempfile::tempdir().unwrap();
        let path = outer.path().join("set");
        create_folder_atomic(&path, with_file("one")).unwrap();
        let refused = create_folder_atomic(&path, with_file("two"));
        assert!(matches!(refused, Err(FileError::Exists { path: p }) if p == path));
        assert_eq!(fs::read_to_string(path.join("inner/a")).unwrap(), "one");
        replace_folder(&path, with_file("two")).unwrap();
        assert_eq!(fs::read_to_string(path.join("inner/a")).unwrap(), "two");
        assert_eq!(entries(outer.path()), 1);
    }

    #[test]
    fn a_failed_build_leaves_nothing() {
        let outer = tempfile::tempdir().unwrap();
        let path = outer.path().join("set");
        let failed: Result<(), FileError> = create_folder_atomic(&path, |folder| {
            fs::write(folder.join("part"), "half").unwrap();
            assert!(!path.exists(), "nothing is visible while it is built");
            Err(FileError::NoName { path: folder.to_owned() })
        });
        assert!(failed.is_err());
        assert_eq!(entries(outer.path()), 0);
    }

    #[test]
    fn an_empty_folder_is_taken_over() {
        let outer = tempfile::tempdir().unwrap();
        create_folder_atomic(outer.path().join("set"), with_file("one")).unwrap();
        let empty = outer.path().join("empty");
        fs::create_dir(&empty).unwrap();
        create_folder_atomic(&empty, with_file("one")).unwrap();
        assert!(empty.join("inner/a").exists());
    }
}
