//! A run that is ready: checked, with its pictures and cells.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};

use vr_optim::{Ranks, RunMemory};
use vr_run::config::{ConfigError, Fault};
use vr_run::{Cell as _, CellFolder, Execution, Prefix, RunFolder, SharedRun};

use super::tuned::Tuned;
use super::{Concluded, Experiment, drawn, scale};
use crate::cell::Cell;
use crate::cells::observer::Observer;
use crate::cells::{CellOnData, check_cells, result_digests, run_cells, serve_cells};
use crate::config::check_engine;
use crate::data::LoadedData;
use crate::destination::Destination;
use crate::error::BenchError;
use crate::figures::{FigureError, distinct};
use crate::results::rank::rank;
use crate::results::ranking::Measure;
use crate::results::{CellResult, ExperimentResult};
use crate::run_dir::{self, Figure, Record};
use crate::settings::Settings;
use crate::tensorboard::Live;
use crate::verdict::Verdict;

/// A run that is checked against its data, of which nothing is written yet.
pub struct Prepared {
    pub(super) record: Record,
    pub(super) settings: Settings,
    pub(super) data: LoadedData,
    pub(super) cells: Vec<Cell>,
    pub(super) claim: String,
    pub(super) scale: String,
    /// Threads that it was given; `None` takes those that there are.
    pub(super) threads: Option<usize>,
    pub(super) figures: fn(&ExperimentResult) -> Result<Vec<Figure>, FigureError>,
    pub(super) verdicts: fn(&ExperimentResult) -> Vec<Verdict>,
    /// How its learning rates are chosen, if they are.
    pub(super) tuning: Option<fn(&ExperimentResult) -> Vec<Tuned>>,
    /// What its settings are ranked by, if they are.
    pub(super) ranked_by: Option<Measure>,
}

/// A run whose folder is there, ready to be worked on by several processes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Begun {
    /// The run's folder.
    pub path: PathBuf,
    /// Which of its cells, in their order, are finished already.
    pub finished: Vec<bool>,
    /// The cell whose beginning each takes over, by its place, if it does.
    pub follows: Vec<Option<usize>>,
}

impl Prepared {
    /// A run of an experiment.
    ///
    /// # Errors
    /// When the experiment does not ask about the network, or settings, data and cells do not fit each other.
    pub fn experiment(experiment: &Experiment, settings: &Settings) -> Result<Self, BenchError> {
        experiment.check(settings.model)?;
        settings.check().and_then(|()| check_engine(settings.engine)).map_err(ConfigError::Fit)?;
        let data = settings.load()?;
        let record = Record::of_experiment(experiment.name, settings);
        let minibatches = data.minibatches(settings);
        let settings = settings.within_budget(minibatches).map_err(ConfigError::Fit)?;
        let cells = experiment.resolve(&settings, minibatches);
        check_cells(&settings, &data, &cells)?;
        Ok(Self {
            record,
            scale: scale(&settings, &data),
            settings,
            data,
            cells,
            claim: experiment.claim.into(),
            threads: None,
            figures: experiment.figures,
            verdicts: experiment.verdicts,
            tuning: experiment.tuning,
            ranked_by: None,
        })
    }

    /// Shares the gradients of the run out over ranks, of which this is one; no result depends on it. Rank 0 runs, the others
    /// [`serve`](Self::serve).
    ///
    /// # Errors
    /// When several cells are to run at once.
    pub fn on_ranks(mut self, ranks: Ranks) -> Result<Self, BenchError> {
        let jobs = self.settings.jobs;
        if jobs > 1 {
            let reason = format!("is {jobs}; expected 1, since ranks work on one cell at a time");
            return Err(ConfigError::Fit(Fault::new("jobs", reason)).into());
        }
        self.settings.ranks = Some(ranks);
        Ok(self)
    }

    /// Evaluates for rank 0 until it has nothing more; writes nothing.
    ///
    /// # Errors
    /// When rank 0 is gone.
    pub fn serve(&self) -> Result<(), BenchError> {
        let Some(ranks) = &self.settings.ranks else { return Ok(()) };
        self.on_its_threads(|| serve_cells(ranks, &self.settings, &self.data, &self.cells))
    }

    /// The experiment.
    pub fn name(&self) -> &str {
        &self.record.experiment
    }

