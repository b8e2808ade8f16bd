//! The facts of a run's folder.

use std::path::Path;

use vr_run::RunError;
use vr_run::run_folder::is_run;

use super::of_row::{Facts, Of, Tell};
use crate::error::BenchError;
use crate::recorded::{self, Recorded};

/// Tells every fact of the run in `out`, which the facts call `run`: from the logs of its cells, as far as they have
/// come, and of what has no log (results of older versions) from the result. Writes nothing and follows no link within
/// the folder.
///
/// # Errors
/// [`RunError::NoRun`] for a folder with neither cells nor a result; otherwise what cannot be read or is damaged, which
/// names the file.
pub fn read(out: &Path, run: &str, tell: &mut Tell<'_>) -> Result<(), BenchError> {
    let found = recorded::each(out, |_, cell| {
        of_cell(cell, run, tell);
        Ok(())
    })?;
    if found || is_run(out) { Ok(()) } else { Err(RunError::NoRun(out.to_owned()).into()) }
}

fn of_cell(cell: &Recorded, run: &str, tell: &mut Tell<'_>) {
    let of = Of { run, cell: &cell.name, model: &cell.model, method: &cell.method, seed: cell.seed };
    let facts = Facts { of, setting: &cell.setting };
    cell.events.iter().for_each(|event| facts.event(event, tell));
    cell.times.iter().for_each(|time| facts.time(time, tell));
}
