//! One file.

use crate::{
    FileError,
    sibling::{parent, sync_folder, temporary},
};
use std::{
    fs::{self, File},
    io::{self, BufWriter, Write},
    path::Path,
};

/// Puts a file with content `bytes` at `path`, in place of one that is there. Folders that lead to it
/// are created.
///
/// # Errors
/// [`FileError`]; a file that stood at `path` is then as it was.
pub fn write_atomic(path: impl AsRef<Path>, bytes: &[u8]) -> Result<(), FileError> {
    write_atomic_with(path, |file| file.write_all(bytes))
}

/// As [`write_atomic`], for content that `write` produces piece by piece.
///
/// # Errors
/// [`FileError`], also when `write` fails.
pub fn write_atomic_with(
    path: impl AsRef<Path>,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<(), FileError> {
    let path = path.as_ref();
    let folder = parent(path);
    let hidden = temporary(path)?;
    fs::create_dir_all(folder).map_err(FileError::io("create", folder))?;
    let written = fill(&hidden, write)
        .map_err(FileError::io("write", path))
        .and_then(|()| fs::rename(&hidden, path).map_err(FileError::io("put in place", path)));
    if written.is_err() {
        // The first error is the one worth reporting.
        let _ = fs::remove_file(&hidden);
    }
    written?;
    sync_folder(folder)
}

fn fill(hidden: &Path, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let mut file = BufWriter::new(File::create_new(hidden)?);
    write(&mut file)?;
    file.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect()
    }

    #[test]
    fn replaces_and_leaves_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/a.txt");
        write_atomic(&path, b"one").unwrap();
        write_atomic(&path, b"two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(names(path.parent().unwrap()), ["a.txt"]);
    }

    #[test]
    fn a_failed_write_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.txt");
        write_atomic(&path, b"old").unwrap();
        let error = write_atomic_with(&path, |file| {
            file.write_all(b"half")?;
            Err(io::Error::other("disk full"))
        })
        .unwrap_err();
        assert!(error.to_string().contains("a.txt"), "{error}");
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(names(folder.path()), ["a.txt"]);
    }

    #[test]
    fn a_path_without_a_name_is_refused() {
        assert!(matches!(write_atomic("/", b""), Err(FileError::NoName { .. })));
    }
}
