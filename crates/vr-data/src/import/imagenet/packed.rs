//! An archive of folders of classes: read where it lies or, where it is packed, unpacked to one that is not.

use super::{BOUNDS, Found, sorted};
use crate::{
    files::Span,
    import::{
        ImportError,
        entry::{self, Stop},
        member::{self, Member},
        pictures::Pictures,
        place::{Splits, refuse},
    },
    picture_list::{OWN_ARCHIVE, Source},
};
use flate2::read::MultiGzDecoder;
use std::{
    fs::File,
    io::{self, BufReader, Read, Seek},
    path::{Path, PathBuf},
};
use tar::Archive;

/// What an archive unpacks to is not longer than this, and this many times its own length: pictures are packed already.
const LEAST: u64 = 1 << 24;
const TIMES: u64 = 4;

pub(super) fn find(from: &Path, folder: &Path, progress: &mut dyn FnMut(u64, u64)) -> Result<Found, ImportError> {
    let failed = |source| ImportError::Io { path: from.to_owned(), source };
    let mut file = File::open(from).map_err(failed)?;
    let found = file.metadata().map_err(failed)?;
    if !found.is_file() {
        return Err(ImportError::NotPlain { path: from.to_owned() });
    }
    let mut magic = [0; 2];
    let gzip = file.read_exact(&mut magic).is_ok() && magic == [0x1f, 0x8b];
    file.rewind().map_err(failed)?;
    if !gzip {
        return list_either(from, from, from.to_owned(), progress);
    }
    let limit = LEAST.max(found.len().saturating_mul(TIMES));
    let own = folder.join(OWN_ARCHIVE);
    let mut packed = MultiGzDecoder::new(BufReader::new(file)).take(limit);
    let mut copied = Ok(0);
    vr_files::write_atomic_with(&own, |file| {
        copied = io::copy(&mut packed, file);
        copied.as_ref().map(|_| ()).map_err(|error| io::Error::new(error.kind(), "cannot unpack"))
    })
    .map_err(|error| match copied {
        Err(source) => ImportError::Io { path: from.to_owned(), source },
        Ok(_) => error.into(),
    })?;
    if packed.limit() == 0 {
        return Err(ImportError::Bomb { path: from.to_owned(), limit });
    }
    list_either(from, &own, PathBuf::from(OWN_ARCHIVE), progress)
}

/// Lists the pictures of the archive at `archive`; errors speak of `from`, and the list of `path`.
fn list_either(
    from: &Path,
    archive: &Path,
    path: PathBuf,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Found, ImportError> {
    match list(from, archive, path.clone(), &Splits::VAL, progress) {
        // Nothing in val/.
        Err(ImportError::Classes { test, .. }) if test.is_empty() => list(from, archive, path, &Splits::TEST, progress),
        listed => listed,
    }
}

fn list(
    from: &Path,
    archive: &Path,
    path: PathBuf,
    splits: &'static Splits,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Found, ImportError> {
    let failed = |source| ImportError::Io { path: from.to_owned(), source };
    let file = File::open(archive).map_err(failed)?;
    let bytes = file.metadata().map_err(failed)?.len();
    let mut members = Archive::new(BufReader::new(file));
    let mut pictures = Pictures::new(BOUNDS, splits);
    let read = entry::for_each(&mut members, |entry| {
        let (offset, bytes_there) = (entry.content.raw_file_position(), entry.content.size());
        progress(offset, bytes);
        match member::classify(from, &mut pictures, &entry, |_| None)? {
            Member::Picture { name, .. } if name.contains(char::is_control) => {
                Err(refuse(from, entry.name, "the name of a picture holds no control characters").into())
            }
            Member::Picture { train, class, name } => {
                let keep = || Ok(Span { offset, bytes: bytes_there as u32 });
                Ok(pictures.add(from, (train, &class, &name), bytes_there, keep)?)
            }
            Member::Official(_) | Member::Other => Ok(()),
        }
    });
    read.map_err(|stop: Stop| stop.at(from))?;
    let source = Source::Archive { path, bytes };
    Ok((sorted(from, pictures)?, [source.clone(), source]))
}
