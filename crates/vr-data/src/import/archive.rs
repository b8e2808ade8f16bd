//! Sources in a `.tar.gz`. Entries are read in memory and matched by their names, and nothing is ever
//! written under a name that an archive gives, so no archive can reach outside.

use super::{
    Found, ImportError,
    entry::{self, Entry, Stop},
    member::{self, Member},
    pictures::{Bounds, MOST_BYTES, Pictures, within},
    place::Splits,
};
use crate::cifar10::{self, CLASSES_FILE, LARGEST_TEXT, OFFICIAL_RECORDS, RECORD_BYTES, TEST_FILE, TRAIN_FILES};
use flate2::read::MultiGzDecoder;
use std::{
    collections::HashMap,
    fs::File,
    io::{self, BufReader, Read},
    path::Path,
};
use tar::Archive;

pub(super) fn scan(from: &Path) -> Result<Found, ImportError> {
    let failed = |source| ImportError::Io { path: from.to_owned(), source };
    let file = BufReader::new(File::open(from).map_err(failed)?);
    let mut archive = Archive::new(MultiGzDecoder::new(file).take(MOST_BYTES));
    let mut found = Contents { from, pictures: Pictures::new(Bounds::CIFAR, &Splits::TEST), official: HashMap::new() };
    let read = entry::for_each(&mut archive, |entry| found.take(entry).map_err(Stop::Import));
    read.map_err(|stop| stop.at(from))?;
    // The checksum comes after the last entry.
    let mut rest = archive.into_inner();
    io::copy(&mut rest, &mut io::sink()).map_err(failed)?;
    if rest.limit() == 0 {
        return Err(ImportError::Bomb { path: from.to_owned(), limit: MOST_BYTES });
    }
    if found.official.is_empty() {
        Ok(Found::Pictures(found.pictures))
    } else {
        Ok(Found::Set(Box::new(cifar10::from_files(from, &found.official)?), found.pictures.tally))
    }
}

/// What an archive has turned out to hold.
struct Contents<'a> {
    from: &'a Path,
    pictures: Pictures<Vec<u8>>,
    official: HashMap<&'static str, Vec<u8>>,
}

impl Contents<'_> {
    fn take<R: Read>(&mut self, mut entry: Entry<'_, R>) -> Result<(), ImportError> {
        let (from, bytes) = (self.from, entry.content.size());
        let failed = |source| ImportError::Io { path: from.to_owned(), source };
        match member::classify(from, &mut self.pictures, &entry, official_name)? {
            Member::Picture { train, class, name } => {
                let picture = (train, &*class, &*name);
                self.pictures.add(from, picture, bytes, || read(&mut entry.content).map_err(failed))
            }
            Member::Official(official) => {
                let limit =
                    if official == CLASSES_FILE { LARGEST_TEXT } else { (OFFICIAL_RECORDS * RECORD_BYTES) as u64 };
                within(from, &entry.name, bytes, limit)?;
                match self.official.insert(official, read(&mut entry.content).map_err(failed)?) {
                    Some(_) => Err(ImportError::Duplicate { path: from.to_owned(), entry: entry.name }),
                    None => Ok(()),
                }
            }
            Member::Other => Ok(()),
        }
    }
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
