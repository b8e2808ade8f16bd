//! The folder of a run: taking it, its record, bringing its cells to their ends.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use vr_files::{Lock, write_atomic};

use crate::cell::Cell;
use crate::cell_folder::CellFolder;
use crate::digests::{DIGESTS, Digests, is_of_cell};
use crate::error::RunError;

/// The record of a run.
pub const RECORD: &str = "run.json";
const LARGEST_RECORD: u64 = 1 << 20;
/// The logs of all cells together.
pub(crate) const METRICS: &str = "metrics.jsonl";
/// The lock file of a run.
pub(crate) const LOCK: &str = "lock";

/// The folder of a run, which no other process works on while this value lives.
#[derive(Debug)]
pub struct RunFolder {
    path: PathBuf,
    experiment: String,
    _lock: Lock,
}

/// What every record says.
#[derive(Serialize, Deserialize)]
struct Named {
    experiment: String,
}

impl RunFolder {
    /// Takes a folder for a run of that experiment: a new or empty one, or that of an earlier run of the same
    /// experiment. It shows that the folder can be written to before any work is done.
    ///
    /// # Errors
    /// [`RunError::Occupied`] when anything else is there, [`vr_files::FileError::NoFolder`] when a folder of the run is a
    /// link, before anything is written; [`vr_files::FileError::Locked`] while another process works on the run.
    pub fn open(path: impl Into<PathBuf>, experiment: &str) -> Result<Self, RunError> {
        let path = path.into();
        vr_files::create_folder(&path)?;
        let names = vr_files::list(&path)?;
        for folder in names.iter().filter(|path| path.is_dir()) {
            vr_files::is_folder(folder)?;
        }
        let occupied = |what: String| Err(RunError::Occupied { path: path.clone(), what });
        match name(&path)? {
            Some(name) if name == experiment => {}
            Some(name) => return occupied(format!("a run of {name}")),
            None => {
                if let Some(name) = names.iter().map(|path| file_name(path)).find(|name| !is_start(name)) {
                    return occupied(format!("`{name}`"));
                }
            }
        }
        let lock = Lock::acquire(path.join(LOCK))?;
        vr_files::sweep(&path)?;
        Ok(Self { path, experiment: experiment.to_owned(), _lock: lock })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Removes what an earlier run of the experiment found, so that all of it runs again: cells, what the digests name, and
    /// `others` by their paths from the folder. Everything else in it stays, and it stays a run at every moment.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn forget(&self, others: &[&str]) -> Result<(), RunError> {
        let before = Digests::read(&self.path).ok().flatten().unwrap_or_default();
        // First, so that nothing that goes looks like damage.
        Digests::default().write(&self.path)?;
        let noted = before.paths().filter(|path| !is_of_cell(path) && *path != RECORD);
        for path in others.iter().copied().chain(noted).chain([METRICS]) {
            let path = self.path.join(path);
            if path.symlink_metadata().is_ok() {
                vr_files::remove(path)?;
            }
        }
        CellFolder::all(&self.path)?.iter().try_for_each(CellFolder::forget)
    }

    /// Writes the run's record: an object that names the experiment under `experiment` and says, in whatever form, what it
    /// takes to go on with the run. Without one, [`run`](Self::run) writes a record with the name alone.
    ///
    /// # Errors
    /// [`RunError::Changed`] when a finished cell is not what was written, before anything is written; otherwise when the
    /// record cannot be written.
    pub fn write_record(&self, record: &impl Serialize) -> Result<(), RunError> {
        self.unseal()?;
        Ok(write_atomic(self.path.join(RECORD), serde_json::to_string_pretty(record)?.as_bytes())?)
    }

