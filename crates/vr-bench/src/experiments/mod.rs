//! One short file for each experiment, headed by the claim it tests.
//!
//! An [`Experiment`] is a value: which cells it runs, what it draws and how it judges. [`run`] does
//! the rest for all of them. Cells, figures and verdicts are pure functions, so that a folder can be
//! drawn and judged again without training.

pub mod bn_reset;
pub mod compare;
pub mod correlation;
pub mod dropout;
pub mod elu;
pub mod ema_table;
pub mod fine_tuning;
pub mod geometry;
pub mod learning_rate;
pub mod locking;
pub mod quick;
pub mod self_tuning;
pub mod snapshot_interval;
pub mod streaming;
pub mod test_error;
pub mod train;
pub mod variance_ratio;
mod verify;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use vr_optim::{RunMemory, TableStorage};
use vr_run::RunFolder;
use vr_run::config::ConfigError;

use crate::cell::Cell;
use crate::cells::observer::Observer;
use crate::cells::{CellOnData, check_cells, result_digests, run_cells};
use crate::config::check_engine;
use crate::data::LoadedData;
use crate::destination::Destination;
use crate::error::BenchError;
use crate::figures::{FigureError, distinct};
use crate::paper::setting::Setting;
use crate::results::{CellResult, EpochTime, ExperimentResult};
use crate::run_dir::{self, Figure, Record, Task};
use crate::settings::{Model, Settings};
use crate::verdict::Verdict;

pub use verify::{RunCheck, verify};

/// An experiment of the paper.
#[derive(Clone, Copy, Debug)]
pub struct Experiment {
    /// The name on the command line and in results.
    pub name: &'static str,
    /// What it does, in a line.
    pub summary: &'static str,
    /// The claim, as the report quotes it.
    pub claim: &'static str,
    /// The network that it asks about unless told otherwise.
    pub model: Model,
    /// The networks that it can ask about; none named is any.
    pub models: &'static [Model],
    /// What it runs a network on unless told otherwise.
    pub settings: fn(Model) -> Settings,
    /// Its cells, for data that make so many minibatches.
    pub cells: fn(&Settings, usize) -> Vec<Cell>,
    /// Its figures.
    pub figures: fn(&ExperimentResult) -> Result<Vec<Figure>, FigureError>,
    /// What its numbers say of the claim.
    pub verdicts: fn(&ExperimentResult) -> Vec<Verdict>,
}

impl Experiment {
    /// Whether it asks about a network.
    pub fn asks_about(&self, model: Model) -> bool {
        self.models.is_empty() || self.models.iter().any(|asked| asked.name() == model.name())
    }

    fn check(&self, model: Model) -> Result<(), BenchError> {
        if self.asks_about(model) {
            return Ok(());
        }
        let models = self.models.iter().map(|model| model.name()).collect::<Vec<_>>().join(", ");
        Err(BenchError::OtherModel { experiment: self.name, model: model.to_string(), models })
    }

    /// Its cells with what the settings say of all of them.
    pub fn resolve(&self, settings: &Settings, minibatches: usize) -> Vec<Cell> {
        let mut cells = (self.cells)(settings, minibatches);
        if settings.bf16_tables {
            let tables = cells.iter_mut().filter_map(|cell| cell.estimator.table(minibatches));
            tables.for_each(|(storage, _)| *storage = TableStorage::Bf16);
        }
        cells
    }
}

/// All experiments.
pub const ALL: [Experiment; 16] = [
    quick::EXPERIMENT,
    locking::EXPERIMENT,
    bn_reset::EXPERIMENT,
    variance_ratio::EXPERIMENT,
    geometry::EXPERIMENT,
    snapshot_interval::EXPERIMENT,
    streaming::EXPERIMENT,
    test_error::EXPERIMENT,
    learning_rate::EXPERIMENT,
    fine_tuning::EXPERIMENT,
    ema_table::EXPERIMENT,
    correlation::EXPERIMENT,
    elu::EXPERIMENT,
    dropout::EXPERIMENT,
    self_tuning::EXPERIMENT,
    compare::EXPERIMENT,
];

/// The experiment of that name.
pub fn find(name: &str) -> Option<&'static Experiment> {
    const { &ALL }.iter().find(|experiment| experiment.name == name)
}

