//! Sources in a `.tar.gz`. Entries are read in memory and matched by their names, and nothing is ever
//! written under a name that an archive gives, so no archive can reach outside.

use super::{
    Found, ImportError,
    pictures::{MOST_BYTES, Picture, Pictures, within},
};
use crate::cifar10::{self, CLASSES_FILE, LARGEST_TEXT, OFFICIAL_RECORDS, RECORD_BYTES, TEST_FILE, TRAIN_FILES};
use flate2::read::MultiGzDecoder;
use std::{
    collections::HashMap,
    fs::File,
    io::{self, BufReader, Read},
    path::{Component, Path},
};
use tar::Archive;

pub(super) fn scan(from: &Path) -> Result<Found, ImportError> {
    let failed = |source| ImportError::Io { path: from.to_owned(), source };
    let file = BufReader::new(File::open(from).map_err(failed)?);
    let mut archive = Archive::new(MultiGzDecoder::new(file).take(MOST_BYTES));
    let mut pictures = Pictures::default();
    let mut official = HashMap::new();
    for entry in archive.entries().map_err(failed)? {
        let mut entry = entry.map_err(failed)?;
        if !entry.header().entry_type().is_file() {
            continue;
        }
        let path = entry.path().map_err(failed)?.into_owned();
        let Some(parts) = plain_parts(&path) else { continue };
        let bytes = entry.size();
        if let Some(place) = Picture::place(&parts) {
            pictures.add(from, place, bytes, || read(&mut entry).map_err(failed))?;
        } else if let Some(name) = official_name(&parts) {
            let limit = if name == CLASSES_FILE { LARGEST_TEXT } else { (OFFICIAL_RECORDS * RECORD_BYTES) as u64 };
            within(from, &path.display().to_string(), bytes, limit)?;
            if official.insert(name, read(&mut entry).map_err(failed)?).is_some() {
                return Err(ImportError::Duplicate { path: from.to_owned(), entry: path.display().to_string() });
            }
        }
    }
    if archive.into_inner().limit() == 0 {
        return Err(ImportError::Bomb { path: from.to_owned(), limit: MOST_BYTES });
    }
    if official.is_empty() {
        Ok(Found::Pictures(pictures))
    } else {
        Ok(Found::Set(cifar10::from_files(from, &official)?))
    }
}

/// The parts of a path that only goes down; `None` for any other.
fn plain_parts(path: &Path) -> Option<Vec<&str>> {
    path.components()
        .filter(|part| *part != Component::CurDir)
        .map(|part| match part {
            Component::Normal(name) => name.to_str(),
            _ => None,
        })
        .collect()
}

fn official_name(parts: &[&str]) -> Option<&'static str> {
    let last = parts.last()?;
    TRAIN_FILES.into_iter().chain([TEST_FILE, CLASSES_FILE]).find(|name| name == last)
}

fn read(entry: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    entry.read_to_end(&mut bytes)?;
    Ok(bytes)
}
