//! A file that only grows.

use crate::{
    FileError,
    disk::{self, File, Links},
    sibling::parent,
};
use std::{
    io::Write,
    path::{Path, PathBuf},
};

/// A file that is written at its end only, such as a log. What is appended is whole or, after an
/// error or a power cut, at worst a torn last piece, which the reader must tell by itself.
#[derive(Debug)]
pub struct AppendFile {
    file: File,
    path: PathBuf,
    len: u64,
}

impl AppendFile {
    /// Opens the file at `path`, creating it where there is none. A link is not followed.
    ///
    /// # Errors
    /// [`FileError`] when the system refuses.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, FileError> {
        let path = path.into();
        let open = || {
            let file = File::open(&path, std::fs::File::options().append(true).create(true), Links::Refused)?;
            disk::sync_folder(parent(&path))?;
            let len = file.len()?;
            Ok((file, len))
        };
        let (file, len) = open().map_err(FileError::io("open", &path))?;
        Ok(Self { file, path, len })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its length in bytes.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether nothing is in it.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Adds bytes. When that fails, what arrived of them is cut off again.
    ///
    /// # Errors
    /// [`FileError`] when the system refuses.
    pub fn append(&mut self, bytes: &[u8]) -> Result<(), FileError> {
        if let Err(error) = self.file.write_all(bytes) {
            // The first error is the one worth reporting.
            let _ = self.file.set_len(self.len);
            return Err(FileError::io("append to", &self.path)(error));
        }
        self.len += bytes.len() as u64;
        Ok(())
    }

    /// Cuts the file to its first `len` bytes.
    ///
    /// # Errors
    /// [`FileError`] when the system refuses.
    pub fn truncate(&mut self, len: u64) -> Result<(), FileError> {
        self.file.set_len(len).map_err(FileError::io("truncate", &self.path))?;
        self.len = len;
        Ok(())
    }

    /// Makes the content durable.
    ///
    /// # Errors
    /// [`FileError`] when the system refuses.
    pub fn sync(&self) -> Result<(), FileError> {
        self.file.sync().map_err(FileError::io("sync", &self.path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::{Fault, inject};

    #[test]
    fn grows_and_is_cut() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let mut file = AppendFile::open(&path).unwrap();
        file.append(b"one\n").unwrap();
        file.append(b"two\n").unwrap();
        drop(file);
        let mut file = AppendFile::open(&path).unwrap();
        assert_eq!(file.len(), 8);
        file.truncate(4).unwrap();
        file.append(b"three\n").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"one\nthree\n");
    }

    #[test]
    fn a_full_disk_costs_the_piece_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let mut file = AppendFile::open(&path).unwrap();
        let (second, struck) = inject(Fault::Full(6), || {
            file.append(b"one\n").unwrap();
            file.append(b"two\n")
        });
        assert!(struck);
        assert!(second.unwrap_err().to_string().contains("log"));
        file.append(b"three\n").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"one\nthree\n");
    }

    #[cfg(unix)]
    #[test]
    fn nothing_is_appended_through_a_link() {
        let folder = tempfile::tempdir().unwrap();
        let (victim, path) = (folder.path().join("victim"), folder.path().join("log"));
        std::fs::write(&victim, "thesis").unwrap();
        let refused = || AppendFile::open(&path).unwrap_err().to_string().contains("no plain file");
        std::os::unix::fs::symlink(&victim, &path).unwrap();
        assert!(refused());
        std::fs::remove_file(&path).unwrap();
        std::fs::hard_link(&victim, &path).unwrap();
        assert!(refused());
        assert_eq!(std::fs::read(&victim).unwrap(), b"thesis");
    }
}
