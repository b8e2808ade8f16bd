//! Temporary names next to a final one.

use crate::{
    FileError,
    disk::{self, Claim},
    plain::remove,
};
use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    process,
    sync::atomic::{AtomicU32, Ordering},
};

/// The folder that holds `path`.
pub(crate) fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// The end of the name of what is being built.
const BUILT: &str = ".tmp";
/// The end of the name of what was set aside, where two folders cannot change places at one stroke.
const ASIDE: &str = ".old";

/// A hidden name beside `path` for what is being built. No other call, thread or process uses it. A process that was
/// killed may have left one behind, and a later process may have its number: taken names are passed over.
pub(crate) fn temporary(path: &Path) -> Result<PathBuf, FileError> {
    hidden(path, BUILT)
}

/// The like, for what gives way.
pub(crate) fn aside(path: &Path) -> Result<PathBuf, FileError> {
    hidden(path, ASIDE)
}

fn hidden(path: &Path, end: &str) -> Result<PathBuf, FileError> {
    static COUNTER: AtomicU32 = AtomicU32::new(0);
    let name = path.file_name().ok_or_else(|| FileError::NoName { path: path.to_owned() })?;
    loop {
        let mut hidden = OsString::from(".");
        hidden.push(name);
        hidden.push(format!(".{}-{}{end}", process::id(), COUNTER.fetch_add(1, Ordering::Relaxed)));
        let hidden = parent(path).join(hidden);
        if disk::look(&hidden).map_err(FileError::io("look at", &hidden))?.is_none() {
            return Ok(hidden);
        }
    }
}

/// The final name that a hidden name ending in `end` was made for.
fn final_name<'a>(path: &'a Path, end: &str) -> Option<&'a [u8]> {
    let name = path.file_name()?.as_encoded_bytes().strip_prefix(b".")?.strip_suffix(end.as_bytes())?;
    let dot = name.iter().rposition(|&byte| byte == b'.')?;
    let (name, numbers) = (&name[..dot], &name[dot + 1..]);
    let dash = numbers.iter().position(|&byte| byte == b'-')?;
    let number = |digits: &[u8]| !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    (!name.is_empty() && number(&numbers[..dash]) && number(&numbers[dash + 1..])).then_some(name)
}

/// Removes what processes that were killed left half built in `folder`, and nothing else. A folder that another process
/// is building stays, as does everything in a `folder` that is itself a link.
///
/// # Errors
/// [`FileError`] when the folder cannot be listed or something in it not removed.
pub fn sweep(folder: impl AsRef<Path>) -> Result<(), FileError> {
    let folder = folder.as_ref();
    if disk::look(folder).map_err(FileError::io("look at", folder))?.is_some_and(|found| found.is_symlink()) {
        return Ok(());
    }
    for path in disk::list(folder).map_err(FileError::io("list", folder))? {
        if final_name(&path, BUILT).is_some() {
            let found = disk::look(&path).map_err(FileError::io("look at", &path))?;
            let is_dir = found.is_some_and(|found| found.is_dir());
            let claim = if is_dir { Claim::take(&path).map_err(FileError::io("look at", &path))? } else { None };
            if !is_dir || claim.is_some() {
                remove(path)?;
            }
        }
    }
    Ok(())
}

/// Removes, as far as that is possible, what earlier calls for the folder at `path` left behind when they were killed.
/// What a living process builds is locked; what was set aside is needed until something is at `path` again.
pub(crate) fn sweep_beside(path: &Path) {
    let (Some(name), Ok(beside)) = (path.file_name(), disk::list(parent(path))) else { return };
    let made_for = |hidden: &Path, end| final_name(hidden, end) == Some(name.as_encoded_bytes());
    for hidden in beside {
        let is_dir = |path| disk::look(path).is_ok_and(|found| found.is_some_and(|found| found.is_dir()));
        let left_over = (made_for(&hidden, BUILT) || made_for(&hidden, ASIDE) && is_dir(path)) && is_dir(&hidden);
        if left_over
            && let Ok(Some(claim)) = Claim::take(&hidden)
            && claim.holds()
            && remove(&hidden).is_ok()
        {
            tracing::info!(folder = %hidden.display(), "removed what an earlier process had left half done");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_left_behind_are_passed_over_and_swept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.txt");
        // What a process of the same number would have left: every name for a while.
        for n in 0..1000 {
            std::fs::write(folder.path().join(format!(".a.txt.{}-{n}.tmp", process::id())), "half").unwrap();
        }
        crate::write_atomic(&path, b"whole").unwrap();
        sweep(folder.path()).unwrap();
        assert_eq!(disk::list(folder.path()).unwrap(), [path]);
    }

    #[test]
    fn only_ones_own_is_swept() {
        let folder = tempfile::tempdir().unwrap();
        let names = [".tmp", "a.1-2.tmp", ".a.tmp", ".a.1.tmp", ".a.1-.tmp", ".a.1-2x.tmp", ".1-2.tmp", ".a.1-2.old"];
        for name in names {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        for name in [".a.1-2.tmp", ".a b.c.77-0.tmp"] {
            std::fs::create_dir(folder.path().join(name)).unwrap();
        }
        let building = folder.path().join(".b.1-2.tmp");
        std::fs::create_dir(&building).unwrap();
        let claim = Claim::take(&building).unwrap().unwrap();
        sweep(folder.path()).unwrap();
        assert_eq!(disk::list(folder.path()).unwrap().len(), names.len() + usize::from(claim.holds()));
        drop(claim);
        sweep(folder.path()).unwrap();
        assert_eq!(disk::list(folder.path()).unwrap().len(), names.len());
    }

    #[cfg(unix)]
    #[test]
    fn what_a_link_leads_to_is_not_swept() {
        let folder = tempfile::tempdir().unwrap();
        let (elsewhere, link) = (folder.path().join("elsewhere"), folder.path().join("link"));
        std::fs::create_dir(&elsewhere).unwrap();
        std::fs::write(elsewhere.join(".a.1-2.tmp"), "").unwrap();
        std::os::unix::fs::symlink(&elsewhere, &link).unwrap();
        sweep(&link).unwrap();
        assert!(elsewhere.join(".a.1-2.tmp").exists());
    }
}
