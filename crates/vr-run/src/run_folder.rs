//! The folder of a run: taking it, its record, bringing its cells to their ends.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use vr_files::{Lock, write_atomic};

use crate::error::RunError;

/// The record of a run.
const RECORD: &str = "run.json";
const LARGEST_RECORD: u64 = 1 << 20;
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
    /// [`RunError::Occupied`] when anything else is there, before anything is written;
    /// [`vr_files::FileError::Locked`] while another process works on the run.
    pub fn open(path: impl Into<PathBuf>, experiment: &str) -> Result<Self, RunError> {
        let path = path.into();
        vr_files::create_folder(&path)?;
        let occupied = |what: String| Err(RunError::Occupied { path: path.clone(), what });
        match name(&path)? {
            Some(name) if name == experiment => {}
            Some(name) => return occupied(format!("a run of {name}")),
            None => {
                let names = vr_files::list(&path)?;
                if let Some(name) = names.iter().map(|path| file_name(path)).find(|name| !is_start(name)) {
                    return occupied(format!("`{name}`"));
                }
            }
        }
        let lock = Lock::acquire(path.join(LOCK))?;
        Ok(Self { path, experiment: experiment.to_owned(), _lock: lock })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Removes what an earlier run of the experiment found, so that all of it runs again.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn forget(&self) -> Result<(), RunError> {
        let found = vr_files::list(&self.path)?.into_iter().filter(|path| !path.ends_with(LOCK));
        Ok(found.into_iter().try_for_each(vr_files::remove)?)
    }

    /// Writes the run's record: an object that names the experiment under `experiment` and says, in whatever form, what it
    /// takes to go on with the run. Without one, [`run`](Self::run) writes a record with the name alone.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write_record(&self, record: &impl Serialize) -> Result<(), RunError> {
        Ok(write_atomic(self.path.join(RECORD), serde_json::to_string_pretty(record)?.as_bytes())?)
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
    name == LOCK || (name.starts_with(".run.json.") && name.ends_with(".tmp"))
}

/// The record of the run in `path`, as `parse` understands it; `None` for a folder without one.
///
/// # Errors
/// When the record cannot be read or parsed.
pub fn record<T>(path: &Path, parse: impl FnOnce(&[u8]) -> serde_json::Result<T>) -> Result<Option<T>, RunError> {
    let path = path.join(RECORD);
    match vr_files::read(&path, LARGEST_RECORD) {
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
