//! The facts of a run's folder.

use std::collections::BTreeSet;
use std::path::Path;

use vr_run::run_folder::is_run;
use vr_run::{CellFolder, RunError};

use super::of_row::{Facts, Of, Tell};
use crate::error::BenchError;
use crate::recorded::{Recorded, Setting};
use crate::results::tensor_table::TensorTable;
use crate::results::{Event, ExperimentResult};
use crate::run_dir;

/// Tells every fact of the run in `out`, which the facts call `run`: from the logs of its cells, as far as they have
/// come, and of what has no log (results of older versions) from the result. Writes nothing and follows no link within
/// the folder.
///
/// # Errors
/// [`RunError::NoRun`] for a folder with neither cells nor a result; otherwise what cannot be read or is damaged, which
/// names the file.
pub fn read(out: &Path, run: &str, tell: &mut Tell<'_>) -> Result<(), BenchError> {
    let cells = CellFolder::all(out)?;
    let mut logged = BTreeSet::new();
    // One after another: the logs of all may be large.
    for cell in &cells {
        let cell = Recorded::read(cell)?;
        of_cell(&cell, run, tell);
        logged.insert((cell.method, cell.seed));
    }
    match run_dir::read_result(out)? {
        Some(result) => of_result(out, run, &result, &logged, tell),
        None if cells.is_empty() && !is_run(out) => Err(RunError::NoRun(out.to_owned()).into()),
        None => Ok(()),
    }
}

fn of_cell(cell: &Recorded, run: &str, tell: &mut Tell<'_>) {
    let of = Of { run, cell: &cell.name, model: &cell.model, method: &cell.method, seed: cell.seed };
    let facts = Facts { of, setting: &cell.setting };
    cell.events.iter().for_each(|event| facts.event(event, tell));
    cell.times.iter().for_each(|time| facts.time(time, tell));
}

/// The facts of a result that no cell's log has.
fn of_result(
    out: &Path,
    run: &str,
    result: &ExperimentResult,
    logged: &BTreeSet<(String, u64)>,
    tell: &mut Tell<'_>,
) -> Result<(), BenchError> {
    let setting = Setting { batch_size: result.batch_size.max(1), minibatches: result.minibatches.max(1), rate: None };
    // Epochs name no network; where there is one alone it is theirs.
    let only = if result.model.contains(", ") { "" } else { &result.model };
    let mut with = |model: &str, method: &str, seed: u64, each: &dyn Fn(&Facts<'_>, &mut Tell<'_>)| {
        if !logged.contains(&(method.to_owned(), seed)) {
            let cell = if model.is_empty() { String::new() } else { format!("{model}-{method}-seed-{seed}") };
            let of = Of { run, cell: &cell, model, method, seed };
            each(&Facts { of, setting: &setting }, tell);
        }
    };
    let tensors = run_dir::read_tensors(out)?;
    for event in result.events().chain(tensors.iter().flat_map(TensorTable::rows).map(Event::Tensors)) {
        let (model, method, seed) = event.of();
        with(model.unwrap_or(only), method, seed, &|facts, tell| facts.event(&event, tell));
    }
    for time in run_dir::read_times(out)? {
        with(only, &time.method, time.seed, &|facts, tell| facts.time(&time, tell));
    }
    Ok(())
}
