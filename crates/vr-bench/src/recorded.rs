//! What the cells of a run have recorded, read back from the folder of a run, finished or under way.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use serde::de::Error as _;
use serde_json::Value;
use vr_optim::schedule::ScheduleConfig;
use vr_run::{CellFolder, RunError, run_folder};

use crate::error::BenchError;
use crate::figures::distinct;
use crate::paper::schedule::{Schedule, Version};
use crate::results::{CellResult, DataInfo, EpochTime, Event, ExperimentResult};
use crate::run_dir;

/// How a cell is trained, as far as its numbers need it to be understood.
#[derive(Clone, Debug, PartialEq)]
pub struct Setting {
    /// Examples in a minibatch, at least 1.
    pub batch_size: usize,
    /// Minibatches in an epoch, at least 1.
    pub minibatches: usize,
    /// The learning rate by steps, where it is known.
    pub rate: Option<ScheduleConfig>,
}

/// What a cell has recorded so far.
#[derive(Clone, Debug, PartialEq)]
pub struct Recorded {
    /// The name of its folder.
    pub name: String,
    /// The network.
    pub model: String,
    /// The method.
    pub method: String,
    /// The seed.
    pub seed: u64,
    /// The data.
    pub data: DataInfo,
    /// The learning rate by epochs.
    pub schedule: Schedule,
    /// Epochs that it is to be trained.
    pub epochs: usize,
    /// How it is trained.
    pub setting: Setting,
    /// All of its settings.
    pub settings: Value,
    /// Its events.
    pub events: Vec<Event>,
    /// What its epochs took.
    pub times: Vec<EpochTime>,
}

/// What must be in a cell's `settings.json`.
#[derive(Deserialize)]
struct Settings {
    batch_size: usize,
    data: DataInfo,
    cell: Cell,
}

#[derive(Deserialize)]
struct Cell {
    model: String,
    method: String,
    seed: u64,
    epochs: usize,
    schedule: Schedule,
}

impl Recorded {
    /// Reads a cell's folder. Writes nothing and follows no link.
    ///
    /// # Errors
    /// When a file cannot be read or is damaged, which the error names.
    pub fn read(folder: &CellFolder) -> Result<Self, RunError> {
        let settings = folder.settings()?;
        let damaged = |source| RunError::Damaged { path: folder.path().join("settings.json"), source };
        let Settings { batch_size, data, cell } = Settings::deserialize(&settings).map_err(damaged)?;
        if batch_size == 0 || data.train_size == 0 {
            return Err(damaged(serde_json::Error::custom("no example, or none in a minibatch")));
        }
        let Cell { model, method, seed, epochs, schedule } = cell;
        let minibatches = data.train_size.div_ceil(batch_size);
        let time = |time: vr_run::EpochTime| EpochTime {
            method: method.clone(),
            seed,
            epoch: time.epoch,
            training_s: time.training_s,
            diagnostics_s: time.diagnostics_s,
            test_s: time.test_s,
        };
        Ok(Self {
            name: folder.name(),
            times: folder.times()?.into_iter().map(time).collect(),
            events: folder.events()?,
            setting: Setting { batch_size, minibatches, rate: Some(schedule.in_steps(minibatches)) },
            model,
            method,
            seed,
            data,
            schedule,
            epochs,
            settings,
        })
    }
}

/// The result of the run in `out` with the times of its epochs: the one that it ended with, or of a run under way what its
/// cells have recorded, not judged. Writes nothing and follows no link within the folder.
///
/// # Errors
/// [`RunError::NoRun`] for a folder without a result or a cell; otherwise what cannot be read or is damaged, which names the
/// file.
pub fn result(out: &Path) -> Result<(ExperimentResult, Vec<EpochTime>), BenchError> {
    if let Some(result) = run_dir::read_result(out)? {
        return Ok((result, run_dir::read_times(out)?));
    }
    let cells = CellFolder::all(out)?.iter().map(Recorded::read).collect::<Result<Vec<_>, _>>()?;
    let Some(first) = cells.first() else { return Err(RunError::NoRun(out.to_owned()).into()) };
    let found: Vec<CellResult> = cells.iter().map(|cell| cell.events.iter().cloned().collect()).collect();
    let mut seeds: Vec<u64> = cells.iter().map(|cell| cell.seed).collect();
    seeds.sort_unstable();
    seeds.dedup();
    let result = ExperimentResult {
        experiment: run_folder::name(out)?.unwrap_or_default(),
        claim: String::new(),
        data: first.data.clone(),
        model: distinct(cells.iter().map(|cell| cell.model.as_str())).join(", "),
        scale: String::new(),
        minibatches: first.setting.minibatches,
        batch_size: first.setting.batch_size,
        epochs_run: cells.iter().map(|cell| cell.epochs).max().unwrap_or_default(),
        seeds,
        schedule: first.schedule.clone(),
        version: Version::default(),
        points: found.iter().flat_map(|cell| cell.points.clone()).collect(),
        diagnostics: found.iter().map(|cell| &cell.diagnostics).collect(),
        epochs: found.iter().flat_map(|cell| cell.epochs.clone()).collect(),
        diverged: found.iter().filter_map(|cell| cell.diverged.clone()).collect(),
        verdicts: Vec::new(),
        cells: BTreeMap::new(),
    };
    Ok((result, cells.into_iter().flat_map(|cell| cell.times).collect()))
}
