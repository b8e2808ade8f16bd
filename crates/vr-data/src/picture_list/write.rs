//! Writing a list as a folder that appears whole.

use super::{DESCRIPTION, Description, Listed, OWN_ARCHIVE, Source, list_file};
use crate::{
    files::Span,
    import::{
        ImportError,
        pictures::{Picture, Sorted},
    },
};
use std::{
    fs,
    io::{BufWriter, Write},
    path::Path,
};
use vr_files::{create_folder_atomic, replace_folder, write_atomic, write_atomic_with};

/// What is listed.
pub(crate) struct Listing {
    pub(crate) name: String,
    pub(crate) sorted: Sorted<Span>,
    /// Where the training pictures are, and the others.
    pub(crate) sources: [Source; 2],
}

/// Writes the list that `find` finds as a new folder `dir`, or in place of the list there if `replace` is given. `find` may
/// put an archive into the folder that it is given.
pub(crate) fn write<T>(
    dir: &Path,
    replace: bool,
    find: impl FnOnce(&Path) -> Result<(Listing, T), ImportError>,
) -> Result<T, ImportError> {
    let fill = |folder: &Path| {
        let (listing, value) = find(folder)?;
        let [train, test] = [true, false].map(|train| write_split(folder, &listing, train));
        let Listing { name, sorted, .. } = listing;
        let description = Description { name, classes: sorted.classes, train: train?, test: test? };
        let file = folder.join(DESCRIPTION);
        let text = serde_json::to_vec_pretty(&description)
            .map_err(|source| ImportError::Description { file: file.clone(), source })?;
        write_atomic(file, &text)?;
        Ok(value)
    };
    if replace { replace_folder(dir, fill, |old| only_a_list(old, dir)) } else { create_folder_atomic(dir, fill) }
}

/// Replacing deletes, so what stands at `dir`, and lies in `old` now, is refused when there is anything else in it.
fn only_a_list(old: &Path, dir: &Path) -> Result<(), ImportError> {
    let failed = |source| ImportError::Io { path: dir.to_owned(), source };
    for entry in fs::read_dir(old).map_err(failed)? {
        let name = entry.map_err(failed)?.file_name();
        if ![DESCRIPTION, OWN_ARCHIVE, list_file(true), list_file(false)].iter().any(|known| name == *known) {
            return Err(ImportError::Foreign { dir: dir.to_owned(), stranger: name.to_string_lossy().into_owned() });
        }
    }
    Ok(())
}

fn write_split(folder: &Path, listing: &Listing, train: bool) -> Result<Listed, ImportError> {
    let Listing { sorted, sources, .. } = listing;
    let (pictures, source) = if train { (&sorted.train, &sources[0]) } else { (&sorted.test, &sources[1]) };
    let (mut content, mut list) = (blake3::Hasher::new(), blake3::Hasher::new());
    write_atomic_with(folder.join(list_file(train)), |file| {
        let mut file = BufWriter::new(file);
        for picture in pictures {
            let line = line(sorted, picture);
            let [class, name] = sorted.class_and_name(picture);
            content.update(format!("{class}/{name}\t{}\n", picture.kept.bytes).as_bytes());
            list.update(line.as_bytes());
            file.write_all(line.as_bytes())?;
        }
        file.flush()
    })?;
    let [digest, list] = [content, list].map(|hasher| hasher.finalize().to_hex().to_string());
    Ok(Listed { pictures: pictures.len(), source: source.clone(), digest, list })
}

fn line(sorted: &Sorted<Span>, picture: &Picture<Span>) -> String {
    let Span { offset, bytes } = picture.kept;
    format!("{}\t{offset}\t{bytes}\t{}\n", sorted.label(picture), sorted.class_and_name(picture)[1])
}
