//! Reading a list.

use super::{DESCRIPTION, Description, LARGEST_DESCRIPTION, Listed, Source, list_file};
use crate::{
    Dataset, ImageSet, ImportError, PictureShape,
    files::{Files, LARGEST, Place, Span},
    names::Names,
};
use std::{
    fs::File,
    io::{BufRead, BufReader, Read},
    path::Path,
    sync::Arc,
};

/// No line of a list is longer: a name has at most 64 KiB.
const LONGEST_LINE: u64 = 1 << 17;

/// Opens the set that a folder lists. The pictures are not looked at; each is read when it is asked for.
///
/// # Errors
/// [`ImportError`] when the description or a list is not what was written, or an archive is gone or another one.
pub fn open(dir: impl AsRef<Path>) -> Result<Dataset, ImportError> {
    let dir = dir.as_ref();
    let file = dir.join(DESCRIPTION);
    let text = vr_files::read(&file, LARGEST_DESCRIPTION)?;
    let description: Description =
        serde_json::from_slice(&text).map_err(|source| ImportError::Description { file, source })?;
    let classes: Arc<[String]> = description.classes.into();
    let split = |listed, train| open_split(dir, listed, train, &classes);
    Ok(Dataset {
        name: description.name,
        train: split(description.train, true)?,
        test: split(description.test, false)?,
    })
}

fn open_split(dir: &Path, listed: Listed, train: bool, classes: &Arc<[String]>) -> Result<ImageSet, ImportError> {
    let file = dir.join(list_file(train));
    let (labels, names, spans) = read_list(&file, &listed, classes.len())?;
    let path = dir.join(listed.source.path());
    let place = match listed.source {
        Source::Folder(_) => Place::Folder(path),
        Source::Archive { bytes: expected, .. } => {
            let failed = |source| ImportError::Io { path: path.clone(), source };
            let file = File::open(&path).map_err(failed)?;
            let found = file.metadata().map_err(failed)?;
            if !found.is_file() || found.len() != expected {
                return Err(ImportError::Archive { path, found: found.len(), expected });
            }
            Place::Archive { path, file }
        }
    };
    let files = Files::new(place, classes.clone(), labels.clone(), names, spans);
    let shape = PictureShape { channels: 3, size: None };
    ImageSet::read_on_demand(Arc::new(files), listed.digest, shape, labels, classes.to_vec())
        .map_err(|source| ImportError::Set { path: dir.to_owned(), source })
}

/// Labels, names and places of the pictures.
fn read_list(file: &Path, listed: &Listed, classes: usize) -> Result<(Vec<u16>, Names, Vec<Span>), ImportError> {
    let failed = |source| ImportError::Io { path: file.to_owned(), source };
    let wrong = |line: usize| ImportError::List { file: file.to_owned(), line };
    let plain = std::fs::metadata(file).map_err(failed)?.is_file();
    if !plain {
        return Err(ImportError::NotPlain { path: file.to_owned() });
    }
    let mut reader = BufReader::new(File::open(file).map_err(failed)?);
    let (mut labels, mut names, mut spans) = (Vec::new(), Names::default(), Vec::new());
    let (mut hasher, mut text) = (blake3::Hasher::new(), Vec::new());
    for line in 1.. {
        text.clear();
        if reader.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut text).map_err(failed)? == 0 {
            break;
        }
        hasher.update(&text);
        let (label, span, name) = parse(&text).filter(|(label, ..)| *label < classes).ok_or_else(|| wrong(line))?;
        labels.push(label as u16);
        spans.push(span);
        names.push(name);
    }
    if labels.len() != listed.pictures || hasher.finalize().to_hex().as_str() != listed.list {
        return Err(wrong(labels.len()));
    }
    Ok((labels, names, spans))
}

fn parse(line: &[u8]) -> Option<(usize, Span, &str)> {
    let mut parts = std::str::from_utf8(line.strip_suffix(b"\n")?).ok()?.splitn(4, '\t');
    let label = parts.next()?.parse().ok()?;
    let offset = parts.next()?.parse().ok()?;
    let bytes = parts.next()?.parse().ok().filter(|&bytes| u64::from(bytes) <= LARGEST)?;
    Some((label, Span { offset, bytes }, parts.next()?))
}
