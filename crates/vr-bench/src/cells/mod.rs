//! An experiment's cells as the cells of a run: what builds engine and loader from settings, and what is measured and
//! tested along the way.

mod measurer;
pub mod observer;
mod successive;
pub mod training;

use std::collections::BTreeMap;

use serde_json::{Value, json};
use vr_core::{State, StateError};
use vr_data::Loader;
use vr_models::Engine;
pub use vr_optim::ranks::{Dismissal, Ranks};
use vr_optim::ranks::{Root, serve};
use vr_run::cell_folder::check_names;
use vr_run::{CellError, EpochEnd, Execution, Finished, Place, Prefix, Probe, RunFolder};

use crate::cell::Cell;
use crate::cells::measurer::{Found, Measurer};
use crate::cells::observer::Observer;
use crate::cells::training::{Run, begin, hand, test};
use crate::data::LoadedData;
use crate::error::BenchError;
use crate::results::{CellResult, Divergence, EpochRow, EpochTime, Event};
use crate::run_dir::Record;
use crate::settings::Settings;

/// Version of what a cell's settings mean; cells of another one are not mixed with this one's.
const SCHEMA: u64 = 1;

/// A step's loss, in nats an example, above which a run counts as diverged: chance is ln 10 ≈ 2.3.
pub const EXPLODED: f64 = 1e4;

/// A cell with the pictures and settings of its run.
#[derive(Clone, Copy, Debug)]
pub struct CellOnData<'a> {
    /// The run's settings.
    pub settings: &'a Settings,
    /// The pictures.
    pub data: &'a LoadedData,
    /// The cell.
    pub cell: &'a Cell,
}

impl<'a> CellOnData<'a> {
    /// Each of the cells.
    pub fn each(settings: &'a Settings, data: &'a LoadedData, cells: &'a [Cell]) -> Vec<Self> {
        cells.iter().map(|cell| Self { settings, data, cell }).collect()
    }

    /// What tells the cell apart from all others, and from itself on other pictures.
    fn digest(&self) -> String {
        blake3::hash(vr_run::Cell::settings(self).to_string().as_bytes()).to_hex().to_string()
    }

    /// The name of the cell of that method with this one's model and seed.
    fn name_of(&self, method: &str) -> String {
        format!("{}-{method}-seed-{}", self.cell.model, self.cell.seed)
    }

    fn result(&self, finished: Finished<CellResult>) -> CellResult {
        let (method, seed) = (&self.cell.method, self.cell.seed);
        let times = finished.times.iter().map(|time| EpochTime::of(method, seed, time));
        CellResult { times: times.collect(), ..finished.found }
    }
}

impl vr_run::Cell for CellOnData<'_> {
    type Oracle = Engine;
    type Source = Loader;
    type Event = Event;
    type Found = CellResult;

    fn name(&self) -> String {
        self.name_of(&self.cell.method)
    }

    fn settings(&self) -> Value {
        json!({
            "schema": SCHEMA,
            "engine": self.settings.engine.to_string(),
            "batch_size": self.settings.batch_size,
            "data": self.data.info,
            "cell": self.cell,
        })
    }

    fn epochs(&self) -> usize {
        self.cell.epochs
    }

    fn exploded(&self) -> f64 {
        EXPLODED
    }

    fn prefix(&self) -> Option<Prefix> {
        let (method, epochs) = self.cell.prefix.as_ref()?;
        Some(Prefix { cell: self.name_of(method), epochs: *epochs })
    }

    fn branches(&self) -> &[usize] {
        &self.cell.branches
    }

    fn taken_over(&self, event: Event) -> Event {
        event.of_method(&self.cell.method)
    }

    fn begin(&self) -> Result<Run, CellError> {
        let run = begin(self.settings, self.data, self.cell)?;
        Ok(match &self.settings.ranks {
            None => run,
            Some(ranks) => run.on_ranks(Root::begin(ranks.clone(), &self.digest())?),
        })
    }

    fn probe(&self) -> Box<dyn Probe<Self> + '_> {
        Box::new(Measurer::new(self.cell))
    }

    fn test(&self, run: &Run, end: &EpochEnd) -> Result<Vec<Event>, CellError> {
        let mut events = Vec::new();
        for track in run.tracks() {
            let on = |set| test(run, track, self.data, set, self.cell, self.settings.batch_size);
            let test = on((0, &self.data.test))?;
            let validation = self.data.validation.as_ref().map(|pictures| on((1, pictures))).transpose()?;
            events.push(Event::Epoch(EpochRow {
                method: self.cell.method.clone(),
                policy: (self.cell.policies.len() > 1).then_some(track.policy),
                seed: self.cell.seed,
                epoch: end.epoch,
                train_loss: end.train_loss,
                test_loss: test.loss,
                test_error: test.error,
                test_error_top5: test.error_top5,
                validation_loss: validation.as_ref().map(|found| found.loss).filter(|loss| loss.is_finite()),
                validation_error: validation.map(|found| found.error),
                gradient_evaluations: run.counts().training().minibatches,
            }));
        }
        Ok(events)
    }

    fn diverged(&self, epoch: usize) -> Event {
        Event::Diverged(Divergence { method: self.cell.method.clone(), seed: self.cell.seed, epoch })
    }
}

