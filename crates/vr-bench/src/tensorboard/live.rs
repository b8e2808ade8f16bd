//! Event files that grow while a run goes.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use vr_files::AppendFile;
use vr_optim::RunMemory;
use vr_run::{Cell as _, CellFolder};

use super::FILE;
use super::export::{began, records};
use super::scalars::{Clock, Scalars};
use crate::cells::CellOnData;
use crate::cells::observer::Observer;
use crate::error::BenchError;
use crate::recorded::{Recorded, Setting};
use crate::results::Event;

/// The folder in a run's, with a folder for each cell.
pub const FOLDER: &str = "tensorboard";

/// Writes event files of what it hears, and lets another observer hear it, too.
///
/// When a cell begins or goes on in this process, its file is made anew of its log, which then ends where the cell goes on:
/// nothing stands there twice, whatever ended the process before. The file is written in place, and its records are as long as
/// they were, so that a TensorBoard that reads it goes on as well. A file that cannot be written is warned of once, and the run goes on.
pub struct Live<'a> {
    observer: &'a dyn Observer,
    cells: BTreeMap<String, Mutex<CellFile>>,
}

/// The file of a cell.
struct CellFile {
    folder: CellFolder,
    path: PathBuf,
    scalars: Scalars,
    clock: Clock,
    file: Option<AppendFile>,
    failed: bool,
}

impl<'a> Live<'a> {
    /// For the cells of the run in `out`. Those that are finished have their files made of their logs.
    ///
    /// # Errors
    /// When the settings of a cell make no sense.
    pub fn new(out: &Path, cells: &[CellOnData<'_>], observer: &'a dyn Observer) -> Result<Self, BenchError> {
        let one = |cell: &CellOnData<'_>| {
            let folder = CellFolder::of(out, cell);
            let path = out.join(FOLDER).join(folder.name());
            let scalars = Scalars { method: cell.cell.method.clone(), setting: Setting::of(&cell.settings())? };
            let mut file = CellFile { folder, path, scalars, clock: Clock::default(), file: None, failed: false };
            if file.folder.is_finished() {
                file.attempt(CellFile::open);
            }
            Ok::<_, BenchError>((cell.name(), Mutex::new(file)))
        };
        Ok(Self { observer, cells: cells.iter().map(one).collect::<Result<_, _>>()? })
    }
}

impl CellFile {
    /// Makes the file of the log.
    fn open(&mut self) -> Result<(), BenchError> {
        let cell = Recorded::read(&self.folder)?;
        self.clock = Clock { began: began(&self.folder), ..Clock::default() };
        self.clock.before = cell.times.iter().map(|time| time.training_s).sum();
        for folder in [self.path.parent().unwrap_or(&self.path), &self.path] {
            // A link would lead out of the run.
            if !vr_files::is_folder(folder)? {
                vr_files::create_folder(folder)?;
            }
        }
        let mut file = AppendFile::open(self.path.join(FILE))?;
        file.truncate(0)?;
        file.append(&records(&cell, self.clock.began))?;
        self.file = Some(file);
        Ok(())
    }

    fn event(&mut self, event: &Event, seconds: f64) -> Result<(), BenchError> {
        if self.file.is_none() {
            // The event is not in the log yet.
            self.open()?;
        }
        let time = self.clock.at(event.epoch(), seconds);
        if let Some(file) = &mut self.file {
            file.append(&self.scalars.of(event, time))?;
        }
        Ok(())
    }

    fn attempt(&mut self, write: impl FnOnce(&mut Self) -> Result<(), BenchError>) {
        if self.failed {
            return;
        }
        if let Err(error) = write(self) {
            tracing::warn!(%error, "no more is written for TensorBoard of this cell");
            self.failed = true;
        }
    }
}

impl Observer for Live<'_> {
    fn begin(&self, left: &BTreeMap<String, usize>, largest: RunMemory) {
        self.observer.begin(left, largest);
    }
}

impl vr_run::Observer<Event> for Live<'_> {
    fn tick(&self, cell: &str, epoch: usize, step: usize, steps: usize) {
        self.observer.tick(cell, epoch, step, steps);
    }

    fn event(&self, cell: &str, event: &Event, seconds: f64) {
        self.observer.event(cell, event, seconds);
        if let Some(file) = self.cells.get(cell) {
            let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
            file.attempt(|file| file.event(event, seconds));
        }
    }

    fn stop(&self) -> bool {
        self.observer.stop()
    }
}
