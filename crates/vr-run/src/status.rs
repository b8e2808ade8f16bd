//! How far a run is.

use std::path::Path;

use serde::Serialize;
use serde_json::{Map, Value};
use vr_files::Lock;

use crate::cell_folder::CellFolder;
use crate::error::RunError;
use crate::run_folder::{LOCK, name};
use crate::time::EpochTime;

/// What a cell is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum CellState {
    /// It has not begun.
    Waiting,
    /// A process works on it.
    Running,
    /// It has begun, and nobody works on it.
    Stopped,
    /// It ended with an error, and can go on.
    Failed,
    /// It is finished.
    Done,
    /// Its loss ceased to be a number, or exploded.
    Diverged,
    /// A file of it cannot be read.
    Unreadable,
}

/// How far a cell is.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CellStatus {
    /// The cell's name.
    pub name: String,
    /// What it is doing.
    pub state: CellState,
    /// Why it failed or cannot be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Epochs done.
    pub epochs_done: usize,
    /// Epochs in all.
    pub epochs: usize,
    /// Mean seconds of its epochs so far.
    pub epoch_s: Option<f64>,
}

/// How far a run is.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RunStatus {
    /// The experiment.
    pub experiment: String,
    /// Who works on it.
    pub holder: Option<String>,
    /// Its cells by name.
    pub cells: Vec<CellStatus>,
    /// Seconds of work that are left, where an epoch's time is known.
    pub left_s: Option<f64>,
}

/// Reads how far the run in `out` is; changes nothing. A cell that cannot be read says so and is in no other's way.
///
/// # Errors
/// When the folder holds no run or its own files cannot be read.
pub fn status(out: &Path) -> Result<RunStatus, RunError> {
    let experiment = name(out)?.ok_or_else(|| RunError::NoRun(out.to_owned()))?;
    let holder = Lock::holder(out.join(LOCK))?;
    let one = |folder: &CellFolder| cell(folder, holder.is_some()).unwrap_or_else(|error| unreadable(folder, &error));
    let cells: Vec<_> = CellFolder::all(out)?.iter().map(one).collect();
    let left_s = left(&cells);
    Ok(RunStatus { experiment, holder, cells, left_s })
}

fn cell(folder: &CellFolder, busy: bool) -> Result<CellStatus, RunError> {
    let (times, error) = (folder.times()?, folder.error()?);
    let state = match folder.finished::<Map<String, Value>>()? {
        Some(report) if report.found.contains_key("diverged") => CellState::Diverged,
        Some(_) => CellState::Done,
        None if error.is_some() => CellState::Failed,
        None if !folder.metrics().exists() && folder.holder()?.is_none() => CellState::Waiting,
        None if busy || folder.holder()?.is_some() => CellState::Running,
        None => CellState::Stopped,
    };
    let seconds: f64 = times.iter().map(EpochTime::total_s).sum();
    Ok(CellStatus {
        name: folder.name(),
        state,
        error,
        epochs_done: times.len(),
        epochs: folder.epochs()?,
        epoch_s: (!times.is_empty()).then(|| seconds / times.len() as f64),
    })
}

fn unreadable(folder: &CellFolder, error: &RunError) -> CellStatus {
    let (name, error) = (folder.name(), Some(error.to_string()));
    CellStatus { name, state: CellState::Unreadable, error, epochs_done: 0, epochs: 0, epoch_s: None }
}

/// What the unfinished cells still need: at their own pace, or at the mean pace of the others.
fn left(cells: &[CellStatus]) -> Option<f64> {
    let known: Vec<f64> = cells.iter().filter_map(|cell| cell.epoch_s).collect();
    let mean = (!known.is_empty()).then(|| known.iter().sum::<f64>() / known.len() as f64);
    let unfinished = cells.iter().filter(|cell| !matches!(cell.state, CellState::Done | CellState::Diverged));
    unfinished.map(|cell| Some(cell.epoch_s.or(mean)? * (cell.epochs - cell.epochs_done.min(cell.epochs)) as f64)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(state: CellState, epochs_done: usize, epoch_s: Option<f64>) -> CellStatus {
        CellStatus { name: String::new(), state, error: None, epochs_done, epochs: 10, epoch_s }
    }

    #[test]
    fn what_is_left() {
        let done = cell(CellState::Done, 10, Some(4.0));
        let running = cell(CellState::Running, 7, Some(2.0));
        let waiting = cell(CellState::Waiting, 0, None);
        assert_eq!(left(&[done.clone(), running.clone()]), Some(6.0));
        assert_eq!(left(&[done.clone(), running, waiting.clone()]), Some(36.0));
        assert_eq!(left(&[waiting]), None);
        assert_eq!(left(&[done]), Some(0.0));
    }
}
