//! Temporary names next to a final one.

use crate::{FileError, disk};
use std::{
    path::{Path, PathBuf},
    process,
    sync::atomic::{AtomicU32, Ordering},
};

/// The folder that holds `path`.
pub(crate) fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// A hidden name beside `path` that no other call, thread or process uses. A process that was killed
/// may have left one behind, and a later process may have its number: taken names are passed over.
pub(crate) fn temporary(path: &Path) -> Result<PathBuf, FileError> {
    static COUNTER: AtomicU32 = AtomicU32::new(0);
    let name = path.file_name().ok_or_else(|| FileError::NoName { path: path.to_owned() })?;
    loop {
        let mut hidden = std::ffi::OsString::from(".");
        hidden.push(name);
        hidden.push(format!(".{}-{}.tmp", process::id(), COUNTER.fetch_add(1, Ordering::Relaxed)));
        let hidden = parent(path).join(hidden);
        if disk::look(&hidden).map_err(FileError::io("look at", &hidden))?.is_none() {
            return Ok(hidden);
        }
    }
}

/// Whether a path has a name that [`temporary`] gives.
fn is_temporary(path: &Path) -> bool {
    path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.starts_with('.') && name.ends_with(".tmp"))
}

/// Removes what processes that were killed left half built in `folder`. Only for a folder in which
/// nobody else is writing.
///
/// # Errors
/// [`FileError`] when the folder cannot be listed or something in it not removed.
pub fn sweep(folder: impl AsRef<Path>) -> Result<(), FileError> {
    let folder = folder.as_ref();
    let found = disk::list(folder).map_err(FileError::io("list", folder))?;
    found.into_iter().filter(|path| is_temporary(path)).try_for_each(crate::remove)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_left_behind_are_passed_over_and_swept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.txt");
        // What a process of the same number would have left: every name for a while.
        for n in 0..1000 {
            std::fs::write(folder.path().join(format!(".a.txt.{}-{n}.tmp", process::id())), "half").unwrap();
        }
        crate::write_atomic(&path, b"whole").unwrap();
        sweep(folder.path()).unwrap();
        assert_eq!(disk::list(folder.path()).unwrap(), [path]);
    }
}
