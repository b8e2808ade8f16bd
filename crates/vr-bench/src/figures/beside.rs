//! Several runs over each other.

use super::FigureError;
use super::average::{Mean, over_seeds};
use super::axis::Axis;
use super::curves::{Line, Plot, curves, distinct, reach};
use crate::results::{EpochRow, ExperimentResult, Track};

/// A run with the name of its lines.
pub type Named<'a> = (&'a str, &'a ExperimentResult);

/// The name of a run's line: with the method where a run has several.
fn name((run, result): &Named<'_>, track: Track<'_>) -> String {
    if result.tracks().len() > 1 { format!("{run}, {track}") } else { (*run).to_owned() }
}

/// Draws the test errors and the training losses over the epochs, and returns the SVG text. Lines are means over seeds.
pub fn epochs(title: &str, runs: &[Named<'_>]) -> Result<String, FigureError> {
    let plot = |caption: &str, axis: &str, value: fn(&EpochRow) -> f64| {
        let lines = runs.iter().flat_map(|run| run.1.tracks().into_iter().map(move |track| (run, track)));
        let line = |(run, track): (&Named<'_>, Track<'_>)| -> Line {
            let diverged = run.1.diverged_seeds(track.method);
            let rows = run.1.rows(track).filter(|row| !diverged.contains(&row.seed));
            (name(run, track), over_seeds(rows.map(|row| (row.epoch as f64, Some(value(row)))), Mean::Arithmetic))
        };
        let lines: Vec<Line> = lines.map(line).collect();
        let y = Axis::fitted(axis, &reach(&lines));
        Plot { caption: caption.to_owned(), axes: (Axis::epochs(last(&lines)), y), lines, level: None }
    };
    let plots = [
        plot("on the test set", "test error (%)", |row| row.test_error),
        plot("while training", "training loss (nats)", |row| row.train_loss),
    ];
    curves("runs beside each other", title, &plots, "")
}

/// Draws the variance ratio over the epochs, a panel for each place at which two runs measured, and returns the SVG text.
pub fn ratios(title: &str, runs: &[Named<'_>]) -> Result<String, FigureError> {
    let places = |run: &Named<'_>| distinct(run.1.points.iter().map(|point| point.percent));
    let mut all = distinct(runs.iter().flat_map(places).filter(|&place| place > 0.0));
    all.retain(|place| runs.iter().filter(|run| places(run).contains(place)).count() > 1);
    all.sort_by(f64::total_cmp);
    let plot = |place: f64| {
        let mut lines: Vec<Line> = Vec::new();
        for run in runs {
            let points = || run.1.points.iter().filter(|point| point.percent == place);
            for method in distinct(points().map(|point| point.method.as_str())) {
                let same = points().filter(|point| point.method == method);
                let values = same.map(|point| (point.epoch as f64, point.ratio.filter(|&ratio| ratio > 0.0)));
                lines.push((name(run, method.into()), over_seeds(values, Mean::Geometric)));
            }
        }
        let y = Axis::ratio("variance ratio, reduced / plain", &reach(&lines));
        let caption = format!("at {place} % of an epoch");
        Plot { caption, axes: (Axis::epochs(last(&lines)), y), lines, level: Some(1.0) }
    };
    let plots: Vec<Plot> = all.into_iter().map(plot).collect();
    curves("variance ratios beside each other", title, &plots, "1: the variance of plain SGD")
}

fn last(lines: &[Line]) -> f64 {
    lines.iter().flat_map(|(_, samples)| samples).map(|sample| sample.x).fold(1.0, f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figures::render::{preview, sample_points, sample_rows};
    use crate::results::made_up;

    fn run(method: &str, factor: f64) -> ExperimentResult {
        let epochs = sample_rows(method, 30, factor);
        ExperimentResult { epochs, points: sample_points(method, 30), ..made_up::result("lenet") }
    }

    #[test]
    fn runs_lie_over_each_other() {
        let (one, other) = (run("sgd", 1.0), run("sgd", 1.2));
        let both = ExperimentResult { epochs: [one.epochs.clone(), run("svrg", 1.1).epochs].concat(), ..one.clone() };
        let svg = epochs("Two runs", &[("runs/a", &both), ("runs/b", &other)]).unwrap();
        for text in ["runs/a, sgd", "runs/a, svrg", "data-name=\"runs/b\""] {
            assert!(svg.contains(text), "{text}");
        }
        preview("beside-epochs", &svg);
        let svg = ratios("Two runs", &[("runs/a", &one), ("runs/b", &other)]).unwrap();
        assert!(svg.contains("at 33 % of an epoch") && svg.contains("runs/a"));
        preview("beside-ratios", &svg);
    }

    #[test]
    fn a_place_of_one_run_alone_is_left_out() {
        let bare = ExperimentResult { points: Vec::new(), ..run("sgd", 1.0) };
        let drawn = ratios("", &[("a", &run("sgd", 1.0)), ("b", &bare)]);
        assert_eq!(drawn, Err(FigureError::Empty("variance ratios beside each other")));
    }
}
