//! The best coefficient of the control variate through training.

use super::FigureError;
use super::average::Mean;
use super::axis::Axis;
use super::curves::{Plot, by_place, curves, epochs, reach};
use crate::results::Point;

/// Draws the coefficient of least variance, and the correlation it comes from, over the epochs, a line for each place
/// within the epoch, and returns the SVG text. The points are of one method on one model; seeds are averaged.
pub fn coefficient(title: &str, points: &[Point]) -> Result<String, FigureError> {
    let plot = |caption: &str, axis: &str, value: fn(&Point) -> Option<f64>| {
        let lines = by_place(points, Mean::Arithmetic, value);
        let y = Axis::fitted(axis, &[reach(&lines), vec![0.0, 1.0]].concat());
        Plot { caption: caption.to_owned(), axes: (epochs(points), y), lines, level: Some(1.0) }
    };
    let plots = [
        plot("coefficient of least variance", "coefficient α", |point| point.optimal_coefficient),
        plot("correlation with the control variate", "correlation", |point| point.correlation),
    ];
    curves("the best coefficient", title, &plots, "1: plain SVRG's coefficient; full correlation")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figures::render::{preview, sample_points};

    #[test]
    fn every_place_is_a_line_and_gaps_are_left_out() {
        let mut points = sample_points("svrg", 240);
        for point in &mut points {
            point.optimal_coefficient = (point.percent > 2.0).then(|| 1.0 - point.percent / 150.0);
        }
        let svg = coefficient("Best coefficient, made-up data", &points).unwrap();
        for text in ["coefficient α", "11 % of the", "33 % of the", "correlation"] {
            assert!(svg.contains(text), "{text}");
        }
        assert!(!svg.contains("NaN"));
        preview("coefficient", &svg);
        assert_eq!(coefficient("", &[]), Err(FigureError::Empty("the best coefficient")));
    }
}
