//! A disk that fails on demand, for tests.
//!
//! Every operation of this crate passes through here first. [`inject`] makes some of them fail, on the
//! calling thread alone:
//!
//! ```
//! use vr_files::fault::{Fault, inject};
//!
//! let folder = tempfile::tempdir()?;
//! let path = folder.path().join("a.txt");
//! vr_files::write_atomic(&path, b"old")?;
//! for n in 0.. {
//!     let (written, struck) = inject(Fault::From(n), || vr_files::write_atomic(&path, b"new"));
//!     let found = std::fs::read(&path)?;
//!     assert!(found == b"old" || found == b"new");
//!     assert!(struck != written.is_ok());
//!     if !struck {
//!         break;
//!     }
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::{cell::Cell, io};

/// What goes wrong. Operations are counted from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// One operation fails and leaves no trace; those after it succeed.
    Once(u64),
    /// This operation and all after it fail: the disk is left as if the process had been killed there.
    From(u64),
    /// As [`From`](Self::From), and if the operation is a write, the first half of its bytes arrives.
    Torn(u64),
    /// The disk is full after this many bytes: the write that would exceed them brings what fits, and
    /// it and all writes after it fail.
    Full(u64),
    /// The file system cannot sync folders; all else succeeds.
    NoFolderSync,
    /// The file system knows no locks; all else succeeds.
    NoLocks,
}

#[derive(Clone, Copy)]
struct Active {
    fault: Fault,
    operations: u64,
    bytes: u64,
    struck: bool,
}

thread_local! {
    static ACTIVE: Cell<Option<Active>> = const { Cell::new(None) };
}

/// Does `work` with `fault` in force; also says whether the fault struck.
pub fn inject<T>(fault: Fault, work: impl FnOnce() -> T) -> (T, bool) {
    ACTIVE.set(Some(Active { fault, operations: 0, bytes: 0, struck: false }));
    let result = work();
    let struck = ACTIVE.take().is_some_and(|active| active.struck);
    (result, struck)
}

/// Counts an operation that is no write; the error is what it fails with.
pub(crate) fn operation() -> io::Result<()> {
    write(0).map_err(|(_, error)| error)
}

/// Counts a write of `len` bytes; the error comes with how many of them arrive all the same.
pub(crate) fn write(len: u64) -> Result<(), (u64, io::Error)> {
    let Some(mut active) = ACTIVE.get() else { return Ok(()) };
    let n = active.operations;
    let failed = |kind: io::ErrorKind| io::Error::new(kind, format!("injected at operation {n}"));
    let outcome = match active.fault {
        Fault::Once(at) if n == at => Err((0, failed(io::ErrorKind::Other))),
        Fault::From(at) if n >= at => Err((0, failed(io::ErrorKind::Other))),
        Fault::Torn(at) if n >= at => Err((if n == at { len / 2 } else { 0 }, failed(io::ErrorKind::Other))),
        Fault::Full(room) if len > 0 && active.bytes + len > room => {
            Err((room - active.bytes, failed(io::ErrorKind::StorageFull)))
        }
        _ => Ok(()),
    };
    active.operations += 1;
    active.bytes += outcome.as_ref().map_or_else(|(arriving, _)| *arriving, |()| len);
    active.struck |= outcome.is_err();
    ACTIVE.set(Some(active));
    outcome
}

/// What the sync of a folder fails with.
pub(crate) fn folder_sync() -> io::Result<()> {
    unsupported(Fault::NoFolderSync, io::ErrorKind::InvalidInput)
}

/// What a lock fails with.
pub(crate) fn locking() -> io::Result<()> {
    unsupported(Fault::NoLocks, io::ErrorKind::Unsupported)
}

fn unsupported(fault: Fault, kind: io::ErrorKind) -> io::Result<()> {
    match ACTIVE.get() {
        Some(active) if active.fault == fault => {
            ACTIVE.set(Some(Active { struck: true, ..active }));
            Err(kind.into())
        }
        _ => Ok(()),
    }
}