    /// Runs all of it and writes its folder; what is finished there is kept, unless it is to be `forgotten`.
    ///
    /// # Errors
    /// When training fails or the folder cannot be written.
    pub fn run(
        &self,
        destination: Destination<'_>,
        forgotten: bool,
        observer: &dyn Observer,
    ) -> Result<Concluded, BenchError> {
        self.on_its_threads(|| {
            let run = self.open(destination, forgotten)?;
            let settings = self.settings.in_folder(run.path());
            let cells = match self.tuning {
                None => self.cells.clone(),
                Some(tuning) => self.chosen(tuning, |cells| self.train(&run, &settings, cells, observer))?,
            };
            let measured = self.train(&run, &settings, &cells, observer)?;
            self.conclude(&run, &settings, &cells, measured)
        })
    }

    fn train(
        &self,
        run: &RunFolder,
        settings: &Settings,
        cells: &[Cell],
        observer: &dyn Observer,
    ) -> Result<Vec<CellResult>, BenchError> {
        observer.begin(&self.left(run.path(), cells), self.largest(cells)?);
        let live = self.live(settings, run.path(), cells, observer)?;
        let observer = live.as_ref().map_or(observer, |live| live);
        run_cells(run, &self.record, settings, &self.data, cells, observer)
    }

    /// Trains the cells whose seeds are not reported; returns these, and of the others those at the learning rates that they choose.
    fn chosen(
        &self,
        tuning: fn(&ExperimentResult) -> Vec<Tuned>,
        train: impl FnOnce(&[Cell]) -> Result<Vec<CellResult>, BenchError>,
    ) -> Result<Vec<Cell>, BenchError> {
        let is_reported = |cell: &Cell| self.settings.seeds.contains(&cell.seed);
        let (reported, mut cells): (Vec<Cell>, Vec<Cell>) = self.cells.iter().cloned().partition(is_reported);
        if cells.is_empty() {
            return Ok(reported);
        }
        let tuned = tuning(&self.gather(&train(&cells)?));
        for chosen in &tuned {
            let Tuned { method, rate, tried } = chosen;
            if chosen.is_at_edge() {
                tracing::warn!(%method, %rate, ?tried, "the best learning rate is at the edge of the grid");
            } else {
                tracing::info!(%method, %rate, "the learning rate is chosen");
            }
        }
        cells.extend(reported.into_iter().filter(|cell| tuned.iter().any(|chosen| chosen.runs() == cell.method)));
        Ok(cells)
    }

    /// Makes the run's folder ready for [`work`](Self::work).
    ///
    /// # Errors
    /// When it cannot be written, or a finished cell is not what was written.
    pub fn begin(&self, destination: Destination<'_>, forgotten: bool) -> Result<Begun, BenchError> {
        let run = self.open(destination, forgotten)?;
        let cells = self.on_data(&self.settings, &self.cells);
        run.check(&cells)?;
        self.record.write(&run)?;
        Ok(Begun { path: run.path().to_owned(), finished: run.begin(&cells)?, follows: self.follows() })
    }

    /// What [`begin`](Self::begin) would begin in an empty folder.
    pub fn unbegun(&self, path: &Path) -> Begun {
        Begun { path: path.to_owned(), finished: vec![false; self.cells.len()], follows: self.follows() }
    }

    fn follows(&self) -> Vec<Option<usize>> {
        let cells = self.on_data(&self.settings, &self.cells);
        let place = |prefix: Prefix| cells.iter().position(|cell| cell.name() == prefix.cell);
        cells.iter().map(|cell| cell.prefix().and_then(place)).collect()
    }

    /// Brings some of the cells of a run that was begun to their ends, while other processes work on others.
    ///
    /// # Errors
    /// As [`SharedRun::run`].
    pub fn work(
        &self,
        path: &Path,
        cells: Range<usize>,
        observer: &dyn Observer,
    ) -> Result<Vec<CellResult>, BenchError> {
        self.on_its_threads(|| {
            let run = SharedRun::join(path, &self.record.experiment)?;
            let settings = self.settings.in_folder(path);
            let cells = &self.cells[cells.start.min(self.cells.len())..cells.end.min(self.cells.len())];
            observer.begin(&self.left(path, cells), self.largest(cells)?);
            let live = self.live(&settings, path, cells, observer)?;
            let observer = live.as_ref().map_or(observer, |live| live);
            let cells = self.on_data(&settings, cells);
            let execution = Execution { checkpoints: settings.checkpoints, jobs: settings.jobs };
            let found = run.run(&cells, execution, observer)?;
            Ok(found.into_iter().map(|finished| finished.found).collect())
        })
    }

