//! The operations on a disk that the workspace's writers use, each of which a test can make fail.

use crate::fault;
use std::{
    fs::{self, Metadata},
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

/// An open file.
#[derive(Debug)]
pub(crate) struct File(fs::File);

impl File {
    pub(crate) fn create_new(path: &Path) -> io::Result<Self> {
        Self::open(path, fs::File::options().write(true).create_new(true))
    }

    pub(crate) fn open(path: &Path, options: &fs::OpenOptions) -> io::Result<Self> {
        fault::operation()?;
        options.open(path).map(Self)
    }

    pub(crate) fn sync(&self) -> io::Result<()> {
        fault::operation()?;
        self.0.sync_all()
    }

    pub(crate) fn set_len(&self, len: u64) -> io::Result<()> {
        fault::operation()?;
        self.0.set_len(len)
    }

    pub(crate) fn len(&self) -> io::Result<u64> {
        fault::operation()?;
        Ok(self.0.metadata()?.len())
    }

    pub(crate) fn try_lock(&self) -> Result<(), fs::TryLockError> {
        fault::operation().map_err(fs::TryLockError::Error)?;
        self.0.try_lock()
    }
}

impl Write for File {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match fault::write(bytes.len() as u64) {
            Ok(()) => self.0.write(bytes),
            Err((arriving, error)) => {
                self.0.write_all(&bytes[..arriving as usize])?;
                Err(error)
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

impl Read for File {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        fault::operation()?;
        self.0.read(buffer)
    }
}

pub(crate) fn rename(from: &Path, to: &Path) -> io::Result<()> {
    fault::operation()?;
    fs::rename(from, to)
}

/// Lets two paths change places at one stroke; `false` where the system or the file system cannot.
#[cfg(target_os = "linux")]
pub(crate) fn exchange(a: &Path, b: &Path) -> io::Result<bool> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    use rustix::io::Errno;

    fault::operation()?;
    match renameat_with(CWD, a, CWD, b, RenameFlags::EXCHANGE) {
        Ok(()) => Ok(true),
        Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Lets two paths change places at one stroke; `false` where the system or the file system cannot.
#[cfg(not(target_os = "linux"))]
pub(crate) fn exchange(_a: &Path, _b: &Path) -> io::Result<bool> {
    fault::operation()?;
    Ok(false)
}

pub(crate) fn remove_file(path: &Path) -> io::Result<()> {
    fault::operation()?;
    fs::remove_file(path)
}

pub(crate) fn remove_dir_all(path: &Path) -> io::Result<()> {
    fault::operation()?;
    fs::remove_dir_all(path)
}

pub(crate) fn create_dir(path: &Path) -> io::Result<()> {
    fault::operation()?;
    fs::create_dir(path)
}

pub(crate) fn create_dir_all(path: &Path) -> io::Result<()> {
    fault::operation()?;
    fs::create_dir_all(path)
}

/// Metadata of what is at `path` itself; `None` when nothing is.
pub(crate) fn look(path: &Path) -> io::Result<Option<Metadata>> {
    fault::operation()?;
    match fs::symlink_metadata(path) {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// The paths in a folder, in the order of their names.
pub(crate) fn list(path: &Path) -> io::Result<Vec<PathBuf>> {
    fault::operation()?;
    let mut paths = fs::read_dir(path)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
    paths.sort();
    Ok(paths)
}

/// Makes the names in a folder durable. Only Unix can open a folder to sync it.
pub(crate) fn sync_folder(path: &Path) -> io::Result<()> {
    fault::operation()?;
    if cfg!(unix) { fs::File::open(path)?.sync_all() } else { Ok(()) }
}
