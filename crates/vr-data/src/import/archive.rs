//! Sources in a `.tar.gz`. Entries are read in memory and matched by their names, and nothing is ever
//! written under a name that an archive gives, so no archive can reach outside.

use super::{
    Found, ImportError,
    entry::{self, Entry},
    pictures::{Bounds, MOST_BYTES, Pictures, within},
    place::{HIDDEN, NOT_UTF8, Place, refuse, split_and_class},
};
use crate::cifar10::{self, CLASSES_FILE, LARGEST_TEXT, OFFICIAL_RECORDS, RECORD_BYTES, TEST_FILE, TRAIN_FILES};
use flate2::read::MultiGzDecoder;
use std::{
    collections::HashMap,
    fs::File,
    io::{self, BufReader, Read},
    path::{Component, Path},
};
use tar::{Archive, EntryType};

pub(super) fn scan(from: &Path) -> Result<Found, ImportError> {
    let failed = |source| ImportError::Io { path: from.to_owned(), source };
    let file = BufReader::new(File::open(from).map_err(failed)?);
    let mut archive = Archive::new(MultiGzDecoder::new(file).take(MOST_BYTES));
    let mut found = Contents { from, pictures: Pictures::new(Bounds::CIFAR), official: HashMap::new() };
    let read = entry::for_each(&mut archive, |entry| found.take(entry).map_err(Stop::Import));
    read.map_err(|stop| match stop {
        Stop::Import(error) => error,
        Stop::Io(source) => failed(source),
    })?;
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

/// Why the entries are not read to their end.
enum Stop {
    Io(io::Error),
    Import(ImportError),
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// What an archive has turned out to hold.
struct Contents<'a> {
    from: &'a Path,
    pictures: Pictures,
    official: HashMap<&'static str, Vec<u8>>,
}

impl Contents<'_> {
    fn take<R: Read>(&mut self, mut entry: Entry<'_, R>) -> Result<(), ImportError> {
        let (from, name, bytes) = (self.from, entry.name, entry.content.size());
        let failed = |source| ImportError::Io { path: from.to_owned(), source };
        let Some(parts) = plain_parts(&name) else {
            self.pictures.tally.add("names that lead out of the archive", &name);
            return Ok(());
        };
        let kind = entry.content.header().entry_type();
        let place = Place::of(&parts);
        let wanted = matches!(place, Place::Picture { .. });
        let is_dir = kind == EntryType::Directory;
        let file = if is_dir { [&parts[..], &[""]].concat() } else { parts.clone() };
        if let (Some((train, class)), false) = (split_and_class(&file), place == Place::Other(HIDDEN)) {
            self.pictures.note_class(train, class);
        }
        if is_dir && !wanted {
            return Ok(());
        }
        if wanted && !entry.utf8 {
            return Err(refuse(from, name, NOT_UTF8));
        }
        if kind != EntryType::Regular {
            if wanted || matches!(place, Place::Misplaced(_)) || official_name(&parts).is_some() {
                return Err(ImportError::NotPlain { path: from.join(&name) });
            }
            self.pictures.tally.add("links, pipes and devices", &name);
            return Ok(());
        }
        match (place, official_name(&parts)) {
            (Place::Picture { train, class, name }, _) => {
                self.pictures.add(from, (train, class, name), bytes, || read(&mut entry.content).map_err(failed))
            }
            (_, Some(official)) => {
                let limit =
                    if official == CLASSES_FILE { LARGEST_TEXT } else { (OFFICIAL_RECORDS * RECORD_BYTES) as u64 };
                within(from, &name, bytes, limit)?;
                match self.official.insert(official, read(&mut entry.content).map_err(failed)?) {
                    Some(_) => Err(ImportError::Duplicate { path: from.to_owned(), entry: name }),
                    None => Ok(()),
                }
            }
            (Place::Misplaced(reason), None) => Err(refuse(from, name, reason)),
            (Place::Other(reason), None) => {
                self.pictures.tally.add(reason, &name);
                Ok(())
            }
        }
    }
}

/// The parts of a path that only goes down; `None` for any other.
fn plain_parts(path: &str) -> Option<Vec<&str>> {
    Path::new(path)
        .components()
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
