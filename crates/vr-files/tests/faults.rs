//! Every operation fails in turn: what is found afterwards is the old content or the new, never a third.

use std::path::Path;

use vr_files::fault::{Fault, inject};
use vr_files::{FileError, create_folder_atomic, replace_folder, write_atomic, write_part};

/// Content of a file, or of a folder's two files; `None` where nothing is.
fn found(path: &Path) -> Option<String> {
    if path.is_dir() {
        let part = |name| std::fs::read_to_string(path.join(name)).unwrap_or_else(|_| "missing".into());
        Some(part("a") + &part("b"))
    } else {
        std::fs::read_to_string(path).ok()
    }
}

fn fill(content: &'static str) -> impl Fn(&Path) -> Result<(), FileError> {
    move |folder| {
        write_part(folder.join("a"), content.as_bytes())?;
        write_part(folder.join("b"), content.as_bytes())
    }
}

/// Runs `change` under every fault, from `prepare`d ground; returns how many faults struck.
fn check(
    old: Option<&str>,
    new: &str,
    prepare: impl Fn(&Path),
    change: impl Fn(&Path) -> Result<(), FileError>,
) -> usize {
    let mut strikes = 0;
    for kind in [Fault::Once, Fault::From, Fault::Torn, Fault::Full] {
        for n in 0.. {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("target");
            prepare(&path);
            let (outcome, struck) = inject(kind(n), || change(&path));
            let found = found(&path);
            assert!(found.as_deref() == old || found.as_deref() == Some(new), "{:?}: {found:?}", kind(n));
            assert!(outcome.is_err() || found.as_deref() == Some(new), "{:?} was hushed up", kind(n));
            if !struck {
                outcome.unwrap();
                break;
            }
            // The way is clear for the next try, whatever the last one left.
            match change(&path) {
                Ok(()) | Err(FileError::Exists { .. }) => {}
                Err(error) => panic!("{:?}: {error}", kind(n)),
            }
            strikes += 1;
        }
    }
    strikes
}

#[test]
fn a_file() {
    let write = |content: &'static str| move |path: &Path| write_atomic(path, content.as_bytes());
    let strikes = check(Some("old"), "new", |path| write("old")(path).unwrap(), write("new"));
    assert!(strikes > 20, "{strikes}");
}

#[test]
fn a_new_folder() {
    let strikes = check(None, "newnew", |_| {}, |path| create_folder_atomic(path, fill("new")));
    assert!(strikes > 30, "{strikes}");
}

/// Two renames replace a folder; a kill between them leaves the old one beside its place.
#[test]
fn a_folder_that_is_replaced() {
    let put_back = |path: &Path| {
        let aside = std::fs::read_dir(path.parent().unwrap()).unwrap().map(|entry| entry.unwrap().path());
        let old = aside.filter(|aside| aside != path).find(|aside| found(aside).as_deref() == Some("oldold"));
        std::fs::rename(old.expect("the old content is never lost"), path).unwrap();
    };
    let strikes = check(
        Some("oldold"),
        "newnew",
        |path| create_folder_atomic(path, fill("old")).unwrap(),
        |path| {
            let outcome = replace_folder(path, fill("new"), |_| Ok(()));
            if !path.exists() {
                put_back(path);
            }
            outcome
        },
    );
    assert!(strikes > 30, "{strikes}");
}
