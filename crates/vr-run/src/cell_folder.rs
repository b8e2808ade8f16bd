//! The folder of one cell: `settings.json`, `metrics.jsonl`, `timing.jsonl`, `checkpoints/` and, once
//! it is finished, `result.json`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use vr_files::{Lock, write_atomic};

use crate::cell::Cell;
use crate::checkpoint::{CheckpointPolicy, Checkpoints};
use crate::difference::difference;
use crate::digest::digest;
use crate::error::RunError;
use crate::log::{self, LogError};
use crate::position::Position;
use crate::time::EpochTime;

const SETTINGS: &str = "settings.json";
const METRICS: &str = "metrics.jsonl";
const TIMING: &str = "timing.jsonl";
const RESULT: &str = "result.json";
const ERROR: &str = "error.txt";
const CHECKPOINTS: &str = "checkpoints";
/// Held by a process that works on the cell while others work on others.
const LOCK: &str = "lock";

/// Longest `settings.json` or `result.json` that is read, in bytes.
const LARGEST: u64 = 1 << 28;

/// What `result.json` of a cell holds. There is no time in it and nothing that depends on
/// interruptions, so that equal cells have equal bytes.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CellReport<F> {
    /// BLAKE3 digest of `settings.json`.
    pub settings: String,
    /// BLAKE3 digest of `metrics.jsonl`.
    pub metrics: String,
    /// BLAKE3 digest of the final weights and running statistics.
    pub weights: String,
    /// What the events came to.
    #[serde(flatten)]
    pub found: F,
}

/// The folder of one cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CellFolder {
    path: PathBuf,
}

impl CellFolder {
    /// Where a cell is or will be in a run's folder.
    pub fn of(out: &Path, cell: &impl Cell) -> Self {
        Self::named(out, &cell.name())
    }

    /// Where the cell of that name is or will be.
    pub(crate) fn named(out: &Path, cell: &str) -> Self {
        Self { path: out.join(CELLS).join(file_name(cell)) }
    }

    /// The folder of a cell in a run's folder, settled with the cell's settings if it is new.
    ///
    /// # Errors
    /// [`RunError::OtherSettings`] when it belongs to a cell with other settings, [`RunError::NoSettings`] when nobody knows
    /// with which.
    pub fn claim(out: &Path, cell: &impl Cell) -> Result<Self, RunError> {
        let folder = Self::of(out, cell);
        folder.check_links(out)?;
        if folder.is_headless()? {
            return Err(RunError::NoSettings(folder.path));
        }
        match folder.check_settings(cell) {
            Err(RunError::File(error)) if error.is_not_found() => {
                let text = serde_json::to_string_pretty(&cell.settings())?;
                write_atomic(folder.path.join(SETTINGS), text.as_bytes())?;
            }
            outcome => outcome?,
        }
        vr_files::create_folder(folder.path.join(CHECKPOINTS))?;
        Ok(folder)
    }

    /// Nothing is written through a link that leads out of the run.
    pub(crate) fn check_links(&self, out: &Path) -> Result<(), RunError> {
        for folder in [out.join(CELLS), self.path.clone(), self.path.join(CHECKPOINTS)] {
            vr_files::is_folder(folder)?;
        }
        Ok(())
    }

    /// Whether it has been claimed.
    pub fn is_begun(&self) -> bool {
        self.path.join(SETTINGS).symlink_metadata().is_ok()
    }

    /// Compares its settings with those of a cell.
    ///
    /// # Errors
    /// [`RunError::OtherSettings`], which names the first difference.
    pub fn check_settings(&self, cell: &impl Cell) -> Result<(), RunError> {
        let found = self.settings()?;
        match difference(&found, &cell.settings()) {
            None => Ok(()),
            Some(difference) => Err(RunError::OtherSettings { path: self.path.clone(), difference }),
        }
    }

    /// Takes the cell while others work on other cells of the run.
    pub(crate) fn lock(&self) -> Result<Lock, RunError> {
        Ok(Lock::acquire(self.path.join(LOCK))?)
    }

    /// Who works on the cell while others work on other cells; changes nothing.
    pub(crate) fn holder(&self) -> Result<Option<String>, RunError> {
        Ok(Lock::holder(self.path.join(LOCK))?)
    }

    /// Whether something of a cell is there without the settings that it was made with.
    pub(crate) fn is_headless(&self) -> Result<bool, RunError> {
        Ok(!self.is_begun() && !self.files()?.is_empty())
    }

    /// Whether the logs are sound up to a position.
    ///
    /// # Errors
    /// [`LogError::Short`] when they are not.
    pub fn check_logs<C: Cell>(&self, at: &Position) -> Result<(), RunError> {
        log::read::<C::Event>(&self.metrics(), at.metrics)?;
        log::read::<EpochTime>(&self.timing(), at.timing)?;
        Ok(())
    }

