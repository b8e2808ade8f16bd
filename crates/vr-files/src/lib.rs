//! Files and folders that appear whole or not at all.
//!
//! Everything final is built under a temporary sibling, synced, and renamed into place; a reader, or a
//! run after a power cut, sees the old content or the new, and never a part. Beside that there are a
//! file that only grows ([`AppendFile`]), a lock between processes ([`Lock`]), and a disk that fails
//! on demand for tests ([`fault`]).
//!
//! ```
//! let folder = tempfile::tempdir()?;
//! let path = folder.path().join("result.json");
//! vr_files::write_atomic(&path, b"{}")?;
//! assert_eq!(std::fs::read(&path)?, b"{}");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod append;
mod disk;
mod error;
pub mod fault;
mod file;
mod folder;
mod lock;
mod sibling;

pub use append::AppendFile;
pub use error::FileError;
pub use file::{read, write_atomic, write_atomic_with, write_part};
pub use folder::{create_folder, create_folder_atomic, list, remove, replace_folder};
pub use lock::Lock;
pub use sibling::sweep;
