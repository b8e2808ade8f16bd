//! The official archives of ILSVRC2012, read where they lie.

use super::{BOUNDS, EXPECTED, Found, kit::Kit, sorted};
use crate::{
    files::Span,
    import::{
        ImportError,
        entry::{self, Entry, Stop},
        pictures::Pictures,
        place::{Splits, refuse},
    },
    picture_list::Source,
};
use md5::{Digest, Md5};
use std::{
    fs::File,
    io::{self, BufReader, Read},
    path::Path,
};
use tar::{Archive, EntryType};

/// The archive of training pictures, an archive for each class.
pub const TRAIN: &str = "ILSVRC2012_img_train.tar";
/// The archive of validation pictures.
pub const VALIDATION: &str = "ILSVRC2012_img_val.tar";
/// The development kit.
pub const KIT: &str = "ILSVRC2012_devkit_t12.tar.gz";

/// The MD5s that are published for them.
const TRAIN_MD5: &str = "1d675b47d978889d74fa0da5fadfb00e";
const VALIDATION_MD5: &str = "29b22e2961454d5413ddabcf34fc5622";
const KIT_MD5: &str = "fa75699e90414af021442c21a62c3abf";

/// No kit is longer.
const LARGEST_KIT: u64 = 1 << 24;

const IN_TRAIN: &str = "archives named by their class, such as n01440764.tar, were expected";
const IN_CLASS: &str = "pictures such as n01440764_10026.JPEG were expected, in no folder";
const IN_VALIDATION: &str = "pictures such as ILSVRC2012_val_00000001.JPEG were expected, in no folder";

pub(super) fn find(from: &Path, unchecked: bool, progress: &mut dyn FnMut(u64, u64)) -> Result<Found, ImportError> {
    let [train, validation, kit] = [TRAIN, VALIDATION, KIT].map(|archive| from.join(archive));
    if [&train, &validation, &kit].iter().any(|archive| !archive.is_file()) {
        return Err(ImportError::Nothing { path: from.to_owned(), expected: EXPECTED });
    }
    let bytes = vr_files::read(&kit, LARGEST_KIT)?;
    check(&kit, Md5::new_with_prefix(&bytes), KIT_MD5, unchecked)?;
    let kit = Kit::read(&kit, &bytes)?;
    let mut pictures = Pictures::new(BOUNDS, &Splits::VAL);
    let length = |path: &Path| match std::fs::metadata(path) {
        Ok(found) => Ok(found.len()),
        Err(source) => Err(ImportError::Io { path: path.to_owned(), source }),
    };
    let total = length(&train)? + length(&validation)?;
    let mut done = 0;
    let mut source = |path: &Path, md5: &str, each: &mut Each<'_>| {
        let mut read = |bytes| {
            done += bytes;
            progress(done, total);
        };
        walk(path, md5, unchecked, &mut read, each)?;
        Ok::<_, ImportError>(Source::Archive { path: path.to_owned(), bytes: length(path)? })
    };
    let validation = source(&validation, VALIDATION_MD5, &mut |entry| {
        let class = kit.class_of(&entry.name).ok_or_else(|| refuse(&validation, entry.name.clone(), IN_VALIDATION))?;
        add(&mut pictures, &validation, false, class, 0, &entry)
    })?;
    let train = source(&train, TRAIN_MD5, &mut |entry| {
        let class = entry.name.strip_suffix(".tar").unwrap_or_default();
        let known = kit.classes.binary_search_by(|known| known.as_str().cmp(class)).is_ok();
        if !known || entry.content.header().entry_type() != EntryType::Regular {
            return Err(refuse(&train, entry.name, IN_TRAIN));
        }
        let (class, start) = (class.to_owned(), entry.content.raw_file_position());
        let mut inner = Archive::new(entry.content);
        entry::for_each(&mut inner, |picture| {
            let own = picture.name.strip_prefix(&*class).is_some_and(|rest| rest.starts_with('_'));
            if !own || picture.name.contains('/') {
                return Err(refuse(&train, format!("{class}.tar/{}", picture.name), IN_CLASS).into());
            }
            add(&mut pictures, &train, true, &class, start, &picture).map_err(Stop::Import)
        })
        .map_err(|stop: Stop| stop.at(&train))
    })?;
    Ok((sorted(from, pictures)?, [train, validation]))
}

/// Takes in a picture of an archive that begins at `start`.
fn add<R: Read>(
    pictures: &mut Pictures<Span>,
    from: &Path,
    train: bool,
    class: &str,
    start: u64,
    entry: &Entry<'_, R>,
) -> Result<(), ImportError> {
    if entry.content.header().entry_type() != EntryType::Regular {
        return Err(ImportError::NotPlain { path: from.join(&entry.name) });
    }
    if !entry.utf8 || entry.name.contains(char::is_control) {
        return Err(refuse(from, entry.name.clone(), "the name of a picture is UTF-8 without control characters"));
    }
    let (offset, bytes) = (start + entry.content.raw_file_position(), entry.content.size());
    pictures.add(from, (train, class, &entry.name), bytes, || Ok(Span { offset, bytes: bytes as u32 }))
}

type Each<'a> = dyn for<'e, 'h> FnMut(Entry<'e, Hashing<'h>>) -> Result<(), ImportError> + 'a;

/// Calls `each` with the members of an archive, and compares its MD5.
fn walk(
    path: &Path,
    md5: &str,
    unchecked: bool,
    read: &mut dyn FnMut(u64),
    each: &mut Each<'_>,
) -> Result<(), ImportError> {
    let failed = |source| ImportError::Io { path: path.to_owned(), source };
    let file = File::open(path).map_err(failed)?;
    let mut archive = Archive::new(Hashing { file: BufReader::with_capacity(1 << 20, file), md5: Md5::new(), read });
    entry::for_each(&mut archive, |entry| match entry.content.header().entry_type() {
        EntryType::Directory => Ok(()),
        _ => each(entry).map_err(Stop::Import),
    })
    .map_err(|stop| stop.at(path))?;
    let mut rest = archive.into_inner();
    io::copy(&mut rest, &mut io::sink()).map_err(failed)?;
    check(path, rest.md5, md5, unchecked)
}

fn check(path: &Path, md5: Md5, expected: &str, unchecked: bool) -> Result<(), ImportError> {
    let found: String = md5.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    if unchecked || found == expected {
        return Ok(());
    }
    Err(ImportError::Checksum { path: path.to_owned(), found, expected: expected.to_owned() })
}

/// An archive whose MD5 is made while it is read.
struct Hashing<'a> {
    file: BufReader<File>,
    md5: Md5,
    read: &'a mut dyn FnMut(u64),
}

impl Read for Hashing<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read(buffer)?;
        self.md5.update(&buffer[..count]);
        (self.read)(count as u64);
        Ok(count)
    }
}
