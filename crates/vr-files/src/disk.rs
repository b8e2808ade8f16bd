//! The operations on a disk that the workspace's writers use, each of which a test can make fail.

use crate::fault;
use std::{
    fs::{self, Metadata},
    io::{self, Read, Seek, Write},
    path::{Path, PathBuf},
    sync::Once,
};

/// An open file.
#[derive(Debug)]
pub(crate) struct File(fs::File);

/// Whether a link at the end of a path may lead to the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Links {
    Followed,
    /// Enough for reading: a file of several names is read like any other.
    NotFollowed,
    /// For writing, which would change a file of another name, too.
    Refused,
}

impl File {
    pub(crate) fn create_new(path: &Path) -> io::Result<Self> {
        Self::open(path, fs::File::options().write(true).create_new(true), Links::Refused)
    }

    /// Opens a plain file. Pipes and devices, which might be waited for without end, are refused.
    pub(crate) fn open(path: &Path, options: &mut fs::OpenOptions, links: Links) -> io::Result<Self> {
        fault::operation()?;
        let file = match plainly(options, links).open(path) {
            Err(error) if is_link(&error) => return Err(not_plain()),
            file => file?,
        };
        let found = file.metadata()?;
        if !found.is_file() || (links == Links::Refused && has_other_names(&found)) {
            return Err(not_plain());
        }
        Ok(Self(file))
    }

    pub(crate) fn into_std(self) -> fs::File {
        self.0
    }

    pub(crate) fn sync(&self) -> io::Result<()> {
        fault::operation()?;
        self.0.sync_all()
    }

    pub(crate) fn set_len(&self, len: u64) -> io::Result<()> {
        fault::operation()?;
        self.0.set_len(len)
    }

    pub(crate) fn rewind(&mut self) -> io::Result<()> {
        fault::operation()?;
        self.0.rewind()
    }

    pub(crate) fn len(&self) -> io::Result<u64> {
        fault::operation()?;
        Ok(self.0.metadata()?.len())
    }

    /// Takes the lock that excludes all others; `false` where somebody has one.
    pub(crate) fn try_lock(&self) -> io::Result<bool> {
        fault::operation().and_then(|()| fault::locking())?;
        taken(self.0.try_lock())
    }

    /// Takes the lock that excludes only [`try_lock`](Self::try_lock); `false` where somebody has that.
    pub(crate) fn try_lock_shared(&self) -> io::Result<bool> {
        fault::operation().and_then(|()| fault::locking())?;
        taken(self.0.try_lock_shared())
    }

    pub(crate) fn unlock(&self) -> io::Result<()> {
        fault::operation()?;
        self.0.unlock()
    }
}

fn taken(outcome: Result<(), fs::TryLockError>) -> io::Result<bool> {
    match outcome {
        Ok(()) => Ok(true),
        Err(fs::TryLockError::WouldBlock) => Ok(false),
        Err(fs::TryLockError::Error(error)) => Err(error),
    }
}

fn not_plain() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, "it is a link, or no plain file of one name")
}

#[cfg(unix)]
fn plainly(options: &mut fs::OpenOptions, links: Links) -> &fs::OpenOptions {
    use rustix::fs::OFlags;
    use std::os::unix::fs::OpenOptionsExt;

    let follow = if links == Links::Followed { OFlags::empty() } else { OFlags::NOFOLLOW };
    // A pipe without a writer would be waited for.
    options.custom_flags((OFlags::NONBLOCK | follow).bits().cast_signed())
}

#[cfg(not(unix))]
fn plainly(options: &mut fs::OpenOptions, _links: Links) -> &fs::OpenOptions {
    options
}

/// Whether a file was not opened because a link leads to it.
#[cfg(unix)]
fn is_link(error: &io::Error) -> bool {
    use rustix::io::Errno;
    // The second is what FreeBSD says.
    [Errno::LOOP, Errno::MLINK].map(|code| Some(code.raw_os_error())).contains(&error.raw_os_error())
}

#[cfg(not(unix))]
fn is_link(_error: &io::Error) -> bool {
    false
}

/// Whether a write would change a file of another name, too.
#[cfg(unix)]
fn has_other_names(found: &Metadata) -> bool {
    std::os::unix::fs::MetadataExt::nlink(found) > 1
}

#[cfg(not(unix))]
fn has_other_names(_found: &Metadata) -> bool {
    false
}

/// Whether an error says that the file system does not know such a thing at all.
pub(crate) fn is_unsupported(error: &io::Error) -> bool {
    let kind = error.kind();
    let known = matches!(kind, io::ErrorKind::Unsupported | io::ErrorKind::InvalidInput);
    // A network file system without a lock manager.
    #[cfg(unix)]
    let known = known || error.raw_os_error() == Some(rustix::io::Errno::NOLCK.raw_os_error());
    known
}

/// Says once that nothing keeps others out.
pub(crate) fn warn_of_no_locks(path: &Path, error: &io::Error) {
    static WARNED: Once = Once::new();
    WARNED.call_once(|| {
        tracing::warn!(
            file = %path.display(), %error,
            "this file system knows no locks: nothing keeps a second process from the same work"
        );
    });
}

/// A folder that is being built: locked as long as this value lives, so that a later process can tell it from one whose
/// builder was killed. Where folders cannot be locked, it never can.
#[derive(Debug)]
pub(crate) struct Claim {
    folder: Option<fs::File>,
}

impl Claim {
    /// `None` where somebody else has the folder, or there is none.
    pub(crate) fn take(path: &Path) -> io::Result<Option<Self>> {
        fault::operation()?;
        if !cfg!(unix) {
            return Ok(Some(Self { folder: None }));
        }
        let folder = match fs::File::open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            folder => folder?,
        };
        match fault::locking().and_then(|()| taken(folder.try_lock())) {
            Ok(false) => Ok(None),
            // Whoever had it before may have removed it.
            Ok(true) if !fs::exists(path)? => Ok(None),
            Ok(true) => Ok(Some(Self { folder: Some(folder) })),
            Err(_) => Ok(Some(Self { folder: None })),
        }
    }

    /// Whether it keeps others out.
    pub(crate) fn holds(&self) -> bool {
        self.folder.is_some()
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

/// Removes an empty folder; `false` where it is not empty.
pub(crate) fn remove_dir(path: &Path) -> io::Result<bool> {
    fault::operation()?;
    match fs::remove_dir(path) {
        Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => Ok(false),
        removed => removed.map(|()| true),
    }
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

/// Makes the names in a folder durable. Only Unix can open a folder to sync it; where the file system cannot sync one,
/// the work goes on with a warning.
pub(crate) fn sync_folder(path: &Path) -> io::Result<()> {
    static WARNED: Once = Once::new();
    fault::operation()?;
    if !cfg!(unix) {
        return Ok(());
    }
    let folder = fs::File::open(path)?;
    match fault::folder_sync().and_then(|()| folder.sync_all()) {
        Err(error) if is_unsupported(&error) => {
            WARNED.call_once(|| {
                tracing::warn!(
                    folder = %path.display(), %error,
                    "folders cannot be synced on this file system: what was written last may not outlast a power cut"
                );
            });
            Ok(())
        }
        outcome => outcome,
    }
}
