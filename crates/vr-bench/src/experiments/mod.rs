//! One short file for each experiment, headed by the claim it tests.

pub mod bn_reset;
pub mod locking;
pub mod quick;
pub mod variance_ratio;

use std::path::{Path, PathBuf};

use vr_optim::{Locking, NormPolicy, SnapshotGradients, SnapshotRule, SvrgConfig};

use crate::cell::{Cell, CellResult, Places, drops, run_cell};
use crate::error::BenchError;
use crate::observer::Observer;
use crate::results::{ExperimentResult, Verdict};
use crate::run_dir::{self, Figure, Recorder};
use crate::settings::{LoadedData, Settings};

/// What an experiment leaves behind.
#[derive(Clone, Debug)]
pub struct Finished {
    /// The numbers.
    pub result: ExperimentResult,
    /// Path of the report.
    pub report: PathBuf,
}

/// The released code's SVRG behind the variance figures: stored gradients, snapshot at the moving
/// average of the iterates with the iterate moved there, train mode everywhere, no reset.
fn released(seed: u64, locking: Locking) -> Cell {
    Cell {
        method: match locking {
            Locking::Locked => "svrg-locked".into(),
            Locking::Unlocked => "svrg-unlocked".into(),
        },
        svrg: SvrgConfig {
            snapshot: SnapshotRule::MovingAverage { keep: 0.9 },
            gradients: SnapshotGradients::Stored,
            ..SvrgConfig::default()
        },
        locking,
        policies: vec![NormPolicy::Naive],
        places: Places::Paper,
        every: 1,
        seed,
    }
}

/// SVRG with recomputation from the last iterate, as behind the paper's test errors, with naive and
/// reset statistics side by side.
fn recomputed(seed: u64) -> Cell {
    Cell {
        method: "svrg-recomputed".into(),
        svrg: SvrgConfig::default(),
        locking: Locking::Locked,
        policies: vec![NormPolicy::Reset, NormPolicy::Naive],
        places: Places::None,
        every: 1,
        seed,
    }
}

/// Runs the cells one after another, their events going to the run folder `out`.
fn run_cells(
    settings: &Settings,
    data: &LoadedData,
    cells: &[Cell],
    out: &Path,
    observer: &dyn Observer,
) -> Result<Vec<CellResult>, BenchError> {
    let recorder = Recorder::new(out, observer)?;
    cells.iter().map(|cell| run_cell(settings, data, cell, &recorder)).collect()
}

/// Gathers the cells' numbers under an experiment's name and claim.
fn gather(
    experiment: &str,
    claim: &str,
    settings: &Settings,
    data: &LoadedData,
    cells: &[CellResult],
) -> ExperimentResult {
    ExperimentResult {
        experiment: experiment.into(),
        claim: claim.into(),
        data: data.info.clone(),
        model: settings.model.to_string(),
        scale: format!(
            "{} of the paper's 250 epochs, {} of its 50,000 training pictures, {} seed(s)",
            settings.epochs,
            data.info.train_size,
            settings.seeds.len()
        ),
        minibatches: data.info.train_size.div_ceil(settings.batch_size),
        batch_size: settings.batch_size,
        epochs_run: settings.epochs,
        seeds: settings.seeds.clone(),
        learning_rate_drops: drops(settings.epochs),
        points: cells.iter().flat_map(|cell| cell.points.clone()).collect(),
        epochs: cells.iter().flat_map(|cell| cell.epochs.clone()).collect(),
        verdicts: Vec::new(),
    }
}

/// Adds the verdicts and writes the run folder.
fn finish(
    out: &Path,
    settings: &Settings,
    mut result: ExperimentResult,
    verdicts: Vec<Verdict>,
    cells: &[CellResult],
    figures: &[Figure],
) -> Result<Finished, BenchError> {
    result.verdicts = verdicts;
    let report = run_dir::write(out, settings, &result, cells, figures)?;
    Ok(Finished { result, report })
}
