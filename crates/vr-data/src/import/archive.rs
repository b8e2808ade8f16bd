//! Sources in a `.tar.gz`. Entries are read in memory and matched by their names, and nothing is ever
//! written under a name that an archive gives, so no archive can reach outside.

use super::{
    Found, ImportError,
    pictures::{LARGEST, Picture},
};
use crate::cifar10::{self, CLASSES_FILE, OFFICIAL_RECORDS, RECORD_BYTES, TEST_FILE, TRAIN_FILES};
use flate2::read::MultiGzDecoder;
use std::{
    collections::HashMap,
    fs::File,
    io::{self, BufReader, Read},
    path::{Component, Path},
};
use tar::Archive;

/// The official archive unpacks to 184 MB.
const UNPACKED: u64 = 2 << 30;

pub(super) fn scan(from: &Path) -> Result<Found, ImportError> {
    let failed = |source| ImportError::Io { path: from.to_owned(), source };
    let file = BufReader::new(File::open(from).map_err(failed)?);
    let mut archive = Archive::new(MultiGzDecoder::new(file).take(UNPACKED));
    let mut pictures = Vec::new();
    let mut official = HashMap::new();
    for entry in archive.entries().map_err(failed)? {
        let mut entry = entry.map_err(failed)?;
        if !entry.header().entry_type().is_file() {
            continue;
        }
        let path = entry.path().map_err(failed)?.into_owned();
        let Some(parts) = plain_parts(&path) else { continue };
        let bytes = entry.size();
        let within = |limit| {
            let entry = path.display().to_string();
            if bytes > limit {
                Err(ImportError::TooLarge { path: from.to_owned(), entry, bytes, limit })
            } else {
                Ok(())
            }
        };
        if let Some((train, class, name)) = Picture::place(&parts) {
            within(LARGEST)?;
            let bytes = read(&mut entry).map_err(failed)?;
            pictures.push(Picture { train, class, name, bytes });
        } else if let Some(name) = official_name(&parts) {
            within((OFFICIAL_RECORDS * RECORD_BYTES) as u64)?;
            if official.insert(name, read(&mut entry).map_err(failed)?).is_some() {
                return Err(ImportError::Duplicate { path: from.to_owned(), entry: path.display().to_string() });
            }
        }
    }
    if archive.into_inner().limit() == 0 {
        return Err(ImportError::Bomb { path: from.to_owned(), limit: UNPACKED });
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
