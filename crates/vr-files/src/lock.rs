//! One process at a time, or several that share.

use crate::{
    FileError,
    disk::{self, File, Links},
};
use std::{
    fs::OpenOptions,
    io::{self, Read, Write},
    path::Path,
    process, thread,
    time::Duration,
};

/// A lock file, held as long as this value lives; the system frees it when the process ends, however
/// it ends.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

/// No note of a holder is longer.
const LONGEST_NOTE: u64 = 100;
const NOTE: &str = "process ";

/// How often, and after which pause, a lock is tried that only those who ask for its holder have.
const TRIES: u32 = 200;
const PAUSE: Duration = Duration::from_millis(5);

impl Lock {
    /// Who holds the lock at `path`; `None` when nobody does, there is no such file, or the file system knows no locks.
    ///
    /// Nothing is written or created, a link is not followed, and whoever wants to take the lock is not kept from it.
    ///
    /// # Errors
    /// [`FileError`] when the system refuses, or what is there is no plain file.
    pub fn holder(path: impl AsRef<Path>) -> Result<Option<String>, FileError> {
        let path = path.as_ref();
        let failed = |error| FileError::io("look at the lock", path)(error);
        let mut file = match File::open(path, OpenOptions::new().read(true), Links::Refused) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            file => file.map_err(failed)?,
        };
        match file.try_lock_shared() {
            Ok(true) => Ok(None),
            Ok(false) => Ok(Some(holder_in(&mut file))),
            Err(error) if disk::is_unsupported(&error) => Ok(None),
            Err(error) => Err(failed(error)),
        }
    }

    /// Takes the lock, and notes in the file who holds it. Where the file system knows no locks, the work goes on with a
    /// warning, and nobody else is kept out.
    ///
    /// # Errors
    /// [`FileError::Locked`], which names the holder, while another process or thread has it; any other
    /// [`FileError`] when the system refuses, or what is at `path` is no lock file.
    pub fn acquire(path: impl AsRef<Path>) -> Result<Self, FileError> {
        let path = path.as_ref();
        let failed = |error| FileError::io("lock", path)(error);
        let mut file = open(path).map_err(failed)?;
        let locked = |holder| Err(FileError::Locked { path: path.to_owned(), holder });
        match exclusively(&file) {
            Ok(Taken::Alone) => {}
            Ok(Taken::ByOne) => return locked(holder_in(&mut file)),
            Ok(Taken::ByMany) => return locked("others, who share it,".into()),
            Err(error) if disk::is_unsupported(&error) => disk::warn_of_no_locks(path, &error),
            Err(error) => return Err(failed(error)),
        }
        if !is_lock(&mut file).map_err(failed)? {
            let error = io::Error::new(io::ErrorKind::InvalidData, "it is no lock file: it holds something else");
            return Err(failed(error));
        }
        let noted = file.set_len(0).and_then(|()| file.rewind());
        noted.and_then(|()| file.write_all(format!("{NOTE}{}", process::id()).as_bytes())).map_err(failed)?;
        Ok(Self { _file: file })
    }

    /// Takes the lock together with all others who share it, none of whom keeps the others out; whoever wants it alone is kept
    /// out by any of them. Nothing is noted. Where the file system knows no locks, the work goes on with a warning.
    ///
    /// # Errors
    /// As [`acquire`](Self::acquire), while another process has it alone.
    pub fn share(path: impl AsRef<Path>) -> Result<Self, FileError> {
        let path = path.as_ref();
        let failed = |error| FileError::io("lock", path)(error);
        let mut file = open(path).map_err(failed)?;
        match file.try_lock_shared() {
            Ok(true) => Ok(Self { _file: file }),
            Ok(false) => Err(FileError::Locked { path: path.to_owned(), holder: holder_in(&mut file) }),
            Err(error) if disk::is_unsupported(&error) => {
                disk::warn_of_no_locks(path, &error);
                Ok(Self { _file: file })
            }
            Err(error) => Err(failed(error)),
        }
    }
}

/// The lock file, new or as it is, not through a link.
fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    File::open(path, &mut options, Links::Refused)
}

/// What became of a try to have a lock alone.
enum Taken {
    /// It was taken.
    Alone,
    /// Somebody has it alone.
    ByOne,
    /// Some share it.
    ByMany,
}

/// Takes the lock, past those who only ask for its holder.
fn exclusively(file: &File) -> io::Result<Taken> {
    for _ in 0..TRIES {
        if file.try_lock()? {
            return Ok(Taken::Alone);
        }
        if !file.try_lock_shared()? {
            return Ok(Taken::ByOne);
        }
        file.unlock()?;
        thread::sleep(PAUSE);
    }
    Ok(Taken::ByMany)
}

/// Who holds the lock, by what is noted in its file. Some systems let nobody else read a locked one.
fn holder_in(file: &mut File) -> String {
    let mut note = String::new();
    let read = file.take(LONGEST_NOTE).read_to_string(&mut note).is_ok() && !note.is_empty();
    if read { note } else { "another process".into() }
}

