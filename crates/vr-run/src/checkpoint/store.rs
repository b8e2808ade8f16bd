//! The checkpoints of one run in one folder.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use vr_core::State;
use vr_files::{create_folder_atomic, write_part};

use crate::digest::digest;

use super::name::{Checkpoint, MANIFEST};
use super::{CheckpointError, CheckpointPolicy, SCHEMA, decode, encode};

const STATE: &str = "state.safetensors";
/// No manifest comes near this length.
const LARGEST_MANIFEST: u64 = 4096;

#[derive(Serialize, Deserialize)]
struct Manifest {
    schema: u64,
    bytes: u64,
    blake3: String,
}

/// The checkpoints of one run.
#[derive(Clone, Debug)]
pub struct Checkpoints {
    folder: PathBuf,
    policy: CheckpointPolicy,
    branches: Vec<usize>,
}

impl Checkpoints {
    /// Those in `folder`, which need not be there yet.
    pub fn new(folder: impl Into<PathBuf>, policy: CheckpointPolicy) -> Self {
        Self { folder: folder.into(), policy, branches: Vec::new() }
    }

    /// The first state after each of these epochs stays, whatever the policy.
    #[must_use]
    pub fn with_branches(self, epochs: &[usize]) -> Self {
        Self { branches: epochs.to_vec(), ..self }
    }

    /// Where a checkpoint is.
    pub fn path(&self, checkpoint: Checkpoint) -> PathBuf {
        self.folder.join(checkpoint.name())
    }

    /// What is there, oldest first, sound or not.
    ///
    /// # Errors
    /// When the folder is there and cannot be listed.
    pub fn list(&self) -> Result<Vec<Checkpoint>, CheckpointError> {
        let paths = if vr_files::is_folder(&self.folder)? { vr_files::list(&self.folder)? } else { Vec::new() };
        let mut found: Vec<_> = paths.iter().filter_map(|path| Checkpoint::parse(path)).collect();
        found.sort_by_key(|checkpoint| checkpoint.number);
        Ok(found)
    }

    /// Saves a state of epoch `epoch`, then removes what the policy does not keep.
    ///
    /// # Errors
    /// When a file cannot be written or removed; the older checkpoints are then still there.
    pub fn save(&self, epoch: usize, state: &State) -> Result<Checkpoint, CheckpointError> {
        let mut saved = self.list()?;
        let number = saved.last().map_or(0, |newest| newest.number + 1);
        let checkpoint = Checkpoint { number, epoch };
        let bytes = encode(state)?;
        let manifest = Manifest { schema: SCHEMA, bytes: bytes.len() as u64, blake3: digest(&bytes) };
        create_folder_atomic(self.path(checkpoint), |folder| {
            write_part(folder.join(STATE), &bytes)?;
            write_part(folder.join(MANIFEST), serde_json::json!(manifest).to_string().as_bytes())?;
            Ok::<_, CheckpointError>(())
        })?;
        saved.push(checkpoint);
        for gone in self.policy.obsolete(&saved, &self.branches) {
            vr_files::remove_folder_atomic(self.path(*gone))?;
        }
        Ok(checkpoint)
    }

    /// Removes them all, and their folder unless something else is in it. One that holds something else stays.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn forget(&self) -> Result<(), CheckpointError> {
        for checkpoint in self.list()? {
            let folder = self.path(checkpoint);
            let own = |path: &PathBuf| path.ends_with(MANIFEST) || path.ends_with(STATE);
            if vr_files::is_folder(&folder).unwrap_or(false) && vr_files::list(&folder)?.iter().all(own) {
                vr_files::remove_folder_atomic(folder)?;
            }
        }
        if vr_files::is_folder(&self.folder)? {
            vr_files::sync_folder(&self.folder)?;
            vr_files::remove_if_empty(&self.folder)?;
        }
        Ok(())
    }

    /// The first state that was saved after so many epochs; `None` where there is none that is sound.
    ///
    /// # Errors
    /// When the folder cannot be listed, or the system cannot read the state.
    pub fn first_after(&self, epochs: usize) -> Result<Option<State>, CheckpointError> {
        let first = self.list()?.into_iter().find(|checkpoint| checkpoint.epoch == epochs + 1);
        let loaded = first.map(|checkpoint| self.load_sound(checkpoint));
        loaded.flatten().transpose()
    }

    /// The state of a checkpoint, or nothing with a warning where it is damaged.
    fn load_sound(&self, checkpoint: Checkpoint) -> Option<Result<State, CheckpointError>> {
        let path = self.path(checkpoint);
        match load(&path) {
            Err(error) if error.is_damage() => {
                tracing::warn!(checkpoint = %path.display(), %error, "passed over");
                None
            }
            outcome => Some(outcome),
        }
    }

    /// The states of the sound checkpoints, newest first, each read when its turn comes. A checkpoint
    /// that is damaged, incomplete or of another version is passed over with a warning; an error is
    /// the system's, and says nothing about the checkpoint.
    ///
    /// # Errors
    /// When the folder cannot be listed.
    pub fn sound(&self) -> Result<impl Iterator<Item = Result<State, CheckpointError>>, CheckpointError> {
        Ok(self.list()?.into_iter().rev().filter_map(|checkpoint| self.load_sound(checkpoint)))
    }
}

/// Reads one checkpoint.
///
/// # Errors
/// When it is incomplete, damaged or of another version.
pub fn load(folder: &Path) -> Result<State, CheckpointError> {
    vr_files::is_folder(folder)?;
    let damaged = |name: &str, reason: String| CheckpointError::Damaged { path: folder.join(name), reason };
    let text = vr_files::read_nofollow(folder.join(MANIFEST), LARGEST_MANIFEST)?;
    let manifest: Manifest = serde_json::from_slice(&text).map_err(|e| damaged(MANIFEST, e.to_string()))?;
    if manifest.schema != SCHEMA {
        return Err(CheckpointError::Schema { path: folder.to_owned(), found: manifest.schema });
    }
    let bytes = vr_files::read_nofollow(folder.join(STATE), manifest.bytes)?;
    if bytes.len() as u64 != manifest.bytes || digest(&bytes) != manifest.blake3 {
        return Err(damaged(STATE, "its length and BLAKE3 digest are not the manifest's".into()));
    }
    Ok(decode(&bytes)?)
}