    /// Writes the digests of the run's files: `digests`, and what this crate wrote. To be called last, after a run that
    /// came to its end; from then on [`Digests::problems`] finds what changes.
    ///
    /// # Errors
    /// When a file cannot be read or written.
    pub fn seal(&self, mut digests: Digests) -> Result<(), RunError> {
        for name in [RECORD, METRICS] {
            digests.note_file(&self.path, name)?;
        }
        for cell in CellFolder::all(&self.path)?.iter().filter(|cell| cell.is_finished()) {
            digests.note_cell(cell)?;
        }
        digests.write(&self.path)
    }

    /// Takes what is about to change out of the digests; what stays must be as it was.
    pub(crate) fn unseal(&self) -> Result<(), RunError> {
        let before = match Digests::read(&self.path) {
            Err(error @ RunError::Digests(_)) => {
                tracing::warn!(%error, "passed over");
                None
            }
            before => before?,
        };
        let mut digests = before.clone().unwrap_or_default();
        if let Some(path) = digests.changed_in_cells(&self.path)? {
            return Err(RunError::Changed(self.path.join(path)));
        }
        let cells = CellFolder::all(&self.path)?;
        digests.retain_cells(|name| cells.iter().any(|cell| cell.name() == name && cell.is_finished()));
        if before.is_none_or(|before| before != digests) {
            digests.write(&self.path)?;
        }
        Ok(())
    }

    /// The digests of the cells' results, by the names of their folders.
    ///
    /// # Errors
    /// When one is not there or cannot be read.
    pub fn results<C: Cell>(&self, cells: &[C]) -> Result<BTreeMap<String, String>, RunError> {
        let one = |cell| {
            let folder = CellFolder::of(&self.path, cell);
            Ok((folder.name(), folder.result_digest()?))
        };
        cells.iter().map(one).collect()
    }

    /// Writes a record unless there is one.
    pub(crate) fn ensure_record(&self) -> Result<(), RunError> {
        match name(&self.path)? {
            Some(_) => Ok(()),
            None => self.write_record(&Named { experiment: self.experiment.clone() }),
        }
    }
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// Whether a run that was killed at its very beginning may have left a file of this name.
fn is_start(name: &str) -> bool {
    let begun = |final_name: &str| name.starts_with(&format!(".{final_name}.")) && name.ends_with(".tmp");
    [LOCK, DIGESTS].contains(&name) || [RECORD, DIGESTS].into_iter().any(begun)
}

/// Whether there is a record in `path`, whatever it holds.
pub fn is_run(path: &Path) -> bool {
    path.join(RECORD).symlink_metadata().is_ok()
}

/// Whether nobody works on the run in `path`, alone or on one of its cells. Nothing is written, and nobody is kept from a
/// lock.
///
/// # Errors
/// [`vr_files::FileError::Locked`], which names the process that does; another [`vr_files::FileError`] when a lock
/// cannot be read.
pub fn at_rest(path: &Path) -> Result<(), RunError> {
    let locked = |path, holder| Err(vr_files::FileError::Locked { path, holder }.into());
    let lock = path.join(LOCK);
    if let Some(holder) = Lock::holder(&lock)? {
        return locked(lock, holder);
    }
    for cell in CellFolder::all(path)? {
        if let Some(holder) = cell.holder()? {
            return locked(cell.path().to_owned(), holder);
        }
    }
    Ok(())
}

/// The record of the run in `path`, as `parse` understands it; `None` for a folder without one.
///
/// # Errors
/// When the record cannot be read or parsed.
pub fn record<T>(path: &Path, parse: impl FnOnce(&[u8]) -> serde_json::Result<T>) -> Result<Option<T>, RunError> {
    let path = path.join(RECORD);
    match vr_files::read_nofollow(&path, LARGEST_RECORD) {
        Ok(text) => parse(&text).map(Some).map_err(|source| RunError::Damaged { path, source }),
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// The experiment of the run in `path`; `None` for a folder without a run.
///
/// # Errors
/// As [`record`].
pub fn name(path: &Path) -> Result<Option<String>, RunError> {
    Ok(record(path, |text| serde_json::from_slice::<Named>(text))?.map(|record| record.experiment))
}
