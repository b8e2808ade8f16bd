//! The cells of a run as units of work: finished ones are kept, unfinished ones go on where they
//! stood, new ones begin.

mod course;
mod events;
mod folder;
mod journal;
mod measurer;
mod position;
mod successive;

use std::path::Path;

use vr_files::{Lock, write_atomic};

use course::{Context, Course, Outcome};
use events::Event;
use folder::CellFolder;
use journal::Journal;
use position::Position;

use crate::cell::{Cell, CellResult};
use crate::checkpoint::CheckpointPolicy;
use crate::error::BenchError;
use crate::log::LogError;
use crate::observer::Observer;
use crate::run_dir::{self, Record};
use crate::settings::{LoadedData, Settings};

/// Brings every cell of a run to its end, in order, and returns what they found.
///
/// Each has a folder of its own under `out/cells`. Whether and where a cell was interrupted changes
/// nothing in its result. One process works on a run at a time.
///
/// # Errors
/// [`BenchError::OtherSettings`] before any work when a cell's folder was made with other settings;
/// [`BenchError::Interrupted`] when the observer asked to stop, after all is saved; what a cell fails
/// with. A cell that diverges is a result and no error.
pub fn run_cells(
    experiment: &str,
    settings: &Settings,
    data: &LoadedData,
    cells: &[Cell],
    out: &Path,
    observer: &dyn Observer,
) -> Result<Vec<CellResult>, BenchError> {
    let _lock = Lock::acquire(out.join(run_dir::LOCK))?;
    let context = Context { settings, data, observer };
    let folders =
        cells.iter().map(|cell| CellFolder::claim(out, settings, data, cell)).collect::<Result<Vec<_>, _>>()?;
    Record { experiment: experiment.to_owned(), settings: settings.clone() }.write(out)?;
    let results: Vec<_> =
        cells.iter().zip(&folders).map(|(cell, folder)| run_cell(context, cell, folder)).collect::<Result<_, _>>()?;
    write_log(out, &folders)?;
    Ok(results)
}

fn run_cell(context: Context<'_>, cell: &Cell, folder: &CellFolder) -> Result<CellResult, BenchError> {
    if let Some(report) = folder.finished()? {
        return Ok(report.result);
    }
    folder.sweep()?;
    let (mut course, mut journal) = take_up(context, cell, folder)?;
    follow(context, &mut course, &mut journal)?;
    Ok(folder.finish(course.digest())?.result)
}

/// A cell where its newest sound checkpoint left it, or at its beginning.
fn take_up<'a>(context: Context<'a>, cell: &'a Cell, folder: &CellFolder) -> Result<(Course<'a>, Journal), BenchError> {
    let policy = context.settings.checkpoints;
    for state in folder.checkpoints(policy).sound()? {
        let course = Course::restore(context, cell, &state?)?;
        match Journal::open(folder, policy, course.position(), course.steps()) {
            Ok(journal) => return Ok((course, journal)),
            // The log is damaged before the place that this checkpoint goes on from.
            Err(BenchError::Log(error @ LogError::Short { .. })) => tracing::warn!(%error, "going further back"),
            Err(error) => return Err(error),
        }
    }
    let course = Course::begin(context, cell)?;
    let journal = Journal::open(folder, policy, course.position(), 0)?;
    Ok((course, journal))
}

/// Goes on to the end, noting events and saving on the way.
fn follow(context: Context<'_>, course: &mut Course<'_>, journal: &mut Journal) -> Result<(), BenchError> {
    let stop = || context.observer.stop();
    loop {
        let step = course.steps();
        match course.advance(|| stop() || journal.due(step))? {
            Outcome::Events(events) => events.iter().try_for_each(|event| journal.event(event))?,
            Outcome::Epoch(events, time) => {
                events.iter().try_for_each(|event| journal.event(event))?;
                journal.time(&time)?;
            }
            Outcome::Diverged(divergence) => {
                // Not saved: the last good checkpoint stays.
                journal.event(&Event::Diverged(divergence))?;
                return journal.sync();
            }
            Outcome::Finished => return save(course, journal),
        }
        if stop() {
            save(course, journal)?;
            return Err(BenchError::Interrupted);
        }
        if journal.due(course.steps()) {
            save(course, journal)?;
        }
    }
}

fn save(course: &Course<'_>, journal: &mut Journal) -> Result<(), BenchError> {
    journal.save(course.state()?, course.position(), course.steps())
}

/// The run's `metrics.jsonl`: the cells' logs one after another.
fn write_log(out: &Path, folders: &[CellFolder]) -> Result<(), BenchError> {
    let logs = folders.iter().map(CellFolder::log).collect::<Result<Vec<_>, _>>()?;
    Ok(write_atomic(out.join("metrics.jsonl"), &logs.concat())?)
}
