//! The test error over the epochs and over what they cost.

use std::collections::BTreeMap;

use super::average::Sample;
use super::axis::Axis;
use super::legend::{Key, legend};
use super::marks::Series;
use super::palette::{BAND, series};
use super::panel::Panel;
use super::{FigureError, canvas};
use crate::results::{ExperimentResult, Track};
use crate::verdict::estimate::Estimate;

/// The axis is fitted to what comes after this part of the run.
const SETTLED: f64 = 0.2;

/// Draws two panels, a line for each method: its test error over the epochs, and over the minibatch gradients it
/// took, in passes over the training set. Returns the SVG text.
///
/// A line is the mean over the runs of each one's moving average over the last [`ExperimentResult::window`] epochs; its
/// ribbon is one standard error to both sides. A diverged run is named beside the line and is not in it.
pub fn test_error(title: &str, result: &ExperimentResult) -> Result<String, FigureError> {
    let tracks = result.tracks();
    if tracks.is_empty() {
        return Err(FigureError::Empty("test errors"));
    }
    let over_epochs: Vec<Vec<Sample>> = tracks.iter().map(|&track| line(result, track)).collect();
    let passes = |index: usize| passes_per_epoch(result, tracks[index]);
    let over_passes: Vec<Vec<Sample>> = over_epochs
        .iter()
        .enumerate()
        .map(|(index, line)| line.iter().map(|sample| Sample { x: sample.x * passes(index), ..*sample }).collect())
        .collect();
    let last = |lines: &[Vec<Sample>]| lines.iter().flatten().map(|sample| sample.x).fold(1.0, f64::max);
    let settled = over_epochs.iter().flatten().filter(|sample| sample.x >= SETTLED * last(&over_epochs));
    let values: Vec<f64> = settled.flat_map(|sample| [sample.low, sample.high]).collect();
    let smoothed = match result.window() {
        1 => String::new(),
        epochs => format!(", mean of the last {epochs} epochs"),
    };
    let error = Axis::fitted(&format!("test error (%){smoothed}"), &values);

    let mut entries: Vec<(Key, String)> =
        tracks.iter().enumerate().map(|(index, &track)| (Key::Line(series(index)), label(result, track))).collect();
    if result.seeds.len() > 1 {
        entries.push((Key::Band(BAND), format!("± 1 standard error over {} runs", result.seeds.len())));
    }
    canvas::figure(title, canvas::size(2 * 780, 800), |area, column, marks| {
        let areas = area.split_evenly((1, 2));
        let axes = [
            Axis::epochs(last(&over_epochs)),
            Axis::passes("gradients for training (passes over the data)", last(&over_passes)),
        ];
        for ((area, x), lines) in areas.iter().zip(axes).zip([&over_epochs, &over_passes]) {
            let panel = Panel::new(area, "", (x, error.clone()), &[])?;
            for (index, samples) in lines.iter().enumerate() {
                panel.ribbon(marks, Series { name: &entries[index].1, colour: series(index) }, samples);
            }
        }
        legend(column, marks, &entries);
        Ok(())
    })
}

fn label(result: &ExperimentResult, track: Track<'_>) -> String {
    match result.diverged_seeds(track.method).len() {
        0 => track.to_string(),
        runs => format!("{track} ({runs} diverged, not in the mean)"),
    }
}

/// Minibatch gradients of an epoch over those of a pass.
fn passes_per_epoch(result: &ExperimentResult, track: Track<'_>) -> f64 {
    let last = result.rows(track).max_by_key(|row| row.epoch);
    last.map_or(1.0, |row| row.gradient_evaluations as f64 / (row.epoch * result.minibatches) as f64)
}

fn line(result: &ExperimentResult, track: Track<'_>) -> Vec<Sample> {
    let diverged = result.diverged_seeds(track.method);
    let mut runs: BTreeMap<u64, Vec<f64>> = BTreeMap::new();
    for row in result.rows(track).filter(|row| !diverged.contains(&row.seed)) {
        runs.entry(row.seed).or_default().push(row.test_error);
    }
    let mut at: BTreeMap<usize, Vec<f64>> = BTreeMap::new();
    for errors in runs.into_values() {
        for (epoch, mean) in (1..).zip(moving_average(&errors, result.window())) {
            at.entry(epoch).or_default().push(mean);
        }
    }
    let sample = |(epoch, values): (usize, Vec<f64>)| {
        let Estimate { mean, error, n, .. } = Estimate::of(&values);
        let error = if n < 2 { 0.0 } else { error };
        Sample { x: epoch as f64, mean, low: mean - error, high: mean + error }
    };
    at.into_iter().map(sample).collect()
}

/// The mean of every value and those before it, of `window` in all.
fn moving_average(values: &[f64], window: usize) -> Vec<f64> {
    let window = |end: usize| &values[(end + 1).saturating_sub(window)..=end];
    (0..values.len()).map(|end| window(end).iter().sum::<f64>() / window(end).len() as f64).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figures::render::{preview, sample_rows};
    use crate::results::{Divergence, EpochRow, made_up};

    fn result(methods: &[(&str, f64)]) -> ExperimentResult {
        let run = |seed: u64, &(method, factor): &(&str, f64)| {
            let rows = sample_rows(method, 60, factor + 0.01 * seed as f64);
            rows.into_iter().map(move |row| EpochRow { seed, ..row })
        };
        let epochs = (0..3).flat_map(|seed| methods.iter().flat_map(move |method| run(seed, method))).collect();
        ExperimentResult { epochs, epochs_run: 60, seeds: vec![0, 1, 2], ..made_up::result("lenet") }
    }

    #[test]
    fn every_method_is_in_the_legend() {
        let result = result(&[("sgd", 1.0), ("svrg", 1.1), ("scsg", 1.2)]);
        let svg = test_error("Test error, made-up data", &result).unwrap();
        for text in ["sgd", "svrg", "scsg", "passes over", "standard error"] {
            assert!(svg.contains(text), "{text}");
        }
        preview("test-error", &svg);
        assert_eq!(test_error("", &made_up::result("lenet")), Err(FigureError::Empty("test errors")));
    }

    #[test]
    fn a_diverged_run_is_not_in_the_mean() {
        let mut result = result(&[("scsg", 1.0)]);
        let whole = line(&result, "scsg".into());
        result.epochs.retain(|row| row.seed != 1 || row.epoch < 40);
        result.diverged.push(Divergence { method: "scsg".into(), seed: 1, epoch: 40 });
        let cut = line(&result, "scsg".into());
        assert_eq!(cut.len(), 60);
        assert!((cut[59].mean - whole[59].mean).abs() < 0.1, "seeds 0 and 2 are about the mean");
        assert!(label(&result, "scsg".into()).contains("1 diverged"));
    }

    #[test]
    fn the_moving_average_looks_back_ten_epochs() {
        let values: Vec<f64> = (1..=12).map(f64::from).collect();
        let means = moving_average(&values, 10);
        assert_eq!((means[0], means[1], means[9], means[11]), (1.0, 1.5, 5.5, 7.5));
    }
}
