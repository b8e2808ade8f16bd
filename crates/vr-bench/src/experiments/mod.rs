//! One short file for each experiment, headed by the claim it tests.
//!
//! An [`Experiment`] is a value: which cells it runs, what it draws and how it judges. [`run`] does
//! the rest for all of them. Cells, figures and verdicts are pure functions, so that a folder can be
//! drawn and judged again without training.

pub mod alpha_svrg;
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
mod page;
mod prepared;
pub mod quick;
pub mod self_tuning;
pub mod snapshot_interval;
pub mod streaming;
pub mod test_error;
pub mod train;
pub mod tuned;
pub mod variance_ratio;
mod verify;

use std::path::{Path, PathBuf};

use vr_optim::TableStorage;
use vr_run::config::ConfigError;

use self::tuned::Tuned;
use crate::cell::Cell;
use crate::cells::check_cells;
use crate::cells::observer::Observer;
use crate::config::check_engine;
use crate::data::LoadedData;
use crate::destination::Destination;
use crate::error::BenchError;
use crate::figures::FigureError;
use crate::paper::setting::Setting;
use crate::results::{EpochTime, ExperimentResult};
use crate::run_dir::{Figure, Record, Task};
use crate::settings::{Model, Settings};
use crate::verdict::Verdict;

pub use page::{figures, page};
pub use prepared::{Begun, Prepared};
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
    /// How the numbers of its runs with other seeds than those that are reported choose each method's learning rate, if they do:
    /// those runs come first, and only the rates chosen are run with the seeds that are reported.
    pub tuning: Option<fn(&ExperimentResult) -> Vec<Tuned>>,
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
pub const ALL: [Experiment; 17] = [
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
    alpha_svrg::EXPERIMENT,
];

/// The experiment of that name.
pub fn find(name: &str) -> Option<&'static Experiment> {
    const { &ALL }.iter().find(|experiment| experiment.name == name)
}

/// A result judged by the rules of this version; one that no experiment of it makes keeps the verdicts that it has.
pub fn judged(mut result: ExperimentResult) -> ExperimentResult {
    if let Some(experiment) = find(&result.experiment) {
        result.verdicts = (experiment.verdicts)(&result);
    }
    result
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
    Prepared::experiment(experiment, settings)?.run(Destination::At(out), forgotten, observer)
}

/// The run in `path` as its record says.
///
/// # Errors
/// [`BenchError::Unknown`] for an experiment that is none; otherwise as for the run's own kind.
pub fn prepare(record: &Record, path: &Path) -> Result<Prepared, BenchError> {
    match &record.task {
        Task::Settings(settings) => {
            let unknown = || BenchError::Unknown { path: path.into(), experiment: record.experiment.clone() };
            Prepared::experiment(find(&record.experiment).ok_or_else(unknown)?, settings)
        }
        Task::Config(config) => train::prepare(config),
    }
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
            let pictures =
                |of: &Settings| (of.classes, of.train_size, of.validation, of.test_size, of.model.options().picture);
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
        let minibatches = data.minibatches(settings);
        let settings = settings.within_budget(minibatches).map_err(ConfigError::Fit)?;
        check_cells(&settings, data, &experiment.resolve(&settings, minibatches))?;
    }
    Ok(())
}

/// The cells of a run by its record, for data that make so many minibatches; `None` for an unknown experiment or a grid that makes no sense.
pub fn cells(record: &Record, minibatches: usize) -> Option<Vec<Cell>> {
    match &record.task {
        Task::Settings(settings) => {
            let settings = settings.within_budget(minibatches).ok()?;
            Some(find(&record.experiment)?.resolve(&settings, minibatches))
        }
        Task::Config(config) => config.cells().ok(),
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
