//! The digests of a run's files, in one file that is written last: what is changed or removed afterwards is found.
//!
//! While a run is worked on, `digests.json` holds its finished cells alone, so that a kill at any moment leaves nothing
//! that looks like damage.

use std::collections::BTreeMap;
use std::path::{Component, Path};

use serde::{Deserialize, Serialize};
use vr_files::{FileError, read_nofollow, write_atomic};

use crate::cell_folder::{CELLS, CellFolder};
use crate::digest::{digest, digest_of};
use crate::error::RunError;

/// The name of the file.
pub const DIGESTS: &str = "digests.json";

/// Longest file of digests that is read, in bytes.
const LARGEST: u64 = 1 << 28;

/// BLAKE3 digests of files, by their paths from the run's folder.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Digests {
    files: BTreeMap<String, String>,
}

/// The form on disk.
#[derive(Serialize, Deserialize)]
struct Written {
    files: BTreeMap<String, String>,
    /// The digest of the digests.
    check: String,
}

impl Digests {
    /// Notes the content of a file, in place of what was noted of it before.
    pub fn note(&mut self, path: impl Into<String>, content: &[u8]) {
        self.files.insert(path.into(), digest(content));
    }

    /// Notes a file of the run in `out`, if it is there.
    pub(crate) fn note_file(&mut self, out: &Path, path: &str) -> Result<(), RunError> {
        match digest_of(&out.join(path)) {
            Ok(digest) => self.files.insert(path.to_owned(), digest),
            Err(error) if error.is_not_found() => self.files.remove(path),
            Err(error) => return Err(error.into()),
        };
        Ok(())
    }

    /// Whether a file is noted.
    pub fn has(&self, path: &str) -> bool {
        self.files.contains_key(path)
    }

    /// Whether a file is noted with another content.
    pub fn is_other(&self, path: &str, content: &[u8]) -> bool {
        self.files.get(path).is_some_and(|expected| *expected != digest(content))
    }

