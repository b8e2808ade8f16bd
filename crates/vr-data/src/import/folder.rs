//! Sources in a folder.

use super::{
    Found, ImportError,
    pictures::{Picture, Pictures},
};
use crate::cifar10::{self, TRAIN_FILES};
use std::{
    fs::{self, Metadata},
    io,
    path::{Path, PathBuf},
};

pub(super) fn scan(from: &Path) -> Result<Found, ImportError> {
    // The official archive unpacks to a folder of this name.
    for dir in [from.to_owned(), from.join("cifar-10-batches-bin")] {
        if TRAIN_FILES.iter().any(|name| dir.join(name).exists()) {
            return Ok(Found::Set(cifar10::read(dir)?));
        }
    }
    let mut pictures = Pictures::default();
    for split in ["train", "test"] {
        let splits = from.join(split);
        if !splits.is_dir() {
            return Err(ImportError::Nothing { path: from.to_owned() });
        }
        for class in list(&splits)? {
            if !plain(&class)?.is_dir() {
                continue;
            }
            for file in list(&class)? {
                let names = (class.file_name().and_then(|n| n.to_str()), file.file_name().and_then(|n| n.to_str()));
                let (Some(class), Some(name)) = names else { continue };
                let Some(place) = Picture::place(&[split, class, name]) else { continue };
                let bytes = plain(&file)?.len();
                pictures.add(from, place, bytes, || Ok(vr_files::read(&file, bytes)?))?;
            }
        }
    }
    Ok(Found::Pictures(pictures))
}

fn list(folder: &Path) -> Result<Vec<PathBuf>, ImportError> {
    let entries = fs::read_dir(folder).and_then(|entries| entries.map(|e| e.map(|e| e.path())).collect());
    entries.map_err(failed(folder))
}

/// What is at `path` itself: reading a pipe, or a device behind a link, might never end.
fn plain(path: &Path) -> Result<Metadata, ImportError> {
    let found = fs::symlink_metadata(path).map_err(failed(path))?;
    if found.is_file() || found.is_dir() { Ok(found) } else { Err(ImportError::NotPlain { path: path.to_owned() }) }
}

fn failed(path: &Path) -> impl FnOnce(io::Error) -> ImportError {
    let path = path.to_owned();
    move |source| ImportError::Io { path, source }
}
