//! Whether a run's folder is sound: digests, shapes, finite numbers, logs, and steps taken again.

use std::path::Path;

use serde::Serialize;
use vr_core::State;
use vr_core::state::Value;
use vr_files::Lock;
use vr_run::CheckpointPolicy;
use vr_run::checkpoint::load;

use crate::cell::Cell;
use crate::cells::observer::Silent;
use crate::cells::{CellFolder, Context, Course, Outcome};
use crate::error::BenchError;
use crate::experiments;
use crate::run_dir::{LOCK, Record};

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

/// Checks every cell of the run in `out`; changes nothing. Where its two newest checkpoints are at most
/// `most` steps apart, the newer is computed again from the older.
///
/// # Errors
/// When the folder holds no run, another process works on it or its data cannot be read. What is wrong
/// with a cell is no error but a problem of that cell.
pub fn verify(out: &Path, most: u64) -> Result<Vec<CellCheck>, BenchError> {
    let record = Record::read(out)?.ok_or_else(|| BenchError::NoRun(out.to_owned()))?;
    let _lock = Lock::acquire(out.join(LOCK))?;
    let settings = record.settings(out);
    let data = settings.load()?;
    let context = Context { settings: &settings, data: &data, observer: &Silent };
    let minibatches = data.info.train_size.div_ceil(settings.batch_size);
    let cells = experiments::cells(&record, minibatches).ok_or_else(|| BenchError::NoRun(out.to_owned()))?;
    Ok(cells.iter().map(|cell| check(context, cell, out, most)).collect())
}

fn check(context: Context<'_>, cell: &Cell, out: &Path, most: u64) -> CellCheck {
    let folder = CellFolder::of(out, cell);
    let mut found = CellCheck { name: folder.name(), ..CellCheck::default() };
    if let Err(error) = checks(context, cell, &folder, most, &mut found) {
        found.problems.push(error.to_string());
    }
    found
}

fn checks(
    context: Context<'_>,
    cell: &Cell,
    folder: &CellFolder,
    most: u64,
    found: &mut CellCheck,
) -> Result<(), BenchError> {
    if !folder.is_begun() {
        return Ok(());
    }
    folder.check_settings(context.settings, context.data, cell)?;
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
        let course = Course::restore(context, cell, newest)?;
        folder.check_logs(course.position())?;
    }
    folder.check_result()?;
    if let [.., older, newer] = states.as_slice() {
        match replay(context, cell, older, newer, most)? {
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

fn replay(context: Context<'_>, cell: &Cell, older: &State, newer: &State, most: u64) -> Result<Replay, BenchError> {
    let mut course = Course::restore(context, cell, older)?;
    let goal = Course::restore(context, cell, newer)?;
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
        if matches!(course.advance(stop)?, Outcome::Finished | Outcome::Diverged(_)) {
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
