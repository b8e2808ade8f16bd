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
/// one with the variance ratio of all methods, over the epochs; returns the SVG text. Seeds are averaged.
pub fn tuning(title: &str, method: &str, rows: &[TensorRow], points: &[Point]) -> Result<String, FigureError> {
    let rows: Vec<&TensorRow> = rows.iter().filter(|row| row.at.method == method).collect();
    let last = points.iter().map(|point| point.epoch as f64).fold(1.0, f64::max);
    let mut plots: Vec<Plot> = largest(&rows).into_iter().map(|name| coefficients(name, &rows, last)).collect();
    let line = |method: &String| -> Line {
        let same = points.iter().filter(|point| point.method == *method);
        let ratio = same.map(|point| (time(point.epoch, point.percent), point.ratio.map(f64::log2)));
        (method.clone(), over_seeds(ratio, Mean::Arithmetic))
    };
    let lines: Vec<Line> = distinct(points.iter().map(|point| &point.method)).into_iter().map(line).collect();
    let ratios: Vec<f64> = points.iter().filter_map(|point| point.ratio).filter(|&ratio| ratio > 0.0).collect();
    let axes = (Axis::epochs(last), Axis::ratio("variance ratio, reduced / plain", &[&ratios[..], &[1.0]].concat()));
    plots.push(Plot { caption: "variance".into(), axes, lines, level: Some(0.0) });
    curves("the coefficient", title, &plots, "1: plain SVRG's coefficient; SGD's variance")
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
    use crate::figures::render::preview;
    use crate::results::diagnostics::TensorVariance;
    use crate::results::made_up;

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