    fn on_its_threads<T: Send>(&self, work: impl FnOnce() -> Result<T, BenchError> + Send) -> Result<T, BenchError> {
        let Some(threads) = self.threads else { return work() };
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
        pool.map_err(|e| BenchError::Model(e.into()))?.install(work)
    }

    /// What writes event files of these cells beside telling the observer, where that is asked for.
    fn live<'a>(
        &self,
        settings: &Settings,
        out: &Path,
        cells: &[Cell],
        observer: &'a dyn Observer,
    ) -> Result<Option<Live<'a>>, BenchError> {
        if !settings.tensorboard {
            return Ok(None);
        }
        Live::new(out, &self.on_data(settings, cells), observer).map(Some)
    }

    fn on_data<'a>(&'a self, settings: &'a Settings, cells: &'a [Cell]) -> Vec<CellOnData<'a>> {
        CellOnData::each(settings, &self.data, cells)
    }

    /// The folder of the run, with nothing of an earlier one if that is to be `forgotten`.
    fn open(&self, destination: Destination<'_>, forgotten: bool) -> Result<RunFolder, BenchError> {
        let check = |run: &RunFolder| Ok(run.check(&self.on_data(&self.settings, &self.cells))?);
        let run = destination.open(&self.record, check)?;
        if forgotten {
            run.forget(&run_dir::FILES)?;
        }
        Ok(run)
    }

    /// What the cells found, judged and written.
    fn conclude(
        &self,
        run: &RunFolder,
        settings: &Settings,
        cells: &[Cell],
        measured: Vec<CellResult>,
    ) -> Result<Concluded, BenchError> {
        let mut result = self.gather(&measured);
        result.cells = result_digests(run, settings, &self.data, cells)?;
        result.verdicts = (self.verdicts)(&result);
        result.ranking = self.ranked_by.map(|by| rank(&result, by));
        let figures = drawn((self.figures)(&result))?;
        let times: Vec<_> = measured.into_iter().flat_map(|cell| cell.times).collect();
        let report = run_dir::write(run, &self.record, &self.data, &result, &times, &figures)?;
        Ok(Concluded { result, times, report })
    }

    /// The epochs that are left of each cell. What cannot be read counts as not begun, and is told of when the cell is.
    fn left(&self, out: &Path, cells: &[Cell]) -> BTreeMap<String, usize> {
        let left = |cell: &CellOnData<'_>| {
            let folder = CellFolder::of(out, cell);
            let done = folder.times().map_or(0, |times| times.len());
            if folder.is_finished() { 0 } else { cell.epochs().saturating_sub(done) }
        };
        self.on_data(&self.settings, cells).iter().map(|cell| (cell.name(), left(cell))).collect()
    }

    /// What the one of the cells with the most memory and disk keeps; cells run in turn.
    fn largest(&self, cells: &[Cell]) -> Result<RunMemory, BenchError> {
        let mut largest = RunMemory::default();
        for cell in cells {
            let graph = cell.model.graph().map_err(|e| BenchError::Model(Box::new(e)))?;
            let (parameters, minibatches) = (graph.space().len(), self.minibatches());
            let estimator = cell.estimator_within(&self.settings, parameters, minibatches);
            let memory = RunMemory::of(&estimator, &cell.rule, parameters, minibatches);
            if memory.total() + memory.disk > largest.total() + largest.disk {
                largest = memory;
            }
        }
        Ok(largest)
    }

    fn minibatches(&self) -> usize {
        self.data.minibatches(&self.settings)
    }

    /// The cells' numbers under the run's name and claim, not yet judged.
    fn gather(&self, measured: &[CellResult]) -> ExperimentResult {
        let Self { record, settings, data, cells, claim, scale, .. } = self;
        let models = distinct(cells.iter().map(|cell| cell.model.name()));
        ExperimentResult {
            experiment: record.experiment.clone(),
            claim: claim.clone(),
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
            ranking: None,
            cells: BTreeMap::new(),
        }
    }
}
