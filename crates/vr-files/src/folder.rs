//! One folder with all that is in it.

use crate::{
    FileError,
    sibling::{parent, sync_folder, temporary},
};
use std::{
    fs::{self, File},
    path::Path,
};

/// Lets `build` fill a temporary folder, then puts it at `path`. An empty folder there is taken over.
///
/// # Errors
/// [`FileError::Exists`] before anything is built when something is at `path`; what `build` returns;
/// otherwise [`FileError`]. In every case nothing new is left behind.
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
/// Two renames are needed, so a power cut between them leaves the old content under a hidden name
/// beside `path`; it is never lost.
///
/// # Errors
/// What `build` returns, or [`FileError`]; what stood at `path` is then still there.
pub fn replace_folder<T, E: From<FileError>>(
    path: impl AsRef<Path>,
    build: impl FnOnce(&Path) -> Result<T, E>,
) -> Result<T, E> {
    build_and_place(path.as_ref(), build)
}

fn occupied(path: &Path) -> Result<bool, FileError> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(FileError::io("look at", path)(error)),
        Ok(found) if found.is_dir() => Ok(fs::read_dir(path).map_err(FileError::io("list", path))?.next().is_some()),
        Ok(_) => Ok(true),
    }
}

fn build_and_place<T, E: From<FileError>>(path: &Path, build: impl FnOnce(&Path) -> Result<T, E>) -> Result<T, E> {
    let folder = parent(path);
    let hidden = temporary(path)?;
    fs::create_dir_all(folder).map_err(FileError::io("create", folder))?;
    fs::create_dir(&hidden).map_err(FileError::io("create", &hidden))?;
    let result = build(&hidden).and_then(|value| {
        sync_tree(&hidden)?;
        place(&hidden, path)?;
        Ok(value)
    });
    if result.is_err() {
        let _ = fs::remove_dir_all(&hidden);
    }
    let value = result?;
    sync_folder(folder)?;
    Ok(value)
}

fn place(hidden: &Path, path: &Path) -> Result<(), FileError> {
    if fs::symlink_metadata(path).is_err() {
        return fs::rename(hidden, path).map_err(FileError::io("put in place", path));
    }
    let old = temporary(path)?;
    fs::rename(path, &old).map_err(FileError::io("set aside", path))?;
    if let Err(error) = fs::rename(hidden, path) {
        fs::rename(&old, path).map_err(FileError::io("put back", path))?;
        return Err(FileError::io("put in place", path)(error));
    }
    let removed = if old.is_dir() { fs::remove_dir_all(&old) } else { fs::remove_file(&old) };
    removed.map_err(FileError::io("remove", &old))
}

fn sync_tree(folder: &Path) -> Result<(), FileError> {
    for entry in fs::read_dir(folder).map_err(FileError::io("list", folder))? {
        let path = entry.map_err(FileError::io("list", folder))?.path();
        if path.is_dir() {
            sync_tree(&path)?;
        } else {
            // Windows syncs only handles that may write.
            File::options()
                .write(true)
                .open(&path)
                .and_then(|file| file.sync_all())
                .map_err(FileError::io("sync", &path))?;
        }
    }
    sync_folder(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

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
