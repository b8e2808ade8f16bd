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
    /// Seconds of work that are left, all cells together, where an epoch's time is known.
    pub left_s: Option<f64>,
    /// Seconds to the end if as many cells are worked on at once as are now; none where that is not known, or nobody works on it.
    pub eta_s: Option<f64>,
}

/// Reads how far the run in `out` is; changes nothing. A cell that cannot be read says so and is in no other's way.
///
/// # Errors
/// When the folder holds no run or its own files cannot be read.
pub fn status(out: &Path) -> Result<RunStatus, RunError> {
    let experiment = name(out)?.ok_or_else(|| RunError::NoRun(out.to_owned()))?;
    let holder = Lock::holder(out.join(LOCK))?;
    let one = |folder: &CellFolder| cell(folder, holder.is_some()).unwrap_or_else(|error| unreadable(folder, &error));
    let folders = CellFolder::all(out)?;
    let cells: Vec<_> = folders.iter().map(one).collect();
    let methods: Vec<_> = folders.iter().map(method).collect();
    let left = left(&cells, &methods);
    let left_s = left.as_ref().map(|left| left.iter().fold(0.0, |sum, (_, seconds)| sum + seconds));
    let eta_s = left.and_then(|left| eta(&left));
    Ok(RunStatus { experiment, holder, cells, left_s, eta_s })
}

/// What tells cells of another pace apart, where their settings have it.
fn method(folder: &CellFolder) -> String {
    let settings = folder.settings().unwrap_or_default();
    settings["cell"]["method"].as_str().unwrap_or_default().to_owned()
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

/// The unfinished cells: whether one is worked on, and the seconds that it still needs, at its own pace, at the mean pace of its method,
/// or at that of all.
fn left(cells: &[CellStatus], methods: &[String]) -> Option<Vec<(bool, f64)>> {
    let mean = |same: &dyn Fn(&String) -> bool| {
        let known = cells.iter().zip(methods).filter(|(_, method)| same(method));
        let known: Vec<f64> = known.filter_map(|(cell, _)| cell.epoch_s).collect();
        (!known.is_empty()).then(|| known.iter().sum::<f64>() / known.len() as f64)
    };
    let one = |(cell, method): (&CellStatus, &String)| {
        let pace = cell.epoch_s.or_else(|| mean(&|other| other == method)).or_else(|| mean(&|_| true))?;
        let epochs = cell.epochs - cell.epochs_done.min(cell.epochs);
        Some((cell.state == CellState::Running, pace * epochs as f64))
    };
    let unfinished = |cell: &CellStatus| !matches!(cell.state, CellState::Done | CellState::Diverged);
    cells.iter().zip(methods).filter(|(cell, _)| unfinished(cell)).map(one).collect()
}

/// When the last of them ends: each that waits takes the place of the first that ends.
fn eta(left: &[(bool, f64)]) -> Option<f64> {
    let (running, waiting): (Vec<_>, Vec<_>) = left.iter().partition(|(running, _)| *running);
    let mut ends: Vec<f64> = running.into_iter().map(|(_, seconds)| seconds).collect();
    for (_, seconds) in waiting {
        *ends.iter_mut().min_by(|a, b| a.total_cmp(b))? += seconds;
    }
    ends.into_iter().reduce(f64::max)
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
        let left = |cells: &[&CellStatus], methods: &[&str]| {
            let cells: Vec<CellStatus> = cells.iter().copied().cloned().collect();
            super::left(&cells, &methods.iter().map(ToString::to_string).collect::<Vec<_>>())
        };
        assert_eq!(left(&[&done, &running], &["a", "a"]), Some(vec![(true, 6.0)]));
        assert_eq!(left(&[&done, &running, &waiting], &["a", "b", "b"]), Some(vec![(true, 6.0), (false, 20.0)]));
        assert_eq!(left(&[&done, &running, &waiting], &["a", "b", "c"]), Some(vec![(true, 6.0), (false, 30.0)]));
        assert_eq!(left(&[&waiting], &["a"]), None);
        assert_eq!(left(&[&done], &["a"]), Some(vec![]));
    }

    #[test]
    fn what_waits_takes_the_places_of_what_ends() {
        let eta = |running: &[f64], waiting: &[f64]| {
            let of = |all: &[f64], running| all.iter().map(|&seconds| (running, seconds)).collect::<Vec<_>>();
            eta(&[of(waiting, false), of(running, true)].concat())
        };
        assert_eq!(eta(&[5.0, 2.0], &[]), Some(5.0));
        // At 2 the first, until 6; at 5 the second, until 9; at 6 the third.
        assert_eq!(eta(&[5.0, 2.0], &[4.0, 4.0, 4.0]), Some(10.0));
        assert_eq!(eta(&[3.0], &[4.0, 5.0]), Some(12.0));
        assert_eq!(eta(&[], &[4.0]), None, "nobody is at work");
        assert_eq!(eta(&[], &[]), None);
    }
}