/// Whether nothing but the note of a holder, or its beginning, is in the file.
fn is_lock(file: &mut File) -> io::Result<bool> {
    let mut note = Vec::new();
    file.take(LONGEST_NOTE).read_to_end(&mut note)?;
    let digits = note.get(NOTE.len()..).unwrap_or_default();
    Ok(file.len()? <= LONGEST_NOTE
        && NOTE.as_bytes().starts_with(&note[..note.len().min(NOTE.len())])
        && digits.iter().all(u8::is_ascii_digit))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::{Fault, inject};

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

    #[test]
    fn those_who_share_keep_out_those_who_do_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let shared = [Lock::share(&path).unwrap(), Lock::share(&path).unwrap()];
        let kept_out = |error: FileError| matches!(error, FileError::Locked { holder, .. } if holder.contains("share"));
        assert!(kept_out(Lock::acquire(&path).unwrap_err()));
        let [first, second] = shared;
        drop(first);
        assert!(kept_out(Lock::acquire(&path).unwrap_err()));
        drop(second);
        let alone = Lock::acquire(&path).unwrap();
        assert!(matches!(Lock::share(&path), Err(FileError::Locked { holder, .. }) if holder.starts_with("process ")));
        drop(alone);
        Lock::share(&path).unwrap();
    }

    /// Asking for the holder, over and over, keeps nobody from the lock.
    #[test]
    fn those_who_ask_are_in_nobodys_way() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        drop(Lock::acquire(&path).unwrap());
        let stop = std::sync::atomic::AtomicBool::new(false);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                        Lock::holder(&path).unwrap();
                    }
                });
            }
            let taken = (0..50).map(|_| Lock::acquire(&path).map(drop)).collect::<Result<Vec<()>, _>>();
            stop.store(true, std::sync::atomic::Ordering::Relaxed);
            taken.unwrap();
        });
    }

    #[test]
    fn asking_neither_creates_nor_writes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        assert_eq!(Lock::holder(&path).unwrap(), None);
        assert!(!path.exists());
        std::fs::write(&path, "process 1").unwrap();
        let mut permissions = std::fs::metadata(&path).unwrap().permissions();
        permissions.set_readonly(true);
        std::fs::set_permissions(&path, permissions).unwrap();
        assert_eq!(Lock::holder(&path).unwrap(), None);
        assert_eq!(std::fs::read(&path).unwrap(), b"process 1");
    }

    #[test]
    fn a_file_that_is_no_lock_is_left_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        for content in ["a thesis", "process of elimination", "process 12\n", &"process 1".repeat(20)] {
            std::fs::write(&path, content).unwrap();
            let error = Lock::acquire(&path).unwrap_err();
            assert!(error.to_string().contains("no lock file"), "{error}");
            assert_eq!(std::fs::read_to_string(&path).unwrap(), content);
        }
        for content in ["", "proc", "process ", "process 123456"] {
            std::fs::write(&path, content).unwrap();
            Lock::acquire(&path).unwrap();
        }
    }

    // A child process in its place would hold other tests' locks until it is under way.
    #[cfg(all(unix, not(target_vendor = "apple")))]
    #[test]
    fn links_and_pipes_are_neither_followed_nor_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let (victim, path) = (folder.path().join("victim"), folder.path().join("lock"));
        std::fs::write(&victim, "").unwrap();
        let symlink = || std::os::unix::fs::symlink(&victim, &path).unwrap();
        let dangling = || std::os::unix::fs::symlink(folder.path().join("nowhere"), &path).unwrap();
        let hard = || std::fs::hard_link(&victim, &path).unwrap();
        let pipe = || {
            assert!(
                rustix::fs::mkfifoat(rustix::fs::CWD, &path, rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR).is_ok()
            )
        };
        for make in [&symlink as &dyn Fn(), &dangling, &hard, &pipe] {
            make();
            for error in [Lock::acquire(&path).map(drop).unwrap_err(), Lock::holder(&path).map(drop).unwrap_err()] {
                assert!(error.to_string().contains("no plain file"), "{error}");
            }
            assert_eq!(std::fs::read(&victim).unwrap(), b"");
            assert!(!folder.path().join("nowhere").exists());
            std::fs::remove_file(&path).unwrap();
        }
    }

    #[test]
    fn without_locks_the_work_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let (outcome, struck) = inject(Fault::NoLocks, || Lock::acquire(&path).map(drop));
        assert!(outcome.is_ok() && struck);
        let (outcome, struck) = inject(Fault::NoLocks, || Lock::share(&path).map(drop));
        assert!(outcome.is_ok() && struck);
        let (holder, struck) = inject(Fault::NoLocks, || Lock::holder(&path));
        assert!(struck);
        assert_eq!(holder.unwrap(), None);
    }
}
