//! Temporary names next to a final one, and syncing.

use crate::FileError;
use std::{
    fs::File,
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

/// A hidden name beside `path` that no other call, thread or process uses.
pub(crate) fn temporary(path: &Path) -> Result<PathBuf, FileError> {
    static COUNTER: AtomicU32 = AtomicU32::new(0);
    let name = path.file_name().ok_or_else(|| FileError::NoName { path: path.to_owned() })?;
    let mut hidden = std::ffi::OsString::from(".");
    hidden.push(name);
    hidden.push(format!(".{}-{}.tmp", process::id(), COUNTER.fetch_add(1, Ordering::Relaxed)));
    Ok(parent(path).join(hidden))
}

/// Makes the names in a folder durable. Only Unix can open a folder to sync it.
pub(crate) fn sync_folder(path: &Path) -> Result<(), FileError> {
    if cfg!(unix) {
        File::open(path).and_then(|folder| folder.sync_all()).map_err(FileError::io("sync", path))?;
    }
    Ok(())
}
