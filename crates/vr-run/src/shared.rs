//! A run that several processes work on at once, each on cells of its own.

use std::path::PathBuf;

use vr_files::Lock;

use crate::cell::Cell;
use crate::cell_folder::{CellFolder, check_names};
use crate::error::RunError;
use crate::observer::Observer;
use crate::run_folder::{LOCK, name};
use crate::runner::{Execution, Finished, work};

/// A share in a run that [`RunFolder::begin`](crate::RunFolder::begin) began: cells can be brought to their ends here while
/// other processes, on this machine or on others, bring other cells to theirs. Nobody has the run alone while this value
/// lives.
///
/// On a network file system this relies on `flock` reaching all machines, as it does on NFS from version 4 on and on Lustre
/// mounted with `flock`. Where it does not, nothing keeps two processes from the same cell: give each its own.
#[derive(Debug)]
pub struct SharedRun {
    path: PathBuf,
    _lock: Lock,
}

impl SharedRun {
    /// Joins a run of that experiment.
    ///
    /// # Errors
    /// [`RunError::NoRun`] where none was begun, [`RunError::Occupied`] when it is of another experiment,
    /// [`vr_files::FileError::Locked`] while a process has the run alone.
    pub fn join(path: impl Into<PathBuf>, experiment: &str) -> Result<Self, RunError> {
        let path = path.into();
        match name(&path)? {
            Some(name) if name == experiment => {}
            Some(name) => return Err(RunError::Occupied { path, what: format!("a run of {name}") }),
            None => return Err(RunError::NoRun(path)),
        }
        let lock = Lock::share(path.join(LOCK))?;
        Ok(Self { path, _lock: lock })
    }

    /// Brings some cells of the run to their ends; what they found is kept in their folders. The rest of the run is as it was:
    /// [`RunFolder::run`](crate::RunFolder::run) over all cells gathers them.
    ///
    /// # Errors
    /// [`vr_files::FileError::Locked`] when another process works on one of the cells, before any work; otherwise as
    /// [`RunFolder::run`](crate::RunFolder::run).
    pub fn run<C: Cell>(
        &self,
        cells: &[C],
        execution: Execution,
        observer: &dyn Observer<C::Event>,
    ) -> Result<Vec<Finished<C::Found>>, RunError> {
        check_names(cells)?;
        let claim = |cell| CellFolder::claim(&self.path, cell);
        let folders = cells.iter().map(claim).collect::<Result<Vec<_>, _>>()?;
        let _locks = folders.iter().map(CellFolder::lock).collect::<Result<Vec<_>, _>>()?;
        work(&self.path, cells, &folders, execution, observer)
    }
}
