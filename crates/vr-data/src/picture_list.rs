//! Sets whose pictures lie elsewhere: a folder with a list of each split's pictures, and where they are.
//!
//! `pictures.json` says what the set is and where its pictures lie; `train.tsv` and `test.tsv` have a line for each picture:
//! its label, where in the archive it begins, its bytes and its name, with tabs between them.

mod read;
mod verify;
mod write;

pub use read::open;
pub use verify::{PictureCheck, PictureFault, verify};
pub(crate) use write::{Listing, write};

use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// The description's name in the folder.
pub const DESCRIPTION: &str = "pictures.json";
/// An archive of pictures that belongs to the folder.
pub(crate) const OWN_ARCHIVE: &str = "pictures.tar";
/// No description is longer.
const LARGEST_DESCRIPTION: u64 = 1 << 26;

/// What a folder says about the set that it lists.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Description {
    /// What reports call the set.
    pub name: String,
    /// Names of the classes, in the order of the labels.
    pub classes: Vec<String>,
    /// The training set.
    pub train: Listed,
    /// The test set.
    pub test: Listed,
}

/// One split.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listed {
    /// How many pictures.
    pub pictures: usize,
    /// Where they are.
    pub source: Source,
    /// BLAKE3 of the classes, names and lengths of the pictures.
    pub digest: String,
    /// BLAKE3 of the list.
    pub list: String,
}

/// Where the pictures of a split are. A path that is not absolute leads on from the set's folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum Source {
    /// In a folder of folders, one for each class.
    Folder(PathBuf),
    /// In an archive that is not packed.
    Archive {
        /// The archive.
        path: PathBuf,
        /// Its length, by which another one is known.
        bytes: u64,
    },
}

impl Source {
    /// The folder or archive.
    pub fn path(&self) -> &Path {
        match self {
            Self::Folder(path) | Self::Archive { path, .. } => path,
        }
    }
}

/// Whether a folder lists a set's pictures.
pub fn is_list(dir: impl AsRef<Path>) -> bool {
    dir.as_ref().join(DESCRIPTION).is_file()
}

/// The list of a split.
fn list_file(train: bool) -> &'static str {
    if train { "train.tsv" } else { "test.tsv" }
}