    /// Whether a finished cell's `result.json` says what its log does.
    ///
    /// # Errors
    /// When it does not, or a file cannot be read.
    pub fn check_result<C: Cell>(&self) -> Result<(), RunError> {
        let Some(report) = self.finished::<C::Found>()? else { return Ok(()) };
        let again = self.report::<C>(report.weights.clone())?;
        if serde_json::to_value(&again)? != serde_json::to_value(&report)? {
            return Err(RunError::Result(self.path.join(RESULT)));
        }
        Ok(())
    }

    /// The folders of all cells of a run, by name; none of a run that was stopped before its first cell. Links are passed
    /// over.
    ///
    /// # Errors
    /// When the run's folder cannot be listed.
    pub fn all(out: &Path) -> Result<Vec<Self>, RunError> {
        let cells = out.join(CELLS);
        let paths = if vr_files::is_folder(&cells)? { vr_files::list(&cells)? } else { Vec::new() };
        let inside = paths.into_iter().filter(|path| vr_files::is_folder(path).unwrap_or(false));
        Ok(inside.map(|path| Self { path }).filter(Self::is_begun).collect())
    }

    /// The cell's name.
    pub fn name(&self) -> String {
        self.path.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }
    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
    /// Whether it has a result.
    pub fn is_finished(&self) -> bool {
        self.path.join(RESULT).symlink_metadata().is_ok()
    }

    /// The files that are there and have no digest elsewhere, by their paths from the cell's folder: a checkpoint's state
    /// has its digest in the manifest.
    ///
    /// # Errors
    /// When the checkpoints cannot be listed.
    pub fn files(&self) -> Result<Vec<String>, RunError> {
        let checkpoints = self.checkpoints(CheckpointPolicy::default()).list()?;
        let manifests = checkpoints.into_iter().map(|checkpoint| format!("{CHECKPOINTS}/{}", checkpoint.manifest()));
        let own = [SETTINGS, METRICS, TIMING, RESULT].map(str::to_owned);
        Ok(own.into_iter().chain(manifests).filter(|name| self.path.join(name).is_file()).collect())
    }

    /// The events.
    pub fn metrics(&self) -> PathBuf {
        self.path.join(METRICS)
    }
    /// The times of the epochs.
    pub fn timing(&self) -> PathBuf {
        self.path.join(TIMING)
    }
    /// The saved states.
    pub fn checkpoints(&self, policy: CheckpointPolicy) -> Checkpoints {
        Checkpoints::new(self.path.join(CHECKPOINTS), policy)
    }

