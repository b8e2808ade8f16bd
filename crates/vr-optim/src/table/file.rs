//! Rows in a nameless temporary file, read and written at their place.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::TableError;

/// Rows of equal size in a file that no other process can see and that goes away when dropped.
#[derive(Debug)]
pub(super) struct FileRows {
    file: File,
    folder: PathBuf,
    row_bytes: usize,
}

impl FileRows {
    /// Rows of zeros. They are written out, since a file that is merely made long holds no space.
    pub(super) fn new(folder: &Path, rows: usize, row_bytes: usize) -> Result<Self, TableError> {
        let reserve = || {
            let mut file = tempfile::tempfile_in(folder)?;
            let zeros = vec![0; row_bytes];
            for _ in 0..rows {
                file.write_all(&zeros)?;
            }
            Ok(file)
        };
        let bytes = rows as u64 * row_bytes as u64;
        let file = reserve().map_err(|error| failure(folder, "taking its space", bytes, error))?;
        Ok(Self { file, folder: folder.to_owned(), row_bytes })
    }

    pub(super) fn write(&mut self, row: usize, bytes: &[u8]) -> Result<(), TableError> {
        assert_eq!(bytes.len(), self.row_bytes, "a row of another length");
        write_at(&self.file, bytes, self.offset(row))
            .map_err(|error| failure(&self.folder, "writing a row", bytes.len() as u64, error))
    }

    pub(super) fn read(&self, row: usize, bytes: &mut [u8]) -> Result<(), TableError> {
        assert_eq!(bytes.len(), self.row_bytes, "a row of another length");
        read_at(&self.file, bytes, self.offset(row))
            .map_err(|error| failure(&self.folder, "reading a row", self.row_bytes as u64, error))
    }

    fn offset(&self, row: usize) -> u64 {
        row as u64 * self.row_bytes as u64
    }
}

fn failure(folder: &Path, action: &'static str, bytes: u64, error: io::Error) -> TableError {
    TableError::File { folder: folder.to_owned(), action, bytes, error }
}

#[cfg(unix)]
fn write_at(file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::write_all_at(file, bytes, offset)
}

#[cfg(unix)]
fn read_at(file: &File, bytes: &mut [u8], offset: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, bytes, offset)
}

#[cfg(windows)]
fn write_at(file: &File, mut bytes: &[u8], mut offset: u64) -> io::Result<()> {
    while !bytes.is_empty() {
        match std::os::windows::fs::FileExt::seek_write(file, bytes, offset)? {
            0 => return Err(io::ErrorKind::WriteZero.into()),
            n => (bytes, offset) = (&bytes[n..], offset + n as u64),
        }
    }
    Ok(())
}

#[cfg(windows)]
fn read_at(file: &File, mut bytes: &mut [u8], mut offset: u64) -> io::Result<()> {
    while !bytes.is_empty() {
        match std::os::windows::fs::FileExt::seek_read(file, bytes, offset)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            n => (bytes, offset) = (&mut bytes[n..], offset + n as u64),
        }
    }
    Ok(())
}