/// What an experiment leaves behind.
#[derive(Clone, Debug)]
pub struct Concluded {
    /// The numbers.
    pub result: ExperimentResult,
    /// What they took.
    pub times: Vec<EpochTime>,
    /// Path of the report.
    pub report: PathBuf,
}

/// Runs an experiment's cells and writes its folder `out`. In a folder of an earlier run of the
/// experiment, finished cells are kept and unfinished ones go on where they stood, unless all that is to be `forgotten`.
///
/// # Errors
/// When the experiment does not ask about the network, the data cannot be read, training fails or the folder cannot be
/// written.
pub fn run(
    experiment: &Experiment,
    settings: &Settings,
    out: &Path,
    forgotten: bool,
    observer: &dyn Observer,
) -> Result<Concluded, BenchError> {
    run_to(experiment, settings, Destination::At(out), forgotten, observer)
}

/// As [`run`], to a folder that need not be named.
///
/// # Errors
/// As [`run`].
pub fn run_to(
    experiment: &Experiment,
    settings: &Settings,
    destination: Destination<'_>,
    forgotten: bool,
    observer: &dyn Observer,
) -> Result<Concluded, BenchError> {
    experiment.check(settings.model)?;
    settings.check().and_then(|()| check_engine(settings.engine)).map_err(ConfigError::Fit)?;
    let data = settings.load()?;
    let cells = experiment.resolve(settings, data.minibatches(settings));
    check_cells(settings, &data, &cells)?;
    let record = Record::of_experiment(experiment.name, settings);
    let run = open(destination, &record, &cells, settings, &data, forgotten)?;
    let settings = &settings.in_folder(run.path());
    let work = Work {
        record,
        settings,
        data: &data,
        cells,
        claim: experiment.claim,
        scale: scale(settings, &data),
        figures: experiment.figures,
        verdicts: experiment.verdicts,
    };
    work.run(&run, observer)
}

/// Whether all of the experiments can be run with their settings; nothing is written.
///
/// # Errors
/// As [`run`], for the first that cannot.
pub fn check(all: &[(&Experiment, Settings)]) -> Result<(), BenchError> {
    let mut loaded: Vec<(&Settings, LoadedData)> = Vec::new();
    for (experiment, settings) in all {
        experiment.check(settings.model)?;
        settings.check().and_then(|()| check_engine(settings.engine)).map_err(ConfigError::Fit)?;
        let same = |of: &Settings| {
            let pictures = |of: &Settings| (of.classes, of.train_size, of.test_size, of.model.options().picture);
            of.data == settings.data && pictures(of) == pictures(settings)
        };
        let known = loaded.iter().position(|(of, _)| same(of));
        let index = match known {
            Some(index) => index,
            None => {
                loaded.push((settings, settings.load()?));
                loaded.len() - 1
            }
        };
        let data = &loaded[index].1;
        check_cells(settings, data, &experiment.resolve(settings, data.minibatches(settings)))?;
    }
    Ok(())
}

/// The folder of a run, with nothing of an earlier one if that is to be `forgotten`.
fn open(
    destination: Destination<'_>,
    record: &Record,
    cells: &[Cell],
    settings: &Settings,
    data: &LoadedData,
    forgotten: bool,
) -> Result<RunFolder, BenchError> {
    let run = destination.open(record, |run| Ok(run.check(&CellOnData::each(settings, data, cells))?))?;
    if forgotten {
        run.forget(&run_dir::FILES)?;
    }
    Ok(run)
}

/// The cells of a run by its record, for data that make so many minibatches; `None` for an unknown experiment.
pub fn cells(record: &Record, minibatches: usize) -> Option<Vec<Cell>> {
    match &record.task {
        Task::Settings(settings) => Some(find(&record.experiment)?.resolve(settings, minibatches)),
        Task::Config(config) => Some(config.cells()),
    }
}

/// What is run, and what is made of it.
struct Work<'a> {
    record: Record,
    settings: &'a Settings,
    data: &'a LoadedData,
    cells: Vec<Cell>,
    claim: &'a str,
    scale: String,
    figures: fn(&ExperimentResult) -> Result<Vec<Figure>, FigureError>,
    verdicts: fn(&ExperimentResult) -> Vec<Verdict>,
}

