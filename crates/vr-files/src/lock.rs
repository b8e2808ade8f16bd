//! One process at a time.

use crate::{FileError, disk::File};
use std::{
    fs::TryLockError,
    io::{Read, Write},
    path::Path,
    process,
};

/// A lock file, held as long as this value lives; the system frees it when the process ends, however
/// it ends.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

impl Lock {
    /// Who holds the lock at `path`; `None` when nobody does, or there is no such file.
    ///
    /// # Errors
    /// [`FileError`] when the system refuses.
    pub fn holder(path: impl AsRef<Path>) -> Result<Option<String>, FileError> {
        if !path.as_ref().is_file() {
            return Ok(None);
        }
        match Self::acquire(path) {
            Ok(_) => Ok(None),
            Err(FileError::Locked { holder, .. }) => Ok(Some(holder)),
            Err(error) => Err(error),
        }
    }

    /// Takes the lock, and notes in the file who holds it.
    ///
    /// # Errors
    /// [`FileError::Locked`], which names the holder, while another process or thread has it; any other
    /// [`FileError`] when the system refuses.
    pub fn acquire(path: impl AsRef<Path>) -> Result<Self, FileError> {
        let path = path.as_ref();
        let failed = FileError::io("lock", path);
        let options = std::fs::File::options().read(true).write(true).create(true).truncate(false).clone();
        let mut file = match File::open(path, &options) {
            Ok(file) => file,
            Err(error) => return Err(failed(error)),
        };
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                // Some systems let nobody else read a locked file.
                let read = file.take(100).read_to_string(&mut holder).is_ok() && !holder.is_empty();
                let holder = if read { holder } else { "another process".into() };
                return Err(FileError::Locked { path: path.to_owned(), holder });
            }
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        let noted = file.set_len(0).and_then(|()| file.write_all(format!("process {}", process::id()).as_bytes()));
        noted.map_err(failed)?;
        Ok(Self { _file: file })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_hears_who_is_first() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let first = Lock::acquire(&path).unwrap();
        match Lock::acquire(&path) {
            Err(FileError::Locked { holder, .. }) => assert_eq!(holder, format!("process {}", process::id())),
            other => panic!("{other:?}"),
        }
        assert!(Lock::holder(&path).unwrap().is_some());
        drop(first);
        assert_eq!(Lock::holder(&path).unwrap(), None);
        Lock::acquire(&path).unwrap();
    }
}
