//! What a member of an archive is, by its name and kind.

use super::{
    ImportError,
    entry::Entry,
    pictures::Pictures,
    place::{HIDDEN, NOT_UTF8, Place, refuse},
};
use std::{
    io::Read,
    path::{Component, Path},
};
use tar::EntryType;

/// What a member is.
pub(crate) enum Member {
    /// A picture to read.
    Picture {
        /// Of the training set, or of the test set.
        train: bool,
        class: String,
        name: String,
    },
    /// A file that is no picture but belongs to the set.
    Official(&'static str),
    /// Nothing to take in.
    Other,
}

/// What a member is; `official` knows files that are no pictures by the parts of their paths. What is passed over is
/// counted, and what is a picture or official file by its name, though it cannot be read, is refused.
pub(crate) fn classify<K, R: Read>(
    from: &Path,
    pictures: &mut Pictures<K>,
    entry: &Entry<'_, R>,
    official: impl Fn(&[&str]) -> Option<&'static str>,
) -> Result<Member, ImportError> {
    let name = &entry.name;
    let Some(parts) = plain_parts(name) else {
        pictures.tally.add("names that lead out of the archive", name);
        return Ok(Member::Other);
    };
    let kind = entry.content.header().entry_type();
    let place = Place::of(&parts, pictures.splits);
    let wanted = matches!(place, Place::Picture { .. });
    let is_dir = kind == EntryType::Directory;
    let file = if is_dir { [&parts[..], &[""]].concat() } else { parts.clone() };
    if let (Some((train, class)), false) = (pictures.splits.split_and_class(&file), place == Place::Other(HIDDEN)) {
        pictures.note_class(train, class);
    }
    if is_dir && !wanted {
        return Ok(Member::Other);
    }
    if wanted && !entry.utf8 {
        return Err(refuse(from, name.clone(), NOT_UTF8));
    }
    if kind != EntryType::Regular {
        if wanted || matches!(place, Place::Misplaced(_)) || official(&parts).is_some() {
            return Err(ImportError::NotPlain { path: from.join(name) });
        }
        pictures.tally.add("links, pipes and devices", name);
        return Ok(Member::Other);
    }
    match (place, official(&parts)) {
        (Place::Picture { train, class, name }, _) => Ok(Member::Picture { train, class, name }),
        (_, Some(official)) => Ok(Member::Official(official)),
        (Place::Misplaced(reason), None) => Err(refuse(from, name.clone(), reason)),
        (Place::Other(reason), None) => {
            pictures.tally.add(reason, name);
            Ok(Member::Other)
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