    /// The paths of the files that are noted.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.files.keys().map(String::as_str)
    }

    /// Those of the run in `out`; `None` where there are none, as in runs of older versions.
    ///
    /// # Errors
    /// [`RunError::Digests`] when the file is not what was written; a [`vr_files::FileError`] when it cannot be read.
    pub fn read(out: &Path) -> Result<Option<Self>, RunError> {
        let path = out.join(DIGESTS);
        let text = match read_nofollow(&path, LARGEST) {
            Err(error) if error.is_not_found() => return Ok(None),
            text => text?,
        };
        match serde_json::from_slice::<Written>(&text) {
            Ok(Written { files, check }) if check == check_of(&files) && files.keys().all(|path| leads_down(path)) => {
                Ok(Some(Self { files }))
            }
            _ => Err(RunError::Digests(path)),
        }
    }

    /// Writes them to the run in `out`.
    pub(crate) fn write(&self, out: &Path) -> Result<(), RunError> {
        let written = Written { files: self.files.clone(), check: check_of(&self.files) };
        Ok(write_atomic(out.join(DIGESTS), serde_json::to_string_pretty(&written)?.as_bytes())?)
    }

    /// Notes all files of a cell whose digest no other file has.
    pub(crate) fn note_cell(&mut self, cell: &CellFolder) -> Result<(), RunError> {
        for name in cell.files()? {
            let path = format!("{CELLS}/{}/{name}", cell.name());
            self.files.insert(path, digest_of(&cell.path().join(&name))?);
        }
        Ok(())
    }

    /// Keeps the files of cells for which `keep` is true, and no others.
    pub(crate) fn retain_cells(&mut self, keep: impl Fn(&str) -> bool) {
        self.files.retain(|path, _| cell_of(path).is_some_and(&keep));
    }

    /// The first noted file of a cell that is there and has changed; checkpoints have digests of their own.
    pub(crate) fn changed_in_cells(&self, out: &Path) -> Result<Option<String>, RunError> {
        for (path, expected) in &self.files {
            if cell_of(path).is_none() || path.contains("/checkpoints/") {
                continue;
            }
            match found(out, path) {
                Ok(found) if found == *expected => {}
                Ok(_) => return Ok(Some(path.clone())),
                Err(error) if error.is_not_found() => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(None)
    }

    /// What is not as it was noted, in words.
    pub fn problems(&self, out: &Path) -> Vec<String> {
        let problem = |(path, expected): (&String, &String)| match found(out, path) {
            Ok(found) if found == *expected => None,
            Ok(_) => Some(format!("`{path}` is not what was written: its digest is another")),
            Err(error) if error.is_not_found() => Some(format!("`{path}` is missing")),
            Err(error) => Some(error.to_string()),
        };
        self.files.iter().filter_map(problem).collect()
    }
}

/// The digest of a file of the run in `out`, not through any link.
fn found(out: &Path, path: &str) -> Result<String, FileError> {
    let mut folder = out.to_owned();
    for name in Path::new(path).parent().into_iter().flatten() {
        folder.push(name);
        vr_files::is_folder(&folder)?;
    }
    digest_of(&out.join(path))
}

/// Whether a path stays below where it begins.
fn leads_down(path: &str) -> bool {
    !path.is_empty() && Path::new(path).components().all(|part| matches!(part, Component::Normal(_)))
}

/// Whether a path is of a file in a cell's folder.
pub(crate) fn is_of_cell(path: &str) -> bool {
    cell_of(path).is_some()
}

/// The cell that a path is of.
fn cell_of(path: &str) -> Option<&str> {
    let (cell, _) = path.strip_prefix(CELLS)?.strip_prefix('/')?.split_once('/')?;
    Some(cell)
}

fn check_of(files: &BTreeMap<String, String>) -> String {
    let mut hasher = blake3::Hasher::new();
    for (path, digest) in files {
        for text in [path, digest] {
            hasher.update(&(text.len() as u64).to_le_bytes());
            hasher.update(text.as_bytes());
        }
    }
    hasher.finalize().to_hex().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(out: &Path) -> Digests {
        let mut digests = Digests::default();
        for (path, content) in [("report.html", "<p>"), ("cells/a/result.json", "{}"), ("cells/b/result.json", "{ }")] {
            write_atomic(out.join(path), content.as_bytes()).unwrap();
            digests.note(path, content.as_bytes());
        }
        digests.write(out).unwrap();
        digests
    }

    #[test]
    fn what_changes_or_goes_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path();
        assert_eq!(Digests::read(out).unwrap(), None);
        let digests = written(out);
        assert_eq!(Digests::read(out).unwrap().unwrap(), digests);
        assert_eq!(digests.problems(out), [""; 0]);
        std::fs::write(out.join("report.html"), "<q>").unwrap();
        std::fs::write(out.join("cells/b/result.json"), "{1}").unwrap();
        std::fs::remove_file(out.join("cells/a/result.json")).unwrap();
        let found = digests.problems(out);
        assert_eq!(found.len(), 3, "{found:?}");
        assert!(
            found[0].contains("`cells/a/result.json` is missing") && found[2].contains("`report.html` is not what")
        );
        assert_eq!(digests.changed_in_cells(out).unwrap().as_deref(), Some("cells/b/result.json"));
    }

    /// No byte of the file itself can change unseen.
    #[test]
    fn a_digest_that_is_changed_or_cut_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path();
        let digests = written(out);
        let whole = std::fs::read(out.join(DIGESTS)).unwrap();
        for i in 0..whole.len() {
            for bytes in [whole[..i].to_vec(), [&whole[..i], &[whole[i] ^ 1], &whole[i + 1..]].concat()] {
                std::fs::write(out.join(DIGESTS), &bytes).unwrap();
                let space =
                    serde_json::from_slice::<serde_json::Value>(&bytes).ok() == serde_json::from_slice(&whole).ok();
                match Digests::read(out) {
                    Err(RunError::Digests(path)) => assert!(path.ends_with(DIGESTS)),
                    Ok(found) => assert!(space && found.as_ref() == Some(&digests), "{i}"),
                    Err(error) => panic!("{error}"),
                }
            }
        }
    }

    #[test]
    fn a_path_that_leads_out_is_none() {
        let folder = tempfile::tempdir().unwrap();
        for path in ["../a", "/a", "cells/../../a", ""] {
            let mut digests = Digests::default();
            digests.note(path, b"");
            digests.write(folder.path()).unwrap();
            assert!(matches!(Digests::read(folder.path()), Err(RunError::Digests(_))), "{path}");
        }
    }

    #[test]
    fn the_cells_that_go_on_are_taken_out() {
        let folder = tempfile::tempdir().unwrap();
        let mut digests = written(folder.path());
        digests.retain_cells(|cell| cell == "b");
        assert_eq!(digests.paths().collect::<Vec<_>>(), ["cells/b/result.json"]);
    }
}
