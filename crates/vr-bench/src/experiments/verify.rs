//! Whether a run is what was written: its files against their digests, its result against its cells, and its cells against
//! their logs and their training.

use std::path::Path;

use serde::Serialize;
use vr_run::digest::digest;
use vr_run::digests::{DIGESTS, Digests};
use vr_run::run_folder::at_rest;
use vr_run::verify::{CellCheck, verify as verify_cells, verify_files};
use vr_run::{CellFolder, RunError};

use super::cells;
use crate::cells::CellOnData;
use crate::error::BenchError;
use crate::results::rows::rows_by_run;
use crate::results::{CellResult, ExperimentResult};
use crate::run_dir::{LARGEST_RESULT, RESULT, Record};

/// What was found of a run.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct RunCheck {
    /// Its cells.
    pub cells: Vec<CellCheck>,
    /// Files that were compared with their digests.
    pub files: usize,
    /// What is wrong with the run beside its cells; empty for a sound one.
    pub problems: Vec<String>,
    /// What could not be checked, and why.
    pub notes: Vec<String>,
}

impl RunCheck {
    /// Whether nothing is wrong.
    pub fn is_sound(&self) -> bool {
        self.problems.is_empty() && self.cells.iter().all(|cell| cell.problems.is_empty())
    }
}

/// Checks the run in `out`, changes nothing and keeps nobody from it: every file's digest, the result against the cells,
/// each cell's shapes, numbers and logs, and where its two newest checkpoints are at most `most` steps apart, the newer is
/// computed again from the older. Of a run of an older version, or whose data are not at hand, as much of it as can be; the
/// notes say what is left out.
///
/// # Errors
/// When the folder holds no run, its record cannot be read or another process works on it. What is wrong otherwise is no
/// error but a problem of the run or of a cell.
pub fn verify(out: &Path, most: u64) -> Result<RunCheck, BenchError> {
    at_rest(out)?;
    let mut check = RunCheck::default();
    let record = Record::read(out)?;
    let result = check.result(out);
    match &record {
        None if result.is_none() && check.problems.is_empty() => return Err(RunError::NoRun(out.to_owned()).into()),
        None if out.join(DIGESTS).exists() || vr_files::is_folder(out.join(vr_run::cell_folder::CELLS))? => {
            check.problems.push("`run.json` is missing".into());
        }
        None => check
            .notes
            .push("a result on its own, without the run that it is of: only that it can be read was checked".into()),
        Some(record) => check.cells(out, record, most)?,
    }
    if record.is_some() || out.join(DIGESTS).exists() {
        check.digests(out, result.as_ref());
    }
    if let Some(result) = result {
        check.chain(out, &result)?;
    }
    at_rest(out)?;
    Ok(check)
}

impl RunCheck {
    fn result(&mut self, out: &Path) -> Option<ExperimentResult> {
        let text = match vr_files::read_nofollow(out.join(RESULT), LARGEST_RESULT) {
            Err(error) if error.is_not_found() => return None,
            Err(error) => {
                self.problems.push(error.to_string());
                return None;
            }
            Ok(text) => text,
        };
        let parsed = serde_json::from_slice(&text);
        parsed.map_err(|error| self.problems.push(format!("`{RESULT}` is damaged: {error}"))).ok()
    }

    fn cells(&mut self, out: &Path, record: &Record, most: u64) -> Result<(), BenchError> {
        // A table that goes to a file is none of the run's.
        let settings = record.settings(&std::env::temp_dir());
        self.cells = match settings.load() {
            Ok(data) => {
                let minibatches = data.info.train_size.div_ceil(settings.batch_size);
                let cells = cells(record, minibatches).ok_or_else(|| BenchError::Unknown {
                    path: out.to_owned(),
                    experiment: record.experiment.clone(),
                })?;
                verify_cells(out, &CellOnData::each(&settings, &data, &cells), most)?
            }
            Err(error) => {
                self.notes.push(format!("settings were not compared and no step was taken again: {error}"));
                verify_files::<CellOnData<'_>>(out)?
            }
        };
        Ok(())
    }

    fn digests(&mut self, out: &Path, result: Option<&ExperimentResult>) {
        match (Digests::read(out), result) {
            (Ok(Some(digests)), result) => {
                self.problems.extend(digests.problems(out));
                self.files = digests.paths().count();
                if result.is_some() && !digests.has(RESULT) {
                    let note = "the run was taken up again and is not finished: its result and report are of before";
                    self.notes.push(note.into());
                }
            }
            (Ok(None), Some(result)) if !result.cells.is_empty() => {
                self.problems.push(format!("`{DIGESTS}` is missing"));
            }
            (Ok(None), Some(_)) => self.notes.push(
                "of an older version, without digests of its files: report, figures and tables were not checked".into(),
            ),
            (Ok(None), None) => {}
            (Err(error), _) => self.problems.push(error.to_string()),
        }
    }

    /// The result against the cells that it is of.
    fn chain(&mut self, out: &Path, result: &ExperimentResult) -> Result<(), BenchError> {
        let folders = CellFolder::all(out)?;
        for (name, expected) in &result.cells {
            let folder = folders.iter().find(|folder| folder.name() == *name);
            match folder.map(|folder| vr_files::read_nofollow(folder.path().join(RESULT), LARGEST_RESULT)) {
                Some(Ok(text)) if digest(&text) == *expected => {}
                Some(Ok(_)) => self.problems.push(format!("cell `{name}` has another result than `{RESULT}` is of")),
                _ => self.problems.push(format!("cell `{name}`, which `{RESULT}` is of, has no result")),
            }
        }
        let finished = folders.iter().filter_map(|folder| folder.finished::<CellResult>().ok().flatten());
        let finished: Vec<CellResult> = finished.map(|report| report.found).collect();
        let found = rows_by_run(
            finished.iter().map(|cell| (&cell.points, &cell.diagnostics, &cell.epochs, cell.diverged.as_slice())),
        )?;
        let said = rows_by_run([(&result.points, &result.diagnostics, &result.epochs, result.diverged.as_slice())])?;
        for ((method, seed), rows) in &found {
            // A run that has grown has cells that its result is not yet of.
            if said.get(&(method.clone(), *seed)).is_some_and(|said| said != rows) {
                self.problems.push(format!("`{RESULT}` has other numbers of {method}, seed {seed}, than its cell"));
            }
        }
        Ok(())
    }
}
