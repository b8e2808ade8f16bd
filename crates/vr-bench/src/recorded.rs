//! What the cells of a run have recorded, read back from the folder of a run, finished or under way.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::Deserialize;
use serde::de::Error as _;
use serde_json::Value;
use vr_optim::EstimatorConfig;
use vr_optim::schedule::ScheduleConfig;
use vr_run::{CellFolder, RunError, run_folder};

use crate::error::BenchError;
use crate::figures::distinct;
use crate::paper::schedule::{Schedule, Unit, Version};
use crate::results::tensor_table::TensorTable;
use crate::results::{CellResult, DataInfo, EpochTime, Event, ExperimentResult};
use crate::run_dir;

/// How a cell is trained, as far as its numbers need it to be understood.
#[derive(Clone, Debug, PartialEq)]
pub struct Setting {
    /// Examples in a minibatch, at least 1.
    pub batch_size: usize,
    /// Minibatches in an epoch, at least 1.
    pub minibatches: usize,
    /// Steps in an epoch.
    pub steps: usize,
    /// The learning rate, where it is known: by steps, or by minibatch gradients.
    pub rate: Option<(Unit, ScheduleConfig)>,
}

impl Setting {
    /// That of a cell with these settings.
    ///
    /// # Errors
    /// When they are none of a cell.
    pub fn of(settings: &Value) -> serde_json::Result<Self> {
        Ok(Settings::read(settings)?.setting())
    }
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
    estimator: Value,
}

impl Settings {
    fn read(settings: &Value) -> serde_json::Result<Self> {
        let read = Self::deserialize(settings)?;
        if read.batch_size == 0 || read.data.train_size == 0 {
            return Err(serde_json::Error::custom("no example, or none in a minibatch"));
        }
        Ok(read)
    }

    fn setting(&self) -> Setting {
        let minibatches = self.data.train_size.div_ceil(self.batch_size);
        let schedule = &self.cell.schedule;
        // Of an estimator that this version does not know, an epoch is a pass.
        let estimator =
            EstimatorConfig::<f32>::deserialize(&self.cell.estimator).ok().filter(|found| found.check().is_ok());
        let steps = match (estimator, u32::try_from(minibatches)) {
            (Some(found), Ok(count)) => found.build().steps_per_epoch(count) as usize,
            _ => minibatches,
        };
        let rate = schedule.in_steps(if schedule.by == Unit::Gradient { minibatches } else { steps });
        Setting { batch_size: self.batch_size, minibatches, steps, rate: Some((schedule.by, rate)) }
    }
}

impl Recorded {
    /// Reads a cell's folder. Writes nothing and follows no link.
    ///
    /// # Errors
    /// When a file cannot be read or is damaged, which the error names.
    pub fn read(folder: &CellFolder) -> Result<Self, RunError> {
        let settings = folder.settings()?;
        let damaged = |source| RunError::Damaged { path: folder.path().join("settings.json"), source };
        let read = Settings::read(&settings).map_err(damaged)?;
        let setting = read.setting();
        let Settings { data, cell: Cell { model, method, seed, epochs, schedule, .. }, .. } = read;
        Ok(Self {
            name: folder.name(),
            times: folder.times()?.iter().map(|time| EpochTime::of(&method, seed, time)).collect(),
            events: folder.events()?,
            setting,
            model,
            method,
            seed,
            data,
            schedule,
            epochs,
        })
    }
}

/// Tells every cell of the run in `out`: first those with a folder, as far as their logs have come, one after another since the
/// logs of all may be large; then those that only the result knows, such as those of older versions. The network of an epoch
/// is not in a result of several; a cell of such epochs has neither name nor network. Returns whether there is a cell or
/// a result. Writes nothing and follows no link within the folder.
///
/// # Errors
/// When a file cannot be read or is damaged, which the error names; what `tell` fails with.
pub fn each(
    out: &Path,
    mut tell: impl FnMut(Option<&CellFolder>, &Recorded) -> Result<(), BenchError>,
) -> Result<bool, BenchError> {
    let folders = CellFolder::all(out)?;
    let mut logged = BTreeSet::new();
    for folder in &folders {
        let cell = Recorded::read(folder)?;
        tell(Some(folder), &cell)?;
        logged.insert((cell.method, cell.seed));
    }
    let others = without_logs(out, &logged)?;
    let found = others.is_some() || !folders.is_empty();
    others.iter().flatten().try_for_each(|cell| tell(None, cell))?;
    Ok(found)
}

/// What the result says of cells that have no log, by method and seed; `None` without a result.
fn without_logs(out: &Path, logged: &BTreeSet<(String, u64)>) -> Result<Option<Vec<Recorded>>, BenchError> {
    let Some(result) = run_dir::read_result(out)? else { return Ok(None) };
    let only = if result.model.contains(", ") { "" } else { &result.model };
    let mut cells: Vec<Recorded> = Vec::new();
    let mut of = |model: &str, method: &str, seed: u64| -> Option<usize> {
        if logged.contains(&(method.to_owned(), seed)) {
            return None;
        }
        let same = |cell: &Recorded| cell.model == model && cell.method == method && cell.seed == seed;
        Some(cells.iter().position(same).unwrap_or_else(|| {
            let name = if model.is_empty() { String::new() } else { format!("{model}-{method}-seed-{seed}") };
            let batch_size = result.batch_size.max(1);
            let minibatches = result.minibatches.max(1);
            cells.push(Recorded {
                name,
                model: model.to_owned(),
                method: method.to_owned(),
                seed,
                data: result.data.clone(),
                schedule: result.schedule.clone(),
                epochs: result.epochs_run,
                setting: Setting { batch_size, minibatches, steps: minibatches, rate: None },
                events: Vec::new(),
                times: Vec::new(),
            });
            cells.len() - 1
        }))
    };
    let tensors = run_dir::read_tensors(out)?;
    let mut events = Vec::new();
    for event in result.events().chain(tensors.iter().flat_map(TensorTable::rows).map(Event::Tensors)) {
        let (model, method, seed) = event.of();
        if let Some(index) = of(model.unwrap_or(only), method, seed) {
            events.push((index, event));
        }
    }
    let mut times = Vec::new();
    for time in run_dir::read_times(out)? {
        if let Some(index) = of(only, &time.method, time.seed) {
            times.push((index, time));
        }
    }
    events.into_iter().for_each(|(index, event)| cells[index].events.push(event));
    times.into_iter().for_each(|(index, time)| cells[index].times.push(time));
    Ok(Some(cells))
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
        ranking: None,
        cells: BTreeMap::new(),
    };
    Ok((result, cells.into_iter().flat_map(|cell| cell.times).collect()))
}
