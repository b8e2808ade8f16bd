//! One file.

use crate::{
    FileError,
    disk::{self, File, Links},
    sibling::{parent, temporary},
};
use std::{
    io::{self, BufWriter, Read, Write},
    path::Path,
};

/// Puts a file with content `bytes` at `path`, in place of one that is there. Folders that lead to it
/// are created.
///
/// # Errors
/// [`FileError`]; a file that stood at `path` is then as it was, unless the last sync alone failed: the
/// new one is then in place, but may not outlast a power cut.
pub fn write_atomic(path: impl AsRef<Path>, bytes: &[u8]) -> Result<(), FileError> {
    write_atomic_with(path, |file| file.write_all(bytes))
}

/// As [`write_atomic`], for content that `write` produces piece by piece.
///
/// # Errors
/// [`FileError`], also when `write` fails.
pub fn write_atomic_with(
    path: impl AsRef<Path>,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<(), FileError> {
    let path = path.as_ref();
    let folder = parent(path);
    let hidden = temporary(path)?;
    disk::create_dir_all(folder).map_err(FileError::io("create", folder))?;
    let written = fill(&hidden, write)
        .map_err(FileError::io("write", path))
        .and_then(|()| disk::rename(&hidden, path).map_err(FileError::io("put in place", path)));
    if written.is_err() {
        // The first error is the one worth reporting.
        let _ = disk::remove_file(&hidden);
    }
    written?;
    disk::sync_folder(folder).map_err(FileError::io("sync", folder))
}

/// Writes a new file of a folder that is being built ([`create_folder_atomic`](crate::create_folder_atomic)):
/// it is made durable together with the folder.
///
/// # Errors
/// [`FileError`], also when the file is there already.
pub fn write_part(path: impl AsRef<Path>, bytes: &[u8]) -> Result<(), FileError> {
    let path = path.as_ref();
    File::create_new(path).and_then(|mut file| file.write_all(bytes)).map_err(FileError::io("write", path))
}

/// Opens a plain file that grows in place and is not final, such as a download, to read and write; creates it where there
/// is none. A link is not followed. The file stays locked as long as it is open; where the file system knows no locks, the
/// work goes on with a warning.
///
/// # Errors
/// [`FileError::Locked`] while another process has it open like this; any other [`FileError`] when the system refuses.
pub fn open_partial(path: impl AsRef<Path>) -> Result<std::fs::File, FileError> {
    let path = path.as_ref();
    let mut options = std::fs::File::options();
    options.read(true).write(true).create(true).truncate(false);
    let failed = |error| FileError::io("open", path)(error);
    let file = File::open(path, &mut options, Links::Refused).map_err(failed)?;
    match file.try_lock() {
        Ok(true) => {}
        Ok(false) => return Err(FileError::Locked { path: path.to_owned(), holder: "another process".into() }),
        Err(error) if disk::is_unsupported(&error) => disk::warn_of_no_locks(path, &error),
        Err(error) => return Err(failed(error)),
    }
    Ok(file.into_std())
}

fn fill(hidden: &Path, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let mut file = BufWriter::new(File::create_new(hidden)?);
    write(&mut file)?;
    file.into_inner().map_err(io::IntoInnerError::into_error)?.sync()
}

/// The content of the plain file at `path`; pipes and devices are refused, links are followed.
///
/// # Errors
/// [`FileError`]; a file of more than `most` bytes is refused before anything is allocated.
pub fn read(path: impl AsRef<Path>, most: u64) -> Result<Vec<u8>, FileError> {
    read_through(path.as_ref(), most, Links::Followed)
}

/// As [`read`], and a link at `path` is refused.
///
/// # Errors
/// As [`read`].
pub fn read_nofollow(path: impl AsRef<Path>, most: u64) -> Result<Vec<u8>, FileError> {
    read_through(path.as_ref(), most, Links::NotFollowed)
}

/// Hands the content of the plain file at `path` to `piece`, one piece after another, so that no file is too large. A link is
/// refused, as are pipes and devices.
///
/// # Errors
/// [`FileError`] when the system refuses.
pub fn read_pieces(path: impl AsRef<Path>, mut piece: impl FnMut(&[u8])) -> Result<(), FileError> {
    let path = path.as_ref();
    let mut content = || {
        let mut file = File::open(path, std::fs::File::options().read(true), Links::NotFollowed)?;
        let mut buffer = vec![0; 1 << 16];
        loop {
            match file.read(&mut buffer)? {
                0 => return Ok(()),
                len => piece(&buffer[..len]),
            }
        }
    };
    content().map_err(FileError::io("read", path))
}

fn read_through(path: &Path, most: u64, links: Links) -> Result<Vec<u8>, FileError> {
    let failed = FileError::io("read", path);
    let content = || {
        let mut file = File::open(path, std::fs::File::options().read(true), links)?;
        let len = file.len()?;
        let mut bytes = Vec::new();
        if len <= most {
            bytes.reserve_exact(len as usize);
            // A file that grows meanwhile stays within the bound.
            (&mut file).take(most).read_to_end(&mut bytes)?;
        }
        Ok((len, bytes))
    };
    let (len, bytes) = content().map_err(failed)?;
    if len > most {
        return Err(FileError::TooLarge { path: path.to_owned(), len, most });
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn names(folder: &Path) -> Vec<String> {
        fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect()
    }

    #[test]
    fn replaces_and_leaves_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/a.txt");
        write_atomic(&path, b"one").unwrap();
        write_atomic(&path, b"two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(names(path.parent().unwrap()), ["a.txt"]);
    }

    #[test]
    fn a_failed_write_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.txt");
        write_atomic(&path, b"old").unwrap();
        let error = write_atomic_with(&path, |file| {
            file.write_all(b"half")?;
            Err(io::Error::other("disk full"))
        })
        .unwrap_err();
        assert!(error.to_string().contains("a.txt"), "{error}");
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(names(folder.path()), ["a.txt"]);
    }

    #[test]
    fn a_file_larger_than_allowed_is_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        write_atomic(&path, &[7; 10]).unwrap();
        assert_eq!(read(&path, 10).unwrap(), [7; 10]);
        assert!(matches!(read(&path, 9), Err(FileError::TooLarge { len: 10, most: 9, .. })));
    }

    #[test]
    fn a_file_comes_in_pieces() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        let whole: Vec<u8> = (0..200_000_u32).map(|i| i as u8).collect();
        write_atomic(&path, &whole).unwrap();
        let mut found = Vec::new();
        read_pieces(&path, |piece| found.extend_from_slice(piece)).unwrap();
        assert!(found == whole);
        assert!(read_pieces(folder.path().join("b"), |_| ()).unwrap_err().is_not_found());
    }

    #[test]
    fn a_path_without_a_name_is_refused() {
        assert!(matches!(write_atomic("/", b""), Err(FileError::NoName { .. })));
    }

    // A child process in its place would hold other tests' locks until it is under way.
    #[cfg(all(unix, not(target_vendor = "apple")))]
    #[test]
    fn a_pipe_is_refused_and_not_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pipe");
        assert!(rustix::fs::mkfifoat(rustix::fs::CWD, &path, rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR).is_ok());
        assert!(read(&path, 10).unwrap_err().to_string().contains("no plain file"));
        assert!(read("/dev/zero", 10).unwrap_err().to_string().contains("no plain file"));
        std::fs::write(folder.path().join("a"), "plain").unwrap();
        std::os::unix::fs::symlink("a", folder.path().join("link")).unwrap();
        assert_eq!(read(folder.path().join("link"), 10).unwrap(), b"plain");
        assert!(read_nofollow(folder.path().join("link"), 10).unwrap_err().to_string().contains("no plain file"));
        // A copy made of hard links, as backups are, is read.
        std::fs::hard_link(folder.path().join("a"), folder.path().join("b")).unwrap();
        assert_eq!(read_nofollow(folder.path().join("b"), 10).unwrap(), b"plain");
    }

    #[test]
    fn a_file_system_that_cannot_sync_folders_is_written_to() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        let (written, struck) = crate::fault::inject(crate::fault::Fault::NoFolderSync, || write_atomic(&path, b"one"));
        assert!(struck);
        written.unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"one");
    }

    #[test]
    fn a_partial_file_is_opened_once_and_not_through_a_link() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("part");
        fs::write(&path, "half").unwrap();
        let open = open_partial(&path).unwrap();
        assert!(matches!(open_partial(&path), Err(FileError::Locked { .. })));
        drop(open);
        let (open, struck) = crate::fault::inject(crate::fault::Fault::NoLocks, || open_partial(&path));
        assert!(struck && open.is_ok());
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink(&path, folder.path().join("link")).unwrap();
            assert!(open_partial(folder.path().join("link")).is_err());
        }
        assert_eq!(fs::read(&path).unwrap(), b"half");
    }
}
