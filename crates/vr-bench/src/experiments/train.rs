//! One training run as a configuration describes it: no claim, no verdict, the same folder.

use std::path::Path;

use vr_data::SubsetError;
use vr_run::config::{Config, ConfigError, Fault};

use super::{Concluded, Prepared};
use crate::cells::check_cells;
use crate::cells::observer::Observer;
use crate::config::TrainConfig;
use crate::config::grid::numbers;
use crate::data::LoadedData;
use crate::destination::Destination;
use crate::error::BenchError;
use crate::figures::grid::{Varied, grid};
use crate::figures::palette::COLOURS;
use crate::figures::test_error::test_error;
use crate::figures::variance_ratio::{VarianceRatio, variance_ratio};
use crate::figures::{FigureError, distinct};
use crate::results::ranking::Ranked;
use crate::results::{ExperimentResult, Point, Ranking};
use crate::run_dir::{Figure, Record};
use crate::verdict::estimate::Estimate;

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
    prepare(config)?.run(Destination::At(out), forgotten, observer)
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
    let cells = config.cells().map_err(ConfigError::Fit)?;
    check_cells(&settings, &data, &cells)?;
    Ok(Prepared {
        record: Record::of_training(config),
        scale: scale(config, &data),
        settings,
        data,
        cells,
        claim: claim(config),
        threads: config.threads,
        figures,
        verdicts: |_| Vec::new(),
        tuning: None,
        ranked_by: config.ranked_by(),
    })
}

/// An error of the data with the key that it comes from.
fn at_fault(error: BenchError) -> BenchError {
    let BenchError::Data(error) = error else { return error };
    let key = if error.is::<SubsetError>() { "train-size" } else { "data" };
    ConfigError::Fit(Fault::new(key, error.to_string())).into()
}

fn claim(config: &TrainConfig) -> String {
    let TrainConfig { model, grid, .. } = config;
    let what = format!("{model} with {}", config.method());
    match grid.values().map(Vec::len).product::<usize>() {
        _ if grid.is_empty() => format!("One training run: {what}."),
        count => {
            let keys = grid.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
            format!("A grid of {count} settings of {keys}: {what}.")
        }
    }
}

fn scale(config: &TrainConfig, data: &LoadedData) -> String {
    let (epochs, seeds) = (config.settings(Path::new("")).epochs, config.seeds.len());
    format!("{epochs} epoch(s), {} training pictures, {seeds} seed(s)", data.info.train_size)
}

/// Of a grid, the best settings by its ranking, or the first ones, that a figure has room for; and how many that leaves out.
fn shown(result: &ExperimentResult) -> (ExperimentResult, usize) {
    let ranked = result.ranking.iter().flat_map(|ranking| &ranking.settings).map(|row| row.method.clone());
    let tracks = result.tracks().into_iter().map(|track| track.to_string());
    let all: Vec<String> = if result.ranking.is_some() { ranked.collect() } else { tracks.collect() };
    let left_out = all.len().saturating_sub(COLOURS);
    let kept = &all[..all.len() - left_out];
    let epochs = result.epochs.iter().filter(|row| kept.contains(&row.track().to_string())).cloned();
    (ExperimentResult { epochs: epochs.collect(), ..result.clone() }, left_out)
}

/// The method that variance ratios are drawn of: of a grid the best, of others the only one.
fn drawn_method(result: &ExperimentResult) -> Option<String> {
    match result.ranking.as_ref().and_then(Ranking::best) {
        Some(best) => Some(best.method.split('/').next().unwrap_or_default().to_owned()),
        None => match distinct(result.points.iter().map(|point| &point.method)).as_slice() {
            [only] => Some((*only).clone()),
            _ => None,
        },
    }
}

/// The numbers of a ranking's settings. A setting with a run that diverged has none: its mean is over the seeds that were lucky.
fn varied(ranking: &Ranking) -> Vec<Varied> {
    let of = |row: &Ranked| -> Vec<Varied> {
        let Some(mean) = row.mean.filter(|_| row.diverged == 0) else { return Vec::new() };
        let measure = Estimate { n: row.seeds, mean, error: row.standard_error.unwrap_or(f64::NAN) };
        let one = |(key, value, others): (&str, f64, String)| Varied { key: key.to_owned(), value, others, measure };
        numbers(&row.method).into_iter().map(one).collect()
    };
    ranking.settings.iter().flat_map(of).collect()
}

