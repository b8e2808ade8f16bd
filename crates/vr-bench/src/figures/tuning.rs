//! The coefficient that a method estimates beside the best one, and the variance that it leaves.

use super::FigureError;
use super::average::{Mean, over_seeds};
use super::axis::Axis;
use super::curves::{Line, Plot, curves, distinct, reach};
use crate::results::Point;
use crate::results::diagnostics::{Moment, TensorRow};

/// Tensors that are drawn: those of most variance.
const TENSORS: usize = 5;

/// Draws a panel for each of the tensors of most variance, with the coefficient that `method` used there and the best one, and
/// one with the variance ratio of all methods, over the epochs; returns the SVG text. Seeds are averaged. Places at 0 % are
/// left out: there the ratio is zero and the best coefficient 1 by construction, and they lie where the epoch before ends.
pub fn tuning(title: &str, method: &str, rows: &[TensorRow], points: &[Point]) -> Result<String, FigureError> {
    let rows: Vec<&TensorRow> = rows.iter().filter(|row| row.at.method == method && row.at.percent > 0.0).collect();
    let last = points.iter().map(|point| point.epoch as f64).fold(1.0, f64::max);
    let mut plots: Vec<Plot> = largest(&rows).into_iter().map(|name| coefficients(name, &rows, last)).collect();
    plots.push(ratios(points, last));
    curves("the coefficient", title, &plots, "1: plain SVRG's coefficient; SGD's variance")
}

fn ratios(points: &[Point], last: f64) -> Plot {
    let line = |method: &String| -> Line {
        let same = points.iter().filter(|point| point.method == *method && point.percent > 0.0);
        let ratio = same.map(|point| (time(point.epoch, point.percent), point.ratio));
        (method.clone(), over_seeds(ratio, Mean::Geometric))
    };
    let lines: Vec<Line> = distinct(points.iter().map(|point| &point.method)).into_iter().map(line).collect();
    let y = Axis::ratio("variance ratio, reduced / plain", &reach(&lines));
    Plot { caption: "variance".into(), axes: (Axis::epochs(last), y), lines, level: Some(1.0) }
}

fn coefficients(name: &str, rows: &[&TensorRow], last: f64) -> Plot {
    let tensors = || rows.iter().flat_map(|row| row.tensors.iter().map(|tensor| (&row.at, tensor)));
    let line = |label: &str, value: &dyn Fn(&crate::results::diagnostics::TensorVariance) -> Option<f64>| -> Line {
        let same = tensors().filter(|(_, tensor)| tensor.name == name);
        let values = same.map(|(at, tensor)| (moment(at), value(tensor)));
        (label.to_owned(), over_seeds(values, Mean::Arithmetic))
    };
    let lines = vec![line("used", &|tensor| tensor.coefficient), line("best", &|tensor| tensor.optimal_coefficient)];
    let y = Axis::fitted("coefficient α", &[reach(&lines), vec![0.0, 1.0]].concat());
    Plot { caption: name.to_owned(), axes: (Axis::epochs(last), y), lines, level: Some(1.0) }
}

/// The names of the tensors of most plain variance, in the order of the network.
fn largest<'a>(rows: &[&'a TensorRow]) -> Vec<&'a str> {
    let tensors = || rows.iter().flat_map(|row| &row.tensors);
    let names = distinct(tensors().map(|tensor| tensor.name.as_str()));
    let variance =
        |name: &str| tensors().filter(|tensor| tensor.name == name).map(|tensor| tensor.sgd_variance).sum::<f64>();
    let mut ranked = names.clone();
    ranked.sort_by(|a, b| variance(b).total_cmp(&variance(a)));
    ranked.truncate(TENSORS);
    names.into_iter().filter(|name| ranked.contains(name)).collect()
}

fn moment(at: &Moment) -> f64 {
    time(at.epoch, at.percent)
}

/// Epochs that are done.
fn time(epoch: usize, percent: f64) -> f64 {
    epoch as f64 - 1.0 + percent / 100.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figures::axis::Mark;
    use crate::figures::render::preview;
    use crate::results::diagnostics::TensorVariance;
    use crate::results::made_up;

    #[test]
    fn ratios_stand_as_they_were_measured_but_for_those_at_the_snapshot() {
        let at = |epoch, percent, ratio| Point { percent, ..made_up::point("tuned", epoch, ratio) };
        let plot = ratios(&[at(1, 50.0, 4.0), at(1, 100.0, 0.5), at(2, 0.0, 0.0), at(2, 50.0, 0.25)], 2.0);
        let drawn: Vec<_> = plot.lines[0].1.iter().map(|sample| (sample.x, sample.mean)).collect();
        assert_eq!(drawn, [(0.5, 4.0), (1.0, 0.5), (1.5, 0.25)]);
        let place = |value| plot.axes.1.place(value);
        assert_eq!([plot.level.map(place), Some(place(4.0))], [Some(Mark::At(0.0)), Some(Mark::At(2.0))]);
    }

    #[test]
    fn used_and_best_stand_beside_the_ratio() {
        let (mut rows, mut points) = (Vec::new(), Vec::new());
        for epoch in 1..=4 {
            for percent in [2.0, 11.0, 33.0, 100.0] {
                let at = Moment { model: "lenet".into(), method: "tuned".into(), seed: 0, epoch, percent };
                let best = 1.0 - (percent / 100.0_f64).sqrt() / (1.0 + epoch as f64);
                let tensor = |number: u8| TensorVariance {
                    name: format!("layer{number}.weight"),
                    sgd_variance: f64::from(number),
                    ratio: Some(0.5),
                    optimal_coefficient: Some(best),
                    coefficient: Some(best - 0.05 * f64::from(number)),
                };
                rows.push(TensorRow { at, tensors: (0..8).map(tensor).collect() });
                for (method, worse) in [("svrg", 2.0), ("tuned", 1.0)] {
                    points.push(Point { percent, ..made_up::point(method, epoch, worse * (1.0 - best) + 0.1) });
                }
            }
        }
        let svg = tuning("Coefficient, made-up data", "tuned", &rows, &points).unwrap();
        for text in ["layer7.weight", "layer3.weight", "used", "best", "svrg", "variance ratio"] {
            assert!(svg.contains(text), "{text}");
        }
        assert!(!svg.contains("layer2.weight") && !svg.contains("NaN"));
        preview("tuning", &svg);
        assert_eq!(tuning("", "tuned", &[], &[]), Err(FigureError::Empty("the coefficient")));
    }
}
