//! One training run as a configuration describes it: no claim, no verdict, the same folder.

use std::path::Path;

use vr_data::SubsetError;
use vr_run::config::{Config, ConfigError, Fault};

use super::{Concluded, Prepared};
use crate::cells::check_cells;
use crate::cells::observer::Observer;
use crate::config::TrainConfig;
use crate::data::LoadedData;
use crate::destination::Destination;
use crate::error::BenchError;
use crate::figures::FigureError;
use crate::figures::test_error::test_error;
use crate::figures::variance_ratio::{VarianceRatio, variance_ratio};
use crate::results::{ExperimentResult, Point};
use crate::run_dir::{Figure, Record};

/// Trains as the configuration says and writes the folder `out`; what an earlier run of the same configuration finished
/// is kept, unless it is to be `forgotten`.
///
/// # Errors
/// When the configuration does not fit its data, before anything is written; otherwise as [`super::run`].
pub fn run(
    config: &TrainConfig,
    out: &Path,
    forgotten: bool,
    observer: &dyn Observer,
) -> Result<Concluded, BenchError> {
    run_to(config, Destination::At(out), forgotten, observer)
}

/// As [`run`], to a folder that need not be named.
///
/// # Errors
/// As [`run`].
pub fn run_to(
    config: &TrainConfig,
    destination: Destination<'_>,
    forgotten: bool,
    observer: &dyn Observer,
) -> Result<Concluded, BenchError> {
    prepare(config)?.run(destination, forgotten, observer)
}

/// A run of a configuration, checked against its data.
///
/// # Errors
/// When the configuration does not fit its data.
pub fn prepare(config: &TrainConfig) -> Result<Prepared, BenchError> {
    config.check().map_err(ConfigError::Fit)?;
    let settings = config.settings(Path::new(""));
    let data = settings.load().map_err(at_fault)?;
    config.check_size(data.info.train_size + data.info.validation_size).map_err(ConfigError::Fit)?;
    let cells = config.cells();
    check_cells(&settings, &data, &cells)?;
    Ok(Prepared {
        record: Record::of_training(config),
        scale: scale(config, &data),
        settings,
        data,
        cells,
        claim: format!("One training run: {} with {}.", config.model, config.method()),
        threads: config.threads,
        figures,
        verdicts: |_| Vec::new(),
    })
}

/// An error of the data with the key that it comes from.
fn at_fault(error: BenchError) -> BenchError {
    let BenchError::Data(error) = error else { return error };
    let key = if error.is::<SubsetError>() { "train-size" } else { "data" };
    ConfigError::Fit(Fault::new(key, error.to_string())).into()
}

fn scale(config: &TrainConfig, data: &LoadedData) -> String {
    let TrainConfig { epochs, seeds, .. } = config;
    format!("{epochs} epoch(s), {} training pictures, {} seed(s)", data.info.train_size, seeds.len())
}

/// Test errors, and variance ratios where they were measured.
fn figures(result: &ExperimentResult) -> Result<Vec<Figure>, FigureError> {
    let mut figures = Vec::new();
    if !result.epochs.is_empty() {
        let title = result.heading("Test error");
        let svg = test_error(&title, result)?;
        figures.push(("test-error", title, svg));
    }
    let points: Vec<Point> =
        result.points.iter().filter(|point| point.percent > 0.0 && point.ratio.is_some()).cloned().collect();
    if !points.is_empty() {
        let title = result.heading("Variance of the step over SGD");
        let svg = variance_ratio(&VarianceRatio {
            title: &title,
            points: &points,
            published: &[],
            schedule: &result.schedule,
        })?;
        figures.push(("variance-ratio", title, svg));
    }
    Ok(figures)
}
