//! Writing a set as a folder that appears whole.

use super::{
    CLASSES_FILE, CifarError, MANIFEST, Manifest, TEST_FILE, TRAIN_FILES, file_names, io_error, write_records,
};
use crate::{Dataset, ImageSet};
use std::{fs, ops::Range, path::Path};
use vr_files::{create_folder_atomic, replace_folder, write_part};

/// Writes the set as a new folder `dir`, or in place of the set there if `replace` is given.
///
/// # Errors
/// [`CifarError`]; `dir` then holds what it held or the whole new set, and never a part.
pub fn write(dir: impl AsRef<Path>, set: &Dataset, replace: bool) -> Result<(), CifarError> {
    let dir = dir.as_ref();
    if replace {
        replace_folder(dir, |folder| fill(folder, set), |old| only_a_set(old, dir))
    } else {
        create_folder_atomic(dir, |folder| fill(folder, set))
    }
}

/// Replacing deletes, so what stands at `dir`, and lies in `old` now, is refused when there is anything else in it.
fn only_a_set(old: &Path, dir: &Path) -> Result<(), CifarError> {
    for entry in fs::read_dir(old).map_err(io_error(dir))? {
        let name = entry.map_err(io_error(dir))?.file_name();
        // The official archive holds `readme.html` too.
        let known = file_names().chain([MANIFEST, "readme.html"]).any(|known| name == known);
        if !known {
            let stranger = name.to_string_lossy().into_owned();
            return Err(CifarError::Foreign { dir: dir.to_owned(), stranger });
        }
    }
    Ok(())
}

fn fill(folder: &Path, set: &Dataset) -> Result<(), CifarError> {
    let mut records = [0; 6];
    let pictures = set.train.len();
    for (place, name) in TRAIN_FILES.iter().enumerate() {
        let range = pictures * place / TRAIN_FILES.len()..pictures * (place + 1) / TRAIN_FILES.len();
        records[place] = range.len();
        write_file(folder, name, &set.train, range)?;
    }
    records[TRAIN_FILES.len()] = set.test.len();
    write_file(folder, TEST_FILE, &set.test, 0..set.test.len())?;
    write_part(folder.join(CLASSES_FILE), format!("{}\n", set.train.classes().join("\n")).as_bytes())?;
    let manifest =
        Manifest { name: set.name.clone(), records, train_digest: set.train.digest(), test_digest: set.test.digest() };
    let file = folder.join(MANIFEST);
    let text =
        serde_json::to_vec_pretty(&manifest).map_err(|source| CifarError::Manifest { file: file.clone(), source })?;
    Ok(write_part(file, &text)?)
}

fn write_file(folder: &Path, name: &str, set: &ImageSet, range: Range<usize>) -> Result<(), CifarError> {
    let file = folder.join(name);
    let records = write_records(set, range).map_err(|source| CifarError::Record { file: file.clone(), source })?;
    Ok(write_part(file, &records)?)
}