/// The measure of a grid's settings over what it varies; none where that is no number.
fn of_grid(result: &ExperimentResult, ranking: &Ranking) -> Result<Option<Figure>, FigureError> {
    let measure = ranking.by.to_string();
    let intervals = if result.seeds.len() > 1 { ", with 95 % intervals" } else { "" };
    let title = result.heading(&format!("Settings by {measure}{intervals}"));
    match grid(&title, &measure, &varied(ranking)) {
        Ok(svg) => Ok(Some(("grid", title, svg))),
        Err(FigureError::Empty(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The measure of a grid over what it varies, test errors, and variance ratios where they were measured.
pub(super) fn figures(result: &ExperimentResult) -> Result<Vec<Figure>, FigureError> {
    let mut figures = Vec::new();
    if let Some(ranking) = &result.ranking {
        figures.extend(of_grid(result, ranking)?);
    }
    if !result.epochs.is_empty() {
        let (shown, left_out) = shown(result);
        let which = if result.ranking.is_some() { "best" } else { "first" };
        let title = result.heading(&match left_out {
            0 => "Test error".to_owned(),
            _ => format!("Test error of the {which} {COLOURS} of {} settings", COLOURS + left_out),
        });
        let svg = test_error(&title, &shown)?;
        figures.push(("test-error", title, svg));
    }
    let method = drawn_method(result);
    let measured =
        |point: &&Point| point.percent > 0.0 && point.ratio.is_some() && Some(&point.method) == method.as_ref();
    let points: Vec<Point> = result.points.iter().filter(measured).cloned().collect();
    if !points.is_empty() {
        let title = result.heading(&match &result.ranking {
            Some(_) => format!("Variance of the step over SGD, {}", points[0].method),
            None => "Variance of the step over SGD".to_owned(),
        });
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::rank::rank;
    use crate::results::ranking::Measure;
    use crate::results::{Divergence, made_up};

    /// Ten settings, the later the better on what is held out, with a ratio each.
    fn grid() -> ExperimentResult {
        let names: Vec<String> = (0..10).map(|index| format!("svrg learning-rate={index}")).collect();
        let errors: Vec<(&str, &[f64])> = names.iter().map(|name| (name.as_str(), &[20.0][..])).collect();
        let mut result = made_up::final_errors(&errors);
        for row in &mut result.epochs {
            let place = names.iter().position(|name| *name == row.method).unwrap();
            row.validation_error = Some(50.0 - place as f64);
        }
        result.points = names.iter().map(|name| made_up::point(name, 2, 0.5)).collect();
        result
    }

    #[test]
    fn a_setting_that_diverged_and_one_without_numbers_are_in_no_figure_of_the_grid() {
        let mut result = grid();
        let drawn = |result: &ExperimentResult| of_grid(result, &rank(result, Measure::ValidationError)).unwrap();
        assert!(drawn(&result).unwrap().2.contains("learning-rate: 4\n"));
        result.diverged = vec![Divergence { method: "svrg learning-rate=4".into(), seed: 0, epoch: 3 }];
        assert!(!drawn(&result).unwrap().2.contains("learning-rate: 4\n"));
        for row in &mut result.epochs {
            row.method = row.method.replace("learning-rate=", "shape=s");
        }
        assert!(drawn(&result).is_none());
    }

    #[test]
    fn figures_of_a_grid_have_as_many_lines_as_colours() {
        let mut result = grid();
        let of = |result: &ExperimentResult| figures(result).unwrap();
        let unranked = of(&result);
        assert!(unranked[0].1.starts_with("Test error of the first 6 of 10 settings"), "{}", unranked[0].1);
        assert_eq!(unranked.len(), 1, "ratios of several settings are not drawn as one line");
        result.ranking = Some(rank(&result, Measure::ValidationError));
        let [grid, errors, ratios] = of(&result).try_into().unwrap();
        assert!(grid.0 == "grid" && grid.1.starts_with("Settings by final validation error (%):"), "{}", grid.1);
        assert!(grid.2.contains(">\nlearning-rate\n</text>") && grid.2.contains("learning-rate: 9\n"), "{}", grid.2);
        assert!(errors.1.starts_with("Test error of the best 6 of 10 settings"), "{}", errors.1);
        for (place, shown) in [(9, true), (4, true), (3, false)] {
            assert_eq!(errors.2.contains(&format!("learning-rate={place}")), shown, "{place}");
        }
        assert!(ratios.1.contains("svrg learning-rate=9"), "{}", ratios.1);
    }
}
