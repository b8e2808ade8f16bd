//! The names of checkpoints.

use std::path::Path;

/// The description in a checkpoint.
pub(super) const MANIFEST: &str = "manifest.json";

/// One checkpoint by its name, `NUMBER-epoch-EPOCH`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// Counts up through the run.
    pub number: u64,
    /// 1-based epoch in which it was saved.
    pub epoch: usize,
}

impl Checkpoint {
    /// The name of its folder.
    pub(super) fn name(self) -> String {
        format!("{:08}-epoch-{}", self.number, self.epoch)
    }

    /// The path of its manifest from the folder of the checkpoints.
    pub fn manifest(self) -> String {
        format!("{}/{MANIFEST}", self.name())
    }

    /// The checkpoint of a folder; `None` for a name that no checkpoint has.
    pub(super) fn parse(path: &Path) -> Option<Self> {
        let (number, epoch) = path.file_name()?.to_str()?.split_once("-epoch-")?;
        Some(Self { number: number.parse().ok()?, epoch: epoch.parse().ok()? })
    }
}
