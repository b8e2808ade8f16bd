//! Files and folders that appear whole or not at all.
//!
//! Everything is built under a temporary sibling, synced, and renamed into place; a reader, or a run
//! after a power cut, sees the old content or the new, and never a part.
//!
//! ```
//! let folder = tempfile::tempdir()?;
//! let path = folder.path().join("result.json");
//! vr_files::write_atomic(&path, b"{}")?;
//! assert_eq!(std::fs::read(&path)?, b"{}");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod error;
mod file;
mod folder;
mod sibling;

pub use error::FileError;
pub use file::{write_atomic, write_atomic_with};
pub use folder::{create_folder_atomic, replace_folder};
