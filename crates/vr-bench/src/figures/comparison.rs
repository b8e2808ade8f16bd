//! Test errors over the gradients spent.

use std::collections::BTreeMap;

use super::average::Sample;
use super::axis::Axis;
use super::legend::{Key, legend};
use super::marks::Series;
use super::palette::{BAND, series};
use super::panel::Panel;
use super::{FigureError, canvas};
use crate::results::{EpochRow, ExperimentResult, Track};
use crate::verdict::estimate::Estimate;

/// The axis is fitted to what comes after this part of the budget.
const SETTLED: f64 = 0.2;

/// Draws the test error of each method over the minibatch gradients that it took, in passes over the training set, and returns the SVG
/// text. A line is the mean over the runs of each one's last error before that pass; its ribbon is one standard error to both
/// sides. A run that diverged is not in it. The legend ranks the methods by their errors at the end.
pub fn comparison(title: &str, result: &ExperimentResult) -> Result<String, FigureError> {
    let tracks = result.tracks();
    let lines: Vec<Vec<Sample>> = tracks.iter().map(|&track| line(result, track)).collect();
    let last = lines.iter().flatten().map(|sample| sample.x).fold(1.0, f64::max);
    let settled = lines.iter().flatten().filter(|sample| sample.x >= SETTLED * last);
    let values: Vec<f64> = settled.flat_map(|sample| [sample.low, sample.high]).collect();
    if values.is_empty() {
        return Err(FigureError::Empty("the comparison"));
    }
    // Who wins at the end of the budget, the best first.
    let end = |index: usize| lines[index].last().map_or(f64::INFINITY, |sample| sample.mean);
    let mut order: Vec<usize> = (0..tracks.len()).collect();
    order.sort_by(|&a, &b| end(a).total_cmp(&end(b)));
    let name = |index: usize| format!("{}: {:.2} % at the end", tracks[index], end(index));
    let mut entries: Vec<(Key, String)> =
        order.into_iter().map(|index| (Key::Line(series(index)), name(index))).collect();
    if result.seeds.len() > 1 {
        entries.push((Key::Band(BAND), format!("± 1 standard error over {} runs", result.seeds.len())));
    }
    canvas::figure(title, canvas::size(1200, 800), |area, column, marks| {
        let axes = (Axis::passes("gradients (passes over the data)", last), Axis::fitted("test error (%)", &values));
        let panel = Panel::new(area, "", axes, &[])?;
        for (index, samples) in lines.iter().enumerate() {
            panel.ribbon(marks, Series { name: &name(index), colour: series(index) }, samples);
        }
        legend(column, marks, &entries);
        Ok(())
    })
}

fn line(result: &ExperimentResult, track: Track<'_>) -> Vec<Sample> {
    let diverged = result.diverged_seeds(track.method);
    let mut runs: BTreeMap<u64, Vec<&EpochRow>> = BTreeMap::new();
    for row in result.rows(track).filter(|row| !diverged.contains(&row.seed)) {
        runs.entry(row.seed).or_default().push(row);
    }
    let at = |pass: usize| {
        let budget = (pass * result.minibatches) as u64;
        let before = |run: &Vec<&EpochRow>| {
            run.iter().rev().find(|row| row.gradient_evaluations <= budget).map(|row| row.test_error)
        };
        let errors: Option<Vec<f64>> = runs.values().map(before).collect();
        let Estimate { mean, error, n, .. } = Estimate::of(&errors.filter(|errors| !errors.is_empty())?);
        let error = if n < 2 { 0.0 } else { error };
        Some(Sample { x: pass as f64, mean, low: mean - error, high: mean + error })
    };
    (1..=result.epochs_run).filter_map(at).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figures::render::preview;
    use crate::results::made_up;

    #[test]
    fn methods_stand_at_the_gradients_they_took() {
        let run = |method: &'static str, passes: usize, seed: u64| {
            (1..=30 / passes).map(move |epoch| EpochRow {
                gradient_evaluations: (391 * passes * epoch) as u64,
                ..made_up::row(method, seed, epoch, 30.0 + 30.0 / epoch as f64 + 0.2 * seed as f64)
            })
        };
        let epochs: Vec<EpochRow> = (0..3).flat_map(|seed| run("sgd", 1, seed).chain(run("svrg", 3, seed))).collect();
        let result = ExperimentResult { epochs, epochs_run: 30, seeds: vec![0, 1, 2], ..made_up::result("lenet") };
        let svrg = line(&result, "svrg".into());
        assert_eq!((svrg[0].x, svrg.len()), (3.0, 28), "nothing before its first epoch is paid");
        assert!((svrg[1].mean - svrg[0].mean).abs() < 1e-12 && svrg[3].mean < svrg[2].mean);
        let svg = comparison("Equal cost, made-up data", &result).unwrap();
        for text in ["sgd: 31.20 %", "svrg: 33.20 %", "gradients (passes", "standard error"] {
            assert!(svg.contains(text), "{text}");
        }
        preview("comparison", &svg);
        assert_eq!(comparison("", &made_up::result("lenet")), Err(FigureError::Empty("the comparison")));
    }
}
