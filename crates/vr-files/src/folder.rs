//! One folder with all that is in it.

use crate::{
    FileError,
    disk::{self, Claim, File, Links},
    plain::{create_folder, list, remove, sync_folder},
    sibling::{aside, parent, sweep_beside, temporary},
};
use std::{
    io,
    path::{Path, PathBuf},
};

/// Lets `build` fill a temporary folder, then puts it at `path`. An empty folder there is taken over. What an earlier
/// call for `path` left behind when it was killed is removed.
///
/// # Errors
/// [`FileError::Exists`] when something is at `path`, or has appeared there by the time that the folder is built; what
/// `build` returns; otherwise [`FileError`]. Nothing new is left behind, unless the last sync alone failed: the folder is
/// then in place, but may not outlast a power cut.
pub fn create_folder_atomic<T, E: From<FileError>>(
    path: impl AsRef<Path>,
    build: impl FnOnce(&Path) -> Result<T, E>,
) -> Result<T, E> {
    let path = path.as_ref();
    if occupied(path)? {
        return Err(FileError::Exists { path: path.to_owned() }.into());
    }
    build_and_place(path, build, |hidden| Ok(place_new(hidden, path)?))
}

/// As [`create_folder_atomic`], and a folder at `path` gives way once the new one is complete, if `may_go` agrees: it is
/// given the old folder where it lies, and again after it was set aside. If it then finds what has appeared meanwhile,
/// the old folder is put back. Anything else than a folder at `path` stays.
///
/// On Linux the two change places at one stroke. Elsewhere two renames are needed, so a power cut between
/// them leaves the old content under a hidden name beside `path`; it is never lost.
///
/// # Errors
/// What `build` or `may_go` returns; [`FileError::Locked`] while another process replaces the same folder; or another
/// [`FileError`]; at `path` is then what stood there or, where only the old content could not be removed or the last sync
/// failed, the new folder.
pub fn replace_folder<T, E: From<FileError>>(
    path: impl AsRef<Path>,
    build: impl FnOnce(&Path) -> Result<T, E>,
    may_go: impl Fn(&Path) -> Result<(), E>,
) -> Result<T, E> {
    let path = path.as_ref();
    if occupied(path)? {
        may_go(path)?;
    }
    build_and_place(path, build, |hidden| place_over(hidden, path, may_go))
}

/// Removes a folder with all that is in it: whoever looks finds it whole or not at all. What a kill leaves of it has a
/// hidden name, and [`sweep`](crate::sweep) removes it.
///
/// # Errors
/// [`FileError`] when the system refuses.
pub fn remove_folder_atomic(path: impl AsRef<Path>) -> Result<(), FileError> {
    let path = path.as_ref();
    let hidden = temporary(path)?;
    disk::rename(path, &hidden).map_err(FileError::io("remove", path))?;
    remove(hidden)
}

fn occupied(path: &Path) -> Result<bool, FileError> {
    Ok(match disk::look(path).map_err(FileError::io("look at", path))? {
        None => false,
        Some(found) if found.is_dir() => !list(path)?.is_empty(),
        Some(_) => true,
    })
}

fn build_and_place<T, E: From<FileError>>(
    path: &Path,
    build: impl FnOnce(&Path) -> Result<T, E>,
    place: impl FnOnce(&Path) -> Result<(), E>,
) -> Result<T, E> {
    let folder = parent(path);
    create_folder(folder)?;
    sweep_beside(path);
    let (hidden, _claim) = begin(path)?;
    let built = build(&hidden).and_then(|value| {
        sync_tree(&hidden)?;
        Ok(value)
    });
    if built.is_err() {
        let _ = disk::remove_dir_all(&hidden);
    }
    let value = built?;
    place(&hidden)?;
    sync_folder(folder)?;
    Ok(value)
}

/// An empty hidden folder beside `path`, and what tells others that it is being built.
fn begin(path: &Path) -> Result<(PathBuf, Claim), FileError> {
    loop {
        let hidden = temporary(path)?;
        disk::create_dir(&hidden).map_err(FileError::io("create", &hidden))?;
        match Claim::take(&hidden) {
            Ok(Some(claim)) => return Ok((hidden, claim)),
            // Somebody took it for a leftover before it could be claimed.
            Ok(None) => {}
            Err(error) => {
                let _ = disk::remove_dir_all(&hidden);
                return Err(FileError::io("create", &hidden)(error));
            }
        }
    }
}

/// A rename puts a folder where nothing or an empty folder is, and nowhere else.
fn place_new(hidden: &Path, path: &Path) -> Result<(), FileError> {
    use io::ErrorKind::{AlreadyExists, DirectoryNotEmpty, NotADirectory};

    disk::rename(hidden, path).map_err(|error| {
        let _ = disk::remove_dir_all(hidden);
        match error.kind() {
            AlreadyExists | DirectoryNotEmpty | NotADirectory => FileError::Exists { path: path.to_owned() },
            _ => FileError::io("put in place", path)(error),
        }
    })
}