impl<'a> Probe<CellOnData<'a>> for Measurer<'_> {
    fn places(&self, epoch: usize, steps: usize) -> Vec<Place> {
        self.places(epoch, steps)
    }

    fn take(&mut self, run: &mut Run, epoch: usize, index: usize) -> Found {
        self.take(run, epoch, index)
    }

    fn save(&self, state: &mut State) {
        self.save(state);
    }

    fn restore(&mut self, state: &State, parameters: usize) -> Result<(), StateError> {
        self.restore(state, parameters)
    }
}

/// Whether each of the cells can be trained on the data and have a folder of its own; nothing is written.
///
/// # Errors
/// As [`LoadedData::fit`] and [`check_names`].
pub fn check_cells(settings: &Settings, data: &LoadedData, cells: &[Cell]) -> Result<(), BenchError> {
    data.fit(cells, settings.batch_size)?;
    Ok(check_names(&CellOnData::each(settings, data, cells))?)
}

/// Brings every cell of a run to its end, [`Settings::jobs`] at a time, and returns what they found.
///
/// # Errors
/// As [`RunFolder::run`].
pub fn run_cells(
    run: &RunFolder,
    record: &Record,
    settings: &Settings,
    data: &LoadedData,
    cells: &[Cell],
    observer: &dyn Observer,
) -> Result<Vec<CellResult>, BenchError> {
    let cells = CellOnData::each(settings, data, cells);
    run.check(&cells)?;
    record.write(run)?;
    let execution = Execution { checkpoints: settings.checkpoints, jobs: settings.jobs };
    let finished = run.run(&cells, execution, observer)?;
    Ok(cells.iter().zip(finished).map(|(cell, finished)| cell.result(finished)).collect())
}

/// Evaluates for the root whatever it asks for of these cells, until it has nothing more.
///
/// # Errors
/// As [`serve`].
pub fn serve_cells(ranks: &Ranks, settings: &Settings, data: &LoadedData, cells: &[Cell]) -> Result<(), BenchError> {
    let cells = CellOnData::each(settings, data, cells);
    Ok(serve(&*ranks.0, |digest| match cells.iter().find(|cell| cell.digest() == digest) {
        Some(found) => Ok(hand(found.settings, found.data, found.cell)?),
        None => Err("its settings or pictures are not those of the root".into()),
    })?)
}

/// Tells the root why this rank can serve none of its cells, until it has nothing more.
///
/// # Errors
/// As [`serve`].
pub fn decline(ranks: &Ranks, reason: &str) -> Result<(), BenchError> {
    Ok(serve::<Engine, Loader>(&*ranks.0, |_| Err(reason.into()))?)
}

/// The digests of the results of a run's cells, by the names of their folders.
///
/// # Errors
/// As [`RunFolder::results`].
pub fn result_digests(
    run: &RunFolder,
    settings: &Settings,
    data: &LoadedData,
    cells: &[Cell],
) -> Result<BTreeMap<String, String>, BenchError> {
    Ok(run.results(&CellOnData::each(settings, data, cells))?)
}
