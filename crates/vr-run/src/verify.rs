//! Whether a run's folder is sound: digests, shapes, finite numbers, logs, and steps taken again.

use std::path::Path;

use serde::Serialize;
use vr_core::State;
use vr_core::state::Value;
use vr_files::Lock;

use crate::cell::Cell;
use crate::cell_folder::CellFolder;
use crate::checkpoint::{CheckpointPolicy, load};
use crate::course::{Action, Course};
use crate::error::RunError;
use crate::run_folder::LOCK;

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

/// Checks the cells of the run in `out`; changes nothing. Where the two newest checkpoints of one are at most
/// `most` steps apart, the newer is computed again from the older.
///
/// # Errors
/// When another process works on the run. What is wrong with a cell is no error but a problem of that cell.
pub fn verify<C: Cell>(out: &Path, cells: &[C], most: u64) -> Result<Vec<CellCheck>, RunError> {
    let _lock = Lock::acquire(out.join(LOCK))?;
    Ok(cells.iter().map(|cell| check(cell, out, most)).collect())
}

fn check<C: Cell>(cell: &C, out: &Path, most: u64) -> CellCheck {
    let folder = CellFolder::of(out, cell);
    let mut found = CellCheck { name: folder.name(), ..CellCheck::default() };
    if let Err(error) = checks(cell, &folder, most, &mut found) {
        found.problems.push(error.to_string());
    }
    found
}

fn checks<C: Cell>(cell: &C, folder: &CellFolder, most: u64, found: &mut CellCheck) -> Result<(), RunError> {
    if !folder.is_begun() {
        return Ok(());
    }
    folder.check_settings(cell)?;
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
    if let Some(newest) = states.last() {
        let course = Course::restore(cell, newest)?;
        folder.check_logs::<C>(course.position())?;
    }
    folder.check_result::<C>()?;
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
