//! Whether a run's folder is sound: digests, shapes, finite numbers, logs, and steps taken again.

use std::path::Path;

use serde::Serialize;
use vr_core::State;
use vr_core::state::Value;

use crate::cell::Cell;
use crate::cell_folder::CellFolder;
use crate::checkpoint::{CheckpointPolicy, load};
use crate::course::{Action, Course};
use crate::error::RunError;
use crate::run_folder::at_rest;

/// What was found of one cell.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct CellCheck {
    /// The cell's name.
    pub name: String,
    /// Checkpoints that were read.
    pub checkpoints: usize,
    /// Steps taken again from one checkpoint to the next, with the same bits at the end.
    pub replayed: u64,
    /// What is wrong; empty for a sound cell.
    pub problems: Vec<String>,
}

/// Checks the cells of the run in `out`; changes nothing, and keeps nobody from the run. Where the two newest checkpoints of one are at most
/// `most` steps apart, the newer is computed again from the older.
///
/// # Errors
/// When another process works on the run. What is wrong with a cell is no error but a problem of that cell.
pub fn verify<C: Cell>(out: &Path, cells: &[C], most: u64) -> Result<Vec<CellCheck>, RunError> {
    at_rest(out)?;
    let found = cells.iter().map(|cell| check(cell, out, most)).collect();
    // Whoever began meanwhile changed what was read.
    at_rest(out)?;
    Ok(found)
}

/// Checks what can be told of the cells of the run in `out` without their data: digests, finite numbers, and that results
/// say what the logs do. Changes nothing, and keeps nobody from the run.
///
/// # Errors
/// When another process works on the run, or its cells cannot be listed.
pub fn verify_files<C: Cell>(out: &Path) -> Result<Vec<CellCheck>, RunError> {
    at_rest(out)?;
    let folders = CellFolder::all(out)?;
    let found = folders.iter().map(|folder| found(folder, |found| files::<C>(folder, found).map(drop))).collect();
    at_rest(out)?;
    Ok(found)
}

fn found(folder: &CellFolder, check: impl FnOnce(&mut CellCheck) -> Result<(), RunError>) -> CellCheck {
    let mut found = CellCheck { name: folder.name(), ..CellCheck::default() };
    if let Err(error) = check(&mut found) {
        found.problems.push(error.to_string());
    }
    found
}

fn check<C: Cell>(cell: &C, out: &Path, most: u64) -> CellCheck {
    let folder = CellFolder::of(out, cell);
    found(&folder, |found| {
        folder.check_links(out)?;
        if folder.is_headless()? {
            return Err(RunError::NoSettings(folder.path().to_owned()));
        }
        if folder.is_begun() { begun(cell, &folder, most, found) } else { Ok(()) }
    })
}

fn begun<C: Cell>(cell: &C, folder: &CellFolder, most: u64, found: &mut CellCheck) -> Result<(), RunError> {
    folder.check_settings(cell)?;
    let states = files::<C>(folder, found)?;
    if let Some(newest) = states.last() {
        let course = Course::restore(cell, newest)?;
        folder.check_logs::<C>(course.position())?;
        let weights = folder.finished::<C::Found>()?.map(|report| report.weights);
        if course.is_finished() && weights.is_some_and(|weights| weights != course.digest()) {
            found.problems.push("the digest of the weights in `result.json` is not that of the last checkpoint".into());
        }
    }
    if let [.., older, newer] = states.as_slice() {
        match replay(cell, older, newer, most)? {
            Replay::Equal(steps) => found.replayed = steps,
            Replay::TooLong => {}
            Replay::Different(name) => {
                found.problems.push(format!("taken again from the checkpoint before, `{name}` of the newest differs"));
            }
        }
    }
    Ok(())
}

/// The states of the sound checkpoints, oldest first, and whether a finished cell's result is what its log says.
fn files<C: Cell>(folder: &CellFolder, found: &mut CellCheck) -> Result<Vec<State>, RunError> {
    let checkpoints = folder.checkpoints(CheckpointPolicy::default());
    let mut states = Vec::new();
    for checkpoint in checkpoints.list()? {
        let path = checkpoints.path(checkpoint);
        match load(&path) {
            Ok(state) => {
                let odd = state.iter().filter(|(_, value)| !finite(value)).map(|(name, _)| name);
                let odd = odd.map(|name| format!("`{}`: `{name}` is not finite", path.display()));
                found.problems.extend(odd);
                states.push(state);
            }
            Err(error) => found.problems.push(error.to_string()),
        }
    }
    found.checkpoints = states.len();
    if folder.is_finished() && folder.finished::<C::Found>()?.is_none() {
        found.problems.push(format!("the `result.json` of `{}` is damaged", folder.path().display()));
    }
    folder.check_result::<C>()?;
    Ok(states)
}

enum Replay {
    Equal(u64),
    Different(String),
    TooLong,
}

fn replay<C: Cell>(cell: &C, older: &State, newer: &State, most: u64) -> Result<Replay, RunError> {
    let mut course = Course::restore(cell, older)?;
    let goal = Course::restore(cell, newer)?;
    let steps = goal.steps().saturating_sub(course.steps());
    if steps > most {
        return Ok(Replay::TooLong);
    }
    let mut different = "cell.step".to_owned();
    while course.position().place() <= goal.position().place() {
        if course.position().place() == goal.position().place() {
            match difference(&course.state()?, newer) {
                None => return Ok(Replay::Equal(steps)),
                Some(name) => different = name,
            }
        }
        // One window of a snapshot pass at a time, since the newer state may be of between two.
        let mut windows = 0;
        let stop = || {
            windows += 1;
            windows > 1
        };
        if matches!(course.advance(stop)?, Action::Finished | Action::Diverged(_)) {
            break;
        }
    }
    Ok(Replay::Different(different))
}

/// The first value of a training's state that another state has not, to the bit.
fn difference(training: &State, other: &State) -> Option<String> {
    let differs = |&(name, value): &(&str, &Value)| other.get(name).is_none_or(|other| !same_bits(value, other));
    training.iter().find(differs).map(|(name, _)| name.to_owned())
}

fn same_bits(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::F32(a), Value::F32(b)) => a.iter().map(|x| x.to_bits()).eq(b.iter().map(|x| x.to_bits())),
        (Value::F64(a), Value::F64(b)) => a.iter().map(|x| x.to_bits()).eq(b.iter().map(|x| x.to_bits())),
        (a, b) => a == b,
    }
}

fn finite(value: &Value) -> bool {
    match value {
        Value::F32(x) => x.iter().all(|x| x.is_finite()),
        Value::F64(x) => x.iter().all(|x| x.is_finite()),
        Value::Integer(_) => true,
    }
}