fn place_over<E: From<FileError>>(
    hidden: &Path,
    path: &Path,
    may_go: impl Fn(&Path) -> Result<(), E>,
) -> Result<(), E> {
    let undone = |error: E| {
        let _ = disk::remove_dir_all(hidden);
        error
    };
    let claim = match claim_old(path) {
        Ok(Some(claim)) => claim,
        Ok(None) => return Ok(place_new(hidden, path)?),
        Err(error) => return Err(undone(error.into())),
    };
    let exchanged = disk::exchange(hidden, path).map_err(FileError::io("exchange", path));
    let old = if exchanged.map_err(|error| undone(error.into()))? {
        if let Err(found) = may_go(hidden) {
            disk::exchange(hidden, path).map_err(FileError::io("put back", path))?;
            return Err(undone(found));
        }
        hidden.to_owned()
    } else {
        let old = aside(path).map_err(|error| undone(error.into()))?;
        disk::rename(path, &old).map_err(|error| undone(FileError::io("set aside", path)(error).into()))?;
        let placed =
            may_go(&old).and_then(|()| Ok(disk::rename(hidden, path).map_err(FileError::io("put in place", path))?));
        if let Err(error) = placed {
            disk::rename(&old, path).map_err(FileError::io("put back", path))?;
            return Err(undone(error));
        }
        old
    };
    drop(claim);
    sync_folder(parent(path))?;
    Ok(remove(old)?)
}

/// Keeps others from replacing or removing the folder at `path`; `None` where nothing is.
fn claim_old(path: &Path) -> Result<Option<Claim>, FileError> {
    match disk::look(path).map_err(FileError::io("look at", path))? {
        None => Ok(None),
        Some(found) if found.is_dir() => match Claim::take(path).map_err(FileError::io("lock", path))? {
            Some(claim) => Ok(Some(claim)),
            None => {
                Err(FileError::Locked { path: path.to_owned(), holder: "another process, which replaces it".into() })
            }
        },
        Some(_) => Err(FileError::Exists { path: path.to_owned() }),
    }
}

