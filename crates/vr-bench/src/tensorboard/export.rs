//! Event files of runs, made of their logs.

use std::path::{Component, Path, PathBuf};
use std::time::UNIX_EPOCH;

use vr_run::cell_folder::file_name;
use vr_run::{CellFolder, RunError};

use super::FILE;
use super::scalars::{Clock, Scalars};
use crate::error::BenchError;
use crate::recorded::{Recorded, each};
use crate::results::EpochTime;

/// Writes the event files of runs to `to`: of one run a folder for each cell, of several such folders in one for each run.
/// Nothing is written to the runs, and no link in them is followed.
///
/// # Errors
/// When a run cannot be read or a file of it is damaged, which the error names; when a file cannot be written.
pub fn export(runs: &[PathBuf], to: &Path) -> Result<(), BenchError> {
    for run in runs {
        // The names that lead to the run, wherever that begins.
        let names = run.components().filter(|part| matches!(part, Component::Normal(_)));
        let folder = if runs.len() == 1 { to.to_owned() } else { to.join(names.collect::<PathBuf>()) };
        one(run, &folder)?;
    }
    Ok(())
}

fn one(run: &Path, to: &Path) -> Result<(), BenchError> {
    let found = each(run, |folder, cell| {
        let name = match (folder, cell.name.as_str()) {
            (Some(_), name) => name.to_owned(),
            (None, "") => file_name(&format!("{}-seed-{}", cell.method, cell.seed)),
            (None, name) => file_name(name),
        };
        let began = folder.map_or(0.0, began);
        Ok(vr_files::write_atomic(to.join(name).join(FILE), &records(cell, began))?)
    })?;
    if found { Ok(()) } else { Err(RunError::NoRun(run.to_owned()).into()) }
}

/// When a cell began: it writes its settings once. In seconds since 1970.
pub(super) fn began(folder: &CellFolder) -> f64 {
    let written = folder.path().join("settings.json").symlink_metadata().and_then(|found| found.modified());
    written.ok().and_then(|at| at.duration_since(UNIX_EPOCH).ok()).map_or(0.0, |since| since.as_secs_f64())
}

/// The file of a cell, as far as its log goes.
pub(super) fn records(cell: &Recorded, began: f64) -> Vec<u8> {
    let scalars = Scalars { method: cell.method.clone(), setting: cell.setting.clone() };
    let mut clock = Clock { began, ..Clock::default() };
    let mut file = Scalars::head(began);
    for event in &cell.events {
        let seconds = cell.times.iter().find(|time: &&EpochTime| time.epoch == event.epoch());
        let time = clock.at(event.epoch(), seconds.map_or(0.0, |time| time.training_s));
        file.extend(scalars.of(event, time));
    }
    file
}
