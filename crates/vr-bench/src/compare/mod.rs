//! Runs beside each other: which settings differ, which results, and what they cost.
//!
//! [`compare`] reads the runs; what it returns is a table for a terminal ([`text`]), a page ([`page`]) or JSON. A difference
//! of two runs is taken seed by seed, over the seeds that both have.

mod measured;
pub mod page;
mod settings;
pub mod text;

use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::error::BenchError;
use crate::recorded;
use crate::results::cost::{Cost, costs};
use crate::results::{EpochTime, ExperimentResult};
use crate::run_dir;
pub use measured::{Difference, Interval, Measured};
pub use settings::Setting;

/// Several runs, the first of which the others are held against.
#[derive(Clone, Debug, Serialize)]
pub struct Comparison {
    /// The runs, in the order that they were given in.
    pub runs: Vec<RunSummary>,
    /// The settings that are not the same in all of them.
    pub settings: Vec<Setting>,
    /// What they were made with that is not the same in all of them: version, commit, digest of the data, machine.
    pub made_with: Vec<Setting>,
    /// What they measured.
    pub results: Vec<Measured>,
    /// The results themselves.
    #[serde(skip)]
    pub found: Vec<ExperimentResult>,
}

/// A run and what it cost.
#[derive(Clone, Debug, Serialize)]
pub struct RunSummary {
    /// Its name in the comparison.
    pub run: String,
    /// The experiment.
    pub experiment: String,
    /// The networks.
    pub model: String,
    /// The data.
    pub data: String,
    /// The seeds.
    pub seeds: Vec<u64>,
    /// What each method cost.
    pub costs: Vec<Spent>,
}

/// What a method cost.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Spent {
    /// The method.
    pub method: String,
    /// Epochs of its longest run.
    pub epochs: usize,
    /// Minibatch gradients for training of its longest run, in passes over the training set.
    pub passes: f64,
    /// Seconds of training, a run; none where no times are known.
    pub training_s: Option<f64>,
    /// Runs that diverged.
    pub diverged: usize,
}

impl From<Cost> for Spent {
    fn from(Cost { method, epochs, passes, training_s, diverged, .. }: Cost) -> Self {
        Self { method, epochs, passes, training_s, diverged }
    }
}

/// What is read of a run.
struct Read {
    result: ExperimentResult,
    times: Vec<EpochTime>,
    asked: settings::Keys,
    made_with: settings::Keys,
}

/// Compares runs, each with the name that it is shown under. Writes nothing and follows no link within a folder.
///
/// # Errors
/// When a run cannot be read or a file of it is damaged, which the error names.
pub fn compare(runs: &[(String, PathBuf)]) -> Result<Comparison, BenchError> {
    let one = |(_, path): &(String, PathBuf)| {
        let (result, times) = recorded::result(path)?;
        let result = result.of_reported_seeds();
        Ok(Read { result, times, asked: asked(path)?, made_with: made_with(path)? })
    };
    let read = runs.iter().map(one).collect::<Result<Vec<_>, BenchError>>()?;
    let summary = |((name, _), Read { result, times, .. }): (&(String, PathBuf), &Read)| RunSummary {
        run: name.clone(),
        experiment: result.experiment.clone(),
        model: result.model.clone(),
        data: result.data.name.clone(),
        seeds: result.seeds.clone(),
        costs: costs(result, times).into_iter().map(Spent::from).collect(),
    };
    let summaries = runs.iter().zip(&read).map(summary).collect();
    let settings = settings::that_differ(&read.iter().map(|run| &run.asked).collect::<Vec<_>>());
    let made_with = settings::that_differ(&read.iter().map(|run| &run.made_with).collect::<Vec<_>>());
    let found: Vec<ExperimentResult> = read.into_iter().map(|run| run.result).collect();
    let results = measured::all(&found);
    Ok(Comparison { runs: summaries, settings, made_with, results, found })
}

/// Everything that a run was asked for, by keys.
fn asked(path: &Path) -> Result<settings::Keys, BenchError> {
    let mut keys = settings::of_record(&run_dir::read_record(path)?);
    for cell in vr_run::CellFolder::all(path)? {
        settings::add_cell(&mut keys, &cell.settings()?);
    }
    Ok(keys)
}

/// What a run was made with, by keys: what its manifest says beyond its record.
fn made_with(path: &Path) -> Result<settings::Keys, BenchError> {
    let manifest = run_dir::read_manifest(path)?;
    let mut keys = match manifest.as_str() {
        "" => settings::Keys::new(),
        text => settings::of_record(&serde_json::from_str(text).unwrap_or_default()),
    };
    let asked = settings::of_record(&run_dir::read_record(path)?);
    keys.retain(|key, _| !asked.contains_key(key));
    Ok(keys)
}