impl Work<'_> {
    fn run(&self, run: &RunFolder, observer: &dyn Observer) -> Result<Concluded, BenchError> {
        observer.begin(self.cells.len(), self.largest()?);
        let measured = run_cells(run, &self.record, self.settings, self.data, &self.cells, observer)?;
        let mut result = self.gather(&measured);
        result.cells = result_digests(run, self.settings, self.data, &self.cells)?;
        result.verdicts = (self.verdicts)(&result);
        let figures = drawn((self.figures)(&result))?;
        let times: Vec<_> = measured.into_iter().flat_map(|cell| cell.times).collect();
        let report = run_dir::write(run, &self.record, self.data, &result, &times, &figures)?;
        Ok(Concluded { result, times, report })
    }

    fn minibatches(&self) -> usize {
        self.data.minibatches(self.settings)
    }

    /// What the cell with the most memory and disk keeps; cells run in turn.
    fn largest(&self) -> Result<RunMemory, BenchError> {
        let mut largest = RunMemory::default();
        for cell in &self.cells {
            let graph = cell.model.graph().map_err(|e| BenchError::Model(Box::new(e)))?;
            let (parameters, minibatches) = (graph.space().len(), self.minibatches());
            let estimator = cell.estimator_within(self.settings, parameters, minibatches);
            let memory = RunMemory::of(&estimator, &cell.rule, parameters, minibatches);
            if memory.total() + memory.disk > largest.total() + largest.disk {
                largest = memory;
            }
        }
        Ok(largest)
    }

    /// The cells' numbers under the run's name and claim, not yet judged.
    fn gather(&self, measured: &[CellResult]) -> ExperimentResult {
        let Self { record, settings, data, cells, claim, scale, .. } = self;
        let models = distinct(cells.iter().map(|cell| cell.model.name()));
        ExperimentResult {
            experiment: record.experiment.clone(),
            claim: (*claim).into(),
            data: data.info.clone(),
            model: models.join(", "),
            scale: scale.clone(),
            minibatches: self.minibatches(),
            batch_size: settings.batch_size,
            epochs_run: settings.epochs,
            seeds: settings.seeds.clone(),
            schedule: cells.first().map(|cell| cell.schedule.clone()).unwrap_or_default(),
            version: settings.version,
            points: measured.iter().flat_map(|cell| cell.points.clone()).collect(),
            diagnostics: measured.iter().map(|cell| &cell.diagnostics).collect(),
            epochs: measured.iter().flat_map(|cell| cell.epochs.clone()).collect(),
            diverged: measured.iter().filter_map(|cell| cell.diverged.clone()).collect(),
            verdicts: Vec::new(),
            cells: BTreeMap::new(),
        }
    }
}

/// What can be drawn. A figure with nothing to draw is left out, and the log says so: a run keeps its numbers whether or
/// not they make a picture.
fn drawn(figures: Result<Vec<Figure>, FigureError>) -> Result<Vec<Figure>, FigureError> {
    match figures {
        Err(error @ FigureError::Empty(_)) => {
            tracing::warn!("{error}; it is left out");
            Ok(Vec::new())
        }
        figures => figures,
    }
}

fn scale(settings: &Settings, data: &LoadedData) -> String {
    let Settings { epochs, schedule_epochs, seeds, .. } = settings;
    let whole = Setting::of(settings.model).epochs;
    let epochs = match *schedule_epochs {
        length if length == whole => format!("{epochs} of the paper's {whole} epochs"),
        length => format!("{epochs} of {length} epochs, the paper's {whole} compressed"),
    };
    let (train, test, seeds) = (data.info.train_size, data.info.test_size, seeds.len());
    format!(
        "{epochs}, {train} of {} training pictures in minibatches of {}, {test} test pictures, {seeds} seed(s)",
        data.whole, settings.batch_size
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cells::observer::Silent;

    #[test]
    fn a_scale_names_the_sets_own_size() {
        let settings = Settings { train_size: Some(2_000), test_size: Some(100), ..Settings::default() };
        let found = scale(&settings, &settings.load().unwrap());
        assert!(found.contains("2000 of 10000 training pictures"), "{found}");
    }

    #[test]
    fn a_network_that_is_not_asked_about_is_refused() {
        let out = tempfile::tempdir().unwrap();
        for (name, model) in [("dropout", Model::LENET), ("elu", Model::RESNET110)] {
            let settings = Settings { model, ..Settings::default() };
            let folder = out.path().join(name);
            let error = run(find(name).unwrap(), &settings, &folder, false, &Silent).unwrap_err().to_string();
            assert!(error.contains(name) && error.contains(model.name()), "{error}");
            assert!(!folder.exists());
        }
    }
}