fn sync_tree(folder: &Path) -> Result<(), FileError> {
    for path in list(folder)? {
        if path.is_dir() {
            sync_tree(&path)?;
        } else {
            // Windows syncs only handles that may write.
            File::open(&path, std::fs::File::options().write(true), Links::Refused)
                .and_then(|file| file.sync())
                .map_err(FileError::io("sync", &path))?;
        }
    }
    sync_folder(folder)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn with_file(content: &str) -> impl FnOnce(&Path) -> Result<(), FileError> {
        move |folder| {
            fs::create_dir(folder.join("inner")).unwrap();
            fs::write(folder.join("inner/a"), content).unwrap();
            Ok(())
        }
    }

    fn entries(folder: &Path) -> usize {
        fs::read_dir(folder).unwrap().count()
    }

    #[test]
    fn a_folder_goes_whole() {
        let outer = tempfile::tempdir().unwrap();
        let path = outer.path().join("set");
        create_folder_atomic(&path, with_file("one")).unwrap();
        let (removed, struck) = crate::fault::inject(crate::fault::Fault::From(2), || remove_folder_atomic(&path));
        assert!(struck && removed.is_err() && !path.exists());
        crate::sweep(outer.path()).unwrap();
        assert_eq!(entries(outer.path()), 0);
    }

    #[test]
    fn an_existing_folder_is_left_alone_unless_replaced() {
        let outer = tempfile::tempdir().unwrap();
        let path = outer.path().join("set");
        create_folder_atomic(&path, with_file("one")).unwrap();
        let refused = create_folder_atomic(&path, with_file("two"));
        assert!(matches!(refused, Err(FileError::Exists { path: p }) if p == path));
        assert_eq!(fs::read_to_string(path.join("inner/a")).unwrap(), "one");
        replace_folder(&path, with_file("two"), |_| Ok(())).unwrap();
        assert_eq!(fs::read_to_string(path.join("inner/a")).unwrap(), "two");
        assert_eq!(entries(outer.path()), 1);
    }

    #[test]
    fn a_failed_build_leaves_nothing() {
        let outer = tempfile::tempdir().unwrap();
        let path = outer.path().join("set");
        let failed: Result<(), FileError> = create_folder_atomic(&path, |folder| {
            fs::write(folder.join("part"), "half").unwrap();
            assert!(!path.exists(), "nothing is visible while it is built");
            Err(FileError::NoName { path: folder.to_owned() })
        });
        assert!(failed.is_err());
        assert_eq!(entries(outer.path()), 0);
    }

    #[test]
    fn an_empty_folder_is_taken_over() {
        let outer = tempfile::tempdir().unwrap();
        create_folder_atomic(outer.path().join("set"), with_file("one")).unwrap();
        let empty = outer.path().join("empty");
        fs::create_dir(&empty).unwrap();
        create_folder_atomic(&empty, with_file("one")).unwrap();
        assert!(empty.join("inner/a").exists());
    }

    #[test]
    fn what_appears_while_a_folder_is_built_stays() {
        let outer = tempfile::tempdir().unwrap();
        let path = outer.path().join("set");
        let thesis = |folder: &Path| {
            fs::create_dir_all(&path).unwrap();
            fs::write(path.join("thesis.tex"), "years of work").unwrap();
            with_file("one")(folder)
        };
        assert!(matches!(create_folder_atomic(&path, thesis), Err(FileError::Exists { path: p }) if p == path));
        assert_eq!(fs::read_to_string(path.join("thesis.tex")).unwrap(), "years of work");
        fs::remove_dir_all(&path).unwrap();

        let file = |folder: &Path| {
            fs::write(&path, "a file").unwrap();
            with_file("one")(folder)
        };
        assert!(matches!(create_folder_atomic(&path, file), Err(FileError::Exists { .. })));
        assert_eq!(fs::read_to_string(&path).unwrap(), "a file");
        assert!(matches!(replace_folder(&path, with_file("one"), |_| Ok(())), Err(FileError::Exists { .. })));
        assert_eq!(entries(outer.path()), 1, "only the file is left");
    }

    #[test]
    fn the_second_of_two_creations_is_refused() {
        let outer = tempfile::tempdir().unwrap();
        let path = outer.path().join("set");
        let second = create_folder_atomic(&path, |folder| {
            create_folder_atomic(&path, with_file("first")).unwrap();
            with_file("second")(folder)
        });
        assert!(matches!(second, Err(FileError::Exists { .. })));
        assert_eq!(fs::read_to_string(path.join("inner/a")).unwrap(), "first");
        assert_eq!(entries(outer.path()), 1);
    }

    /// Only what is known may go; the second look finds what the first could not.
    #[test]
    fn a_replaced_folder_is_put_back_when_something_has_appeared_in_it() {
        let outer = tempfile::tempdir().unwrap();
        let path = outer.path().join("set");
        create_folder_atomic(&path, with_file("one")).unwrap();
        let looks = std::cell::Cell::new(0);
        let refused = replace_folder(&path, with_file("two"), |old| {
            looks.set(looks.get() + 1);
            match looks.get() {
                2 => Err(FileError::Exists { path: old.join("thesis.tex") }),
                _ => Ok(()),
            }
        });
        assert!(matches!(refused, Err(FileError::Exists { .. })));
        assert_eq!(fs::read_to_string(path.join("inner/a")).unwrap(), "one");
        assert_eq!(entries(outer.path()), 1);
    }

    #[test]
    fn leftovers_of_the_killed_are_removed_and_of_the_living_are_not() {
        let outer = tempfile::tempdir().unwrap();
        let path = outer.path().join("set");
        for name in [".set.1-0.tmp", ".set.1-0.old", ".other.1-0.tmp", ".set.tmp"] {
            fs::create_dir(outer.path().join(name)).unwrap();
            fs::write(outer.path().join(name).join("half"), "").unwrap();
        }
        create_folder_atomic(&path, |folder| {
            assert!(outer.path().join(".set.1-0.old").exists(), "perhaps all there is");
            // Another process builds the same meanwhile.
            assert!(
                create_folder_atomic::<(), FileError>(&path, |_| Err(FileError::NoName { path: "".into() })).is_err()
            );
            assert!(folder.exists());
            with_file("one")(folder)
        })
        .unwrap();
        assert_eq!(entries(outer.path()), 4);
        replace_folder(&path, with_file("two"), |_| Ok(())).unwrap();
        assert_eq!(entries(outer.path()), 3, "the set and what is not its own");
    }

    #[test]
    fn without_locks_or_folder_syncs_the_work_goes_on() {
        use crate::fault::{Fault, inject};
        for fault in [Fault::NoLocks, Fault::NoFolderSync] {
            let outer = tempfile::tempdir().unwrap();
            let path = outer.path().join("set");
            let (outcome, struck) = inject(fault, || {
                create_folder_atomic(&path, with_file("one"))?;
                replace_folder(&path, with_file("two"), |_| Ok(()))
            });
            assert!(struck);
            outcome.unwrap();
            assert_eq!(fs::read_to_string(path.join("inner/a")).unwrap(), "two");
            assert_eq!(entries(outer.path()), 1);
        }
    }
}
