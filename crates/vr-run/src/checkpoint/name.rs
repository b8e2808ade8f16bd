//! The names of checkpoints.

use std::path::Path;

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

    /// The checkpoint of a folder; `None` for a name that no checkpoint has.
    pub(super) fn parse(path: &Path) -> Option<Self> {
        let (number, epoch) = path.file_name()?.to_str()?.split_once("-epoch-")?;
        Some(Self { number: number.parse().ok()?, epoch: epoch.parse().ok()? })
    }
}