    /// The whole log of a finished cell.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn log(&self) -> Result<Vec<u8>, RunError> {
        Ok(self.read(METRICS)?)
    }

    /// The events so far: of a finished cell the whole log, of another one what comes before a torn or damaged line.
    ///
    /// # Errors
    /// When the log cannot be read, or [`LogError::Short`] when that of a finished cell is damaged.
    pub fn events<E: DeserializeOwned>(&self) -> Result<Vec<E>, RunError> {
        let metrics = match self.log() {
            Err(RunError::File(error)) if error.is_not_found() && !self.is_finished() => return Ok(Vec::new()),
            metrics => metrics?,
        };
        let (events, found) = log::sound(&metrics);
        let expected = metrics.len() as u64;
        if found != expected && self.is_finished() {
            return Err(LogError::Short { path: self.metrics(), found, expected }.into());
        }
        Ok(events)
    }

    /// What a finished cell found; `None` for one that is not.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn finished<F: DeserializeOwned>(&self) -> Result<Option<CellReport<F>>, RunError> {
        let text = match self.read(RESULT) {
            Ok(text) => text,
            Err(error) if error.is_not_found() => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let path = self.path.join(RESULT);
        match serde_json::from_slice::<CellReport<F>>(&text) {
            Ok(report) if report.settings == self.digest(SETTINGS)? => Ok(Some(report)),
            Ok(_) => {
                Err(RunError::OtherSettings { path, difference: "its digest is not that of settings.json".into() })
            }
            Err(error) => {
                tracing::warn!(file = %path.display(), %error, "damaged; the cell is finished again");
                Ok(None)
            }
        }
    }

    /// Epochs in all, as the settings say.
    ///
    /// # Errors
    /// When the settings cannot be read.
    pub fn epochs(&self) -> Result<usize, RunError> {
        Ok(self.settings()?["cell"]["epochs"].as_u64().unwrap_or_default() as usize)
    }

    /// Everything that its result depends on, as [`Cell::settings`] said it.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn settings(&self) -> Result<Value, RunError> {
        let damaged = |source| RunError::Damaged { path: self.path.join(SETTINGS), source };
        serde_json::from_slice(&self.read(SETTINGS)?).map_err(damaged)
    }

    /// The error that the cell ended with last time.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn error(&self) -> Result<Option<String>, RunError> {
        match self.read(ERROR) {
            Ok(text) => Ok(Some(String::from_utf8_lossy(&text).into_owned())),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Notes the error that the cell ends with, if the disk lets it.
    pub fn fail(&self, error: &RunError) {
        if let Err(other) = write_atomic(self.path.join(ERROR), error.to_string().as_bytes()) {
            tracing::warn!(error = %other, "the cell's error could not be noted");
        }
    }

    /// Removes what killed or failed processes left behind. Only while nobody else works on the run.
    ///
    /// # Errors
    /// When something cannot be removed.
    pub fn sweep(&self) -> Result<(), RunError> {
        vr_files::sweep(&self.path)?;
        if self.error()?.is_some() {
            vr_files::remove(self.path.join(ERROR))?;
        }
        let checkpoints = self.path.join(CHECKPOINTS);
        if vr_files::is_folder(&checkpoints)? {
            vr_files::sweep(checkpoints)?;
        }
        Ok(())
    }

    /// Removes all that the cell wrote. Its settings go last: without them, what is left would be taken up under others.
    pub(crate) fn forget(&self) -> Result<(), RunError> {
        self.sweep()?;
        let remove = |name: &str| {
            let path = self.path.join(name);
            if path.symlink_metadata().is_ok() { vr_files::remove(path) } else { Ok(()) }
        };
        remove(RESULT)?;
        // Before the logs that they lead into.
        self.checkpoints(CheckpointPolicy::default()).forget()?;
        [METRICS, TIMING].into_iter().try_for_each(remove)?;
        remove(LOCK)?;
        vr_files::sync_folder(&self.path)?;
        vr_files::remove(self.path.join(SETTINGS))?;
        vr_files::remove_if_empty(&self.path)?;
        Ok(())
    }

    /// Writes `result.json` from the log, which is complete.
    ///
    /// # Errors
    /// When a file cannot be read or written.
    pub fn finish<C: Cell>(&self, weights: String) -> Result<CellReport<C::Found>, RunError> {
        let report = self.report::<C>(weights)?;
        write_atomic(self.path.join(RESULT), serde_json::to_string_pretty(&report)?.as_bytes())?;
        Ok(report)
    }

    /// What the whole log says.
    fn report<C: Cell>(&self, weights: String) -> Result<CellReport<C::Found>, RunError> {
        let metrics = self.log()?;
        let (events, len) = log::sound::<C::Event>(&metrics);
        if len != metrics.len() as u64 {
            let expected = metrics.len() as u64;
            return Err(LogError::Short { path: self.metrics(), found: len, expected }.into());
        }
        let found = events.into_iter().collect();
        Ok(CellReport { settings: self.digest(SETTINGS)?, metrics: digest(&metrics), weights, found })
    }

    pub(crate) fn result_digest(&self) -> Result<String, RunError> {
        self.digest(RESULT)
    }

    /// The times of the epochs so far.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn times(&self) -> Result<Vec<EpochTime>, RunError> {
        match self.read(TIMING) {
            Ok(bytes) => Ok(log::sound(&bytes).0),
            Err(error) if error.is_not_found() => Ok(Vec::new()),
            Err(error) => Err(error.into()),
        }
    }

    fn read(&self, name: &str) -> Result<Vec<u8>, vr_files::FileError> {
        vr_files::read_nofollow(self.path.join(name), LARGEST)
    }

    fn digest(&self, name: &str) -> Result<String, RunError> {
        Ok(digest(&self.read(name)?))
    }
}

/// Longest name of a cell's folder, in bytes: every file system has room for it.
pub const LONGEST_NAME: usize = 200;

/// Whether each cell has a folder of its own, with a name that file systems have room for.
///
/// # Errors
/// [`RunError::Twice`] or [`RunError::LongName`], which name the cell.
pub fn check_names<C: Cell>(cells: &[C]) -> Result<(), RunError> {
    let mut seen = BTreeSet::new();
    for name in cells.iter().map(|cell| file_name(&cell.name())) {
        if name.len() > LONGEST_NAME {
            return Err(RunError::LongName { name, most: LONGEST_NAME });
        }
        if !seen.insert(name.clone()) {
            return Err(RunError::Twice(name));
        }
    }
    Ok(())
}

/// The run's folder of cells.
pub const CELLS: &str = "cells";

/// A cell's name in characters that every system allows.
pub fn file_name(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() || "-._=".contains(c) { c } else { '_' }).collect()
}
