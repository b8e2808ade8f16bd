//! Sources in a folder.

use super::{
    EXPECTED, Found, ImportError,
    pictures::{Bounds, Pictures},
    place::{HIDDEN, NOT_UTF8, Place, Splits, refuse},
    report::Tally,
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
            return Ok(Found::Set(Box::new(cifar10::read(dir)?), Tally::default()));
        }
    }
    let mut pictures = Pictures::new(Bounds::CIFAR, &Splits::TEST);
    find(from, &mut pictures, &mut |path, bytes| Ok(vr_files::read(path, bytes)?))?;
    Ok(Found::Pictures(pictures))
}

/// Finds the pictures in the class folders of `from`; `keep` says what is kept of one, by its path and length.
pub(crate) fn find<K>(from: &Path, pictures: &mut Pictures<K>, keep: &mut Keep<'_, K>) -> Result<(), ImportError> {
    let splits = pictures.splits.names;
    if !splits.iter().all(|split| from.join(split).is_dir()) {
        return Err(ImportError::Nothing { path: from.to_owned(), expected: EXPECTED });
    }
    for path in list(from)? {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if splits.contains(&&*name) {
            walk(from, &path, pictures, keep)?;
        } else {
            pictures.tally.add(pictures.splits.outside, &name);
        }
    }
    Ok(())
}

pub(crate) type Keep<'a, K> = dyn FnMut(&Path, u64) -> Result<K, ImportError> + 'a;

fn walk<K>(from: &Path, folder: &Path, pictures: &mut Pictures<K>, keep: &mut Keep<'_, K>) -> Result<(), ImportError> {
    for path in list(folder)? {
        let below = path.strip_prefix(from).unwrap_or(&path);
        let name = below.to_string_lossy();
        let parts: Vec<_> = below.iter().map(|part| part.to_string_lossy()).collect();
        let parts: Vec<&str> = parts.iter().map(AsRef::as_ref).collect();
        let place = Place::of(&parts, pictures.splits);
        if place == Place::Other(HIDDEN) {
            pictures.tally.add(HIDDEN, &name);
            continue;
        }
        let found = plain(&path)?;
        if found.is_dir() {
            if let [split, class] = parts[..] {
                pictures.note_class(split == pictures.splits.name(true), class);
            }
            walk(from, &path, pictures, keep)?;
            continue;
        }
        match place {
            Place::Other(reason) => pictures.tally.add(reason, &name),
            Place::Misplaced(reason) => return Err(refuse(from, name.into(), reason)),
            // A folder of the class `train` is no split.
            Place::Picture { .. } if parts.len() != 3 => return Err(refuse(from, name.into(), pictures.splits.deep)),
            Place::Picture { .. } if below.to_str().is_none() => return Err(refuse(from, name.into(), NOT_UTF8)),
            Place::Picture { train, class, name } => {
                let bytes = found.len();
                pictures.add(from, (train, &class, &name), bytes, || keep(&path, bytes))?;
            }
        }
    }
    Ok(())
}

/// What is in a folder, in the order of the names.
fn list(folder: &Path) -> Result<Vec<PathBuf>, ImportError> {
    let paths = || {
        let mut paths = fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
        paths.sort();
        Ok(paths)
    };
    paths().map_err(failed(folder))
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
