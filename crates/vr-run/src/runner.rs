//! The cells of a run as units of work: finished ones are kept, unfinished ones go on where they
//! stood, new ones begin.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use vr_files::write_atomic;

use crate::cell::{Cell, Prefix};
use crate::cell_folder::{CellFolder, check_names};
use crate::checkpoint::CheckpointPolicy;
use crate::course::{Action, Course};
use crate::error::RunError;
use crate::journal::Journal;
use crate::log::{self, LogError};
use crate::observer::Observer;
use crate::position::Position;
use crate::run_folder::{METRICS, RunFolder};
use crate::time::EpochTime;

/// How the work is done; no result depends on it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Execution {
    /// When the cells save themselves.
    pub checkpoints: CheckpointPolicy,
    /// Cells that run at once, each on its share of the cores; up to 1, one after another.
    pub jobs: usize,
}

/// What a cell came to.
#[derive(Clone, Debug, PartialEq)]
pub struct Finished<F> {
    /// What its events came to.
    pub found: F,
    /// What its epochs took.
    pub times: Vec<EpochTime>,
}

impl RunFolder {
    /// Whether these cells can be run in this folder: each has a name of its own, and none has a folder that was made with
    /// other settings. Nothing is written.
    ///
    /// # Errors
    /// As [`check_names`], or [`RunError::OtherSettings`], which names the cell.
    pub fn check<C: Cell>(&self, cells: &[C]) -> Result<(), RunError> {
        check_names(cells)?;
        for cell in cells {
            let folder = CellFolder::of(self.path(), cell);
            if folder.is_begun() {
                folder.check_settings(cell)?;
            }
        }
        Ok(())
    }

    /// Brings every cell of the run to its end, and returns what they found in their order; the logs of all cells together
    /// become `metrics.jsonl`.
    ///
    /// Each cell has a folder of its own. Whether and where a cell was interrupted changes nothing in its result.
    ///
    /// # Errors
    /// As [`check`](Self::check), before any work. [`RunError::Changed`] or [`RunError::Result`] when a finished cell is not
    /// what was written. [`RunError::Interrupted`] when the observer asked to stop, after all is
    /// saved. What the first cell fails with, after the others came to their end. A cell that diverges is
    /// a result and no error.
    pub fn run<C: Cell>(
        &self,
        cells: &[C],
        execution: Execution,
        observer: &dyn Observer<C::Event>,
    ) -> Result<Vec<Finished<C::Found>>, RunError> {
        let folders = self.claim(cells)?;
        let found = work(self.path(), cells, &folders, execution, observer)?;
        let logs = folders.iter().map(CellFolder::log).collect::<Result<Vec<_>, _>>()?;
        write_atomic(self.path().join(METRICS), &logs.concat())?;
        Ok(found)
    }

    /// Makes the run ready for [`SharedRun`](crate::SharedRun)s: its record and the folders of all cells are there
    /// afterwards. Returns which of the cells are finished already.
    ///
    /// # Errors
    /// As [`run`](Self::run) before any work.
    pub fn begin<C: Cell>(&self, cells: &[C]) -> Result<Vec<bool>, RunError> {
        Ok(self.claim(cells)?.iter().map(CellFolder::is_finished).collect())
    }

    fn claim<C: Cell>(&self, cells: &[C]) -> Result<Vec<CellFolder>, RunError> {
        self.check(cells)?;
        self.unseal()?;
        // Before any cell: a folder with a record is a run, however the process ends.
        self.ensure_record()?;
        cells.iter().map(|cell| CellFolder::claim(self.path(), cell)).collect()
    }
}

/// Brings cells to their ends, as many at once as `execution` says, and returns what they found in their order.
pub(crate) fn work<C: Cell>(
    run: &Path,
    cells: &[C],
    folders: &[CellFolder],
    execution: Execution,
    observer: &dyn Observer<C::Event>,
) -> Result<Vec<Finished<C::Found>>, RunError> {
    let queue = AtomicUsize::new(0);
    let work = || {
        let next = || Some(queue.fetch_add(1, Ordering::Relaxed)).filter(|&i| i < cells.len());
        let one = |i: usize| Worker { run, cell: &cells[i], folder: &folders[i], execution, observer };
        std::iter::from_fn(next).map(|i| (i, one(i).run())).collect::<Vec<_>>()
    };
    // Inside the pool, whose threads then need no waking for every gradient.
    let mut found = if execution.jobs <= 1 { rayon::scope(|_| work()) } else { on_threads(execution.jobs, work)? };
    found.sort_by_key(|found| found.0);
    found.into_iter().map(|found| found.1).collect()
}

/// Does `work` on `jobs` threads at once, each with an equal share of the cores.
fn on_threads<T: Send>(jobs: usize, work: impl Fn() -> Vec<T> + Sync) -> Result<Vec<T>, RunError> {
    let share = (rayon::current_num_threads() / jobs).max(1);
    let pool = || rayon::ThreadPoolBuilder::new().num_threads(share).build();
    let pools = (0..jobs).map(|_| pool()).collect::<Result<Vec<_>, _>>()?;
    let done = std::thread::scope(|scope| {
        let threads: Vec<_> = pools.iter().map(|pool| scope.spawn(|| pool.install(&work))).collect();
        threads.into_iter().map(std::thread::ScopedJoinHandle::join).collect::<Vec<_>>()
    });
    // A panic of one job is a panic of the whole.
    Ok(done.into_iter().flat_map(|done| done.unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect())
}

/// One cell on its way.
struct Worker<'a, C: Cell> {
    run: &'a Path,
    cell: &'a C,
    folder: &'a CellFolder,
    execution: Execution,
    observer: &'a dyn Observer<C::Event>,
}

