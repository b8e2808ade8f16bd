//! Sources in a folder.

use super::{
    Found, ImportError,
    pictures::{LARGEST, Picture},
};
use crate::cifar10::{self, TRAIN_FILES};
use std::{
    fs, io,
    path::{Path, PathBuf},
};

pub(super) fn scan(from: &Path) -> Result<Found, ImportError> {
    // The official archive unpacks to a folder of this name.
    for dir in [from.to_owned(), from.join("cifar-10-batches-bin")] {
        if TRAIN_FILES.iter().any(|name| dir.join(name).exists()) {
            return Ok(Found::Set(cifar10::read(dir)?));
        }
    }
    let mut pictures = Vec::new();
    for split in ["train", "test"] {
        let splits = from.join(split);
        if !splits.is_dir() {
            return Err(ImportError::Nothing { path: from.to_owned() });
        }
        for class in list(&splits)? {
            if !class.is_dir() {
                continue;
            }
            for file in list(&class)? {
                let names = (class.file_name().and_then(|n| n.to_str()), file.file_name().and_then(|n| n.to_str()));
                let (Some(class), Some(name)) = names else { continue };
                let Some((train, class, name)) = Picture::place(&[split, class, name]) else { continue };
                pictures.push(Picture { train, class, name, bytes: read(&file)? });
            }
        }
    }
    Ok(Found::Pictures(pictures))
}

fn list(folder: &Path) -> Result<Vec<PathBuf>, ImportError> {
    let entries = fs::read_dir(folder).and_then(|entries| entries.map(|e| e.map(|e| e.path())).collect());
    entries.map_err(failed(folder))
}

fn read(file: &Path) -> Result<Vec<u8>, ImportError> {
    let bytes = fs::metadata(file).map_err(failed(file))?.len();
    if bytes > LARGEST {
        let entry = file.display().to_string();
        return Err(ImportError::TooLarge { path: file.to_owned(), entry, bytes, limit: LARGEST });
    }
    fs::read(file).map_err(failed(file))
}

fn failed(path: &Path) -> impl FnOnce(io::Error) -> ImportError {
    let path = path.to_owned();
    move |source| ImportError::Io { path, source }
}
