//! Files and folders that appear whole or not at all.
//!
//! Everything final is built under a temporary sibling, synced, and renamed into place; a reader, or a
//! run after a power cut, sees the old content or the new, and never a part. Beside that there are a
//! file that only grows ([`AppendFile`]), a lock between processes ([`Lock`]), and a disk that fails
//! on demand for tests ([`fault`]).
//!
//! ```
//! use std::io::{Error, Write};
//!
//! let folder = tempfile::tempdir()?;
//! let path = folder.path().join("result.json");
//! vr_files::write_atomic(&path, b"old")?;
//! let failed = vr_files::write_atomic_with(&path, |file| {
//!     file.write_all(b"half of the n")?;
//!     Err(Error::other("no more"))
//! });
//! assert!(failed.is_err());
//! assert_eq!(std::fs::read(&path)?, b"old");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod append;
mod disk;
mod error;
pub mod fault;
mod file;
mod folder;
mod lock;
mod plain;
mod sibling;

pub use append::AppendFile;
pub use error::FileError;
pub use file::{open_partial, read, read_nofollow, read_pieces, write_atomic, write_atomic_with, write_part};
pub use folder::{create_folder_atomic, remove_folder_atomic, replace_folder};
pub use lock::Lock;
pub use plain::{create_folder, is_folder, list, remove, remove_if_empty, sync_folder};
pub use sibling::sweep;

/// The code of the crate's README, as a test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