/// A cell's course, with what it writes to.
type Underway<'a, C> = (Course<'a, C>, Journal<<C as Cell>::Event>);

impl<C: Cell> Worker<'_, C> {
    fn run(&self) -> Result<Finished<C::Found>, RunError> {
        if let Some(report) = self.folder.finished::<C::Found>()? {
            self.folder.check_result::<C>()?;
            return Ok(Finished { found: report.found, times: self.folder.times()? });
        }
        if self.observer.stop() {
            return Err(self.interrupted());
        }
        let ended = self.bring_to_end();
        if let Err(error) = &ended
            && !matches!(error, RunError::Interrupted(_))
        {
            self.folder.fail(error);
        }
        ended
    }

    fn interrupted(&self) -> RunError {
        RunError::Interrupted(self.run.to_owned())
    }

    fn bring_to_end(&self) -> Result<Finished<C::Found>, RunError> {
        self.folder.sweep()?;
        let (mut course, mut journal) = self.take_up()?;
        self.follow(&mut course, &mut journal)?;
        let found = self.folder.finish::<C>(course.digest())?.found;
        Ok(Finished { found, times: self.folder.times()? })
    }

    /// The cell where its newest sound checkpoint left it, or at its beginning.
    fn take_up(&self) -> Result<Underway<'_, C>, RunError> {
        let policy = self.execution.checkpoints;
        for state in self.folder.checkpoints(policy).sound()? {
            let course = Course::restore(self.cell, &state?)?;
            match self.journal(course.position(), course.steps()) {
                Ok(journal) => return Ok((course, journal)),
                // The log is damaged before the place that this checkpoint goes on from.
                Err(RunError::Log(error @ LogError::Short { .. })) => tracing::warn!(%error, "going further back"),
                Err(error) => return Err(error),
            }
        }
        if let Some(prefix) = self.cell.prefix()
            && let Some(branched) = self.branch(&prefix)?
        {
            return Ok(branched);
        }
        let course = Course::begin(self.cell)?;
        let journal = self.journal(course.position(), 0)?;
        Ok((course, journal))
    }

    fn journal(&self, at: &Position, step: u64) -> Result<Journal<C::Event>, RunError> {
        Journal::open(self.folder, self.execution.checkpoints, self.cell.branches(), at, step)
    }

    /// The cell after the epochs that another one has trained already; `None` where that one has not come so far, or cannot be read.
    fn branch(&self, prefix: &Prefix) -> Result<Option<Underway<'_, C>>, RunError> {
        let trunk = CellFolder::named(self.run, &prefix.cell);
        let Some(state) = trunk.checkpoints(self.execution.checkpoints).first_after(prefix.epochs)? else {
            return Ok(None);
        };
        let Some(course) = Course::follow(self.cell, &state, prefix.epochs)? else { return Ok(None) };
        let at = course.position();
        let logs = log::read::<C::Event>(&trunk.metrics(), at.metrics)
            .and_then(|events| Ok((events, log::read::<EpochTime>(&trunk.timing(), at.timing)?)));
        let (events, times) = match logs {
            Err(error) if error.is_loss() => {
                tracing::warn!(%error, "not taken over; the cell begins anew");
                return Ok(None);
            }
            logs => logs?,
        };
        let (name, mut journal) = (self.cell.name(), self.journal(&Position::START, course.steps())?);
        for event in events {
            let event = self.cell.taken_over(event);
            self.observer.event(&name, &event, 0.0);
            journal.event(&event)?;
        }
        times.iter().try_for_each(|time| journal.time(time))?;
        save(&course, &mut journal)?;
        Ok(Some((course, journal)))
    }

    /// Goes on to the end, noting events and saving on the way.
    fn follow(&self, course: &mut Course<'_, C>, journal: &mut Journal<C::Event>) -> Result<(), RunError> {
        let name = self.cell.name();
        let stop = || self.observer.stop();
        loop {
            let (step, mut windows) = (course.steps(), 0);
            let pause = || {
                // At least one window of a pass comes between two checkpoints.
                windows += 1;
                stop() || (windows > 1 && journal.due(step))
            };
            let action = course.advance(pause)?;
            let at = course.position();
            let mut note = |event: &C::Event, seconds: f64| {
                self.observer.event(&name, event, seconds);
                journal.event(event)
            };
            match action {
                Action::Events(events) => {
                    self.observer.tick(&name, at.epoch, at.step, course.steps_per_epoch());
                    events.iter().try_for_each(|event| note(event, at.seconds[0]))?;
                }
                Action::Epoch(events, time) => {
                    events.iter().try_for_each(|event| note(event, time.training_s))?;
                    journal.time(&time)?;
                    if self.cell.branches().contains(&time.epoch) {
                        save(course, journal)?;
                    }
                }
                Action::Diverged(event) => {
                    // Not saved: the last good checkpoint stays.
                    note(&event, at.seconds[0])?;
                    return journal.sync();
                }
                Action::Finished => return save(course, journal),
            }
            if stop() {
                save(course, journal)?;
                return Err(self.interrupted());
            }
            if journal.due(course.steps()) {
                save(course, journal)?;
            }
        }
    }
}

fn save<C: Cell>(course: &Course<'_, C>, journal: &mut Journal<C::Event>) -> Result<(), RunError> {
    journal.save(course.state()?, course.position(), course.steps())
}
