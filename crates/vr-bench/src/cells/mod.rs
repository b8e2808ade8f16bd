//! The cells of a run as units of work: finished ones are kept, unfinished ones go on where they
//! stood, new ones begin.

mod course;
mod folder;
mod journal;
mod measurer;
pub mod observer;
mod resolved;
mod successive;
pub mod training;

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use vr_files::{Lock, write_atomic};
use vr_run::LogError;

pub use course::{Context, Course, EXPLODED, Outcome};
pub use folder::{CellFolder, CellReport};
use journal::Journal;

use crate::cell::Cell;
use crate::cells::observer::Observer;
use crate::data::LoadedData;
use crate::error::BenchError;
use crate::results::CellResult;
use crate::results::Event;
use crate::run_dir::{self, Record};
use crate::settings::Settings;

/// Brings every cell of a run to its end, [`Settings::jobs`] at a time, and returns what they found.
///
/// Each has a folder of its own under `out/cells`. Whether and where a cell was interrupted changes
/// nothing in its result. One process works on a run at a time.
///
/// # Errors
/// [`BenchError::OtherSettings`] and [`BenchError::Twice`] before any work, when a cell's folder
/// belongs to another cell. [`BenchError::Interrupted`] when the observer asked to stop, after all is
/// saved. What the first cell fails with, after the others came to their end. A cell that diverges is
/// a result and no error.
pub fn run_cells(
    record: &Record,
    settings: &Settings,
    data: &LoadedData,
    cells: &[Cell],
    out: &Path,
    observer: &dyn Observer,
) -> Result<Vec<CellResult>, BenchError> {
    let _lock = Lock::acquire(out.join(run_dir::LOCK))?;
    let context = Context { settings, data, observer };
    let folders = claim(context, cells, out)?;
    record.write(out)?;
    let queue = AtomicUsize::new(0);
    let work = || {
        let next = || Some(queue.fetch_add(1, Ordering::Relaxed)).filter(|&i| i < cells.len());
        std::iter::from_fn(next).map(|i| (i, run_cell(context, &cells[i], &folders[i]))).collect::<Vec<_>>()
    };
    // Inside the pool, whose threads then need no waking for every gradient.
    let mut results = if settings.jobs <= 1 { rayon::scope(|_| work()) } else { on_threads(settings.jobs, work)? };
    results.sort_by_key(|result| result.0);
    let results = results.into_iter().map(|result| result.1).collect::<Result<_, _>>()?;
    let logs = folders.iter().map(CellFolder::log).collect::<Result<Vec<_>, _>>()?;
    write_atomic(out.join("metrics.jsonl"), &logs.concat())?;
    Ok(results)
}

fn claim(context: Context<'_>, cells: &[Cell], out: &Path) -> Result<Vec<CellFolder>, BenchError> {
    let mut folders = Vec::new();
    for cell in cells {
        let folder = CellFolder::claim(out, context.settings, context.data, cell)?;
        if folders.contains(&folder) {
            return Err(BenchError::Twice(folder.name()));
        }
        folders.push(folder);
    }
    Ok(folders)
}

/// Does `work` on `jobs` threads at once, each with an equal share of the cores.
fn on_threads<T: Send>(jobs: usize, work: impl Fn() -> Vec<T> + Sync) -> Result<Vec<T>, BenchError> {
    let share = (rayon::current_num_threads() / jobs).max(1);
    let pool = || rayon::ThreadPoolBuilder::new().num_threads(share).build();
    let pools = (0..jobs).map(|_| pool()).collect::<Result<Vec<_>, _>>().map_err(|e| BenchError::Model(e.into()))?;
    let done = std::thread::scope(|scope| {
        let threads: Vec<_> = pools.iter().map(|pool| scope.spawn(|| pool.install(&work))).collect();
        threads.into_iter().map(std::thread::ScopedJoinHandle::join).collect::<Vec<_>>()
    });
    // A panic of one job is a panic of the whole.
    Ok(done.into_iter().flat_map(|done| done.unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect())
}

fn run_cell(context: Context<'_>, cell: &Cell, folder: &CellFolder) -> Result<CellResult, BenchError> {
    if let Some(report) = folder.finished()? {
        return Ok(report.result);
    }
    if context.observer.stop() {
        return Err(BenchError::Interrupted);
    }
    let ended = bring_to_end(context, cell, folder);
    if let Err(error) = &ended
        && !matches!(error, BenchError::Interrupted)
    {
        folder.fail(error);
    }
    ended
}

fn bring_to_end(context: Context<'_>, cell: &Cell, folder: &CellFolder) -> Result<CellResult, BenchError> {
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
        let (step, mut windows) = (course.steps(), 0);
        let pause = || {
            // At least one window of a pass comes between two checkpoints.
            windows += 1;
            stop() || (windows > 1 && journal.due(step))
        };
        match course.advance(pause)? {
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
