//! Variance ratios and test error of several methods side by side.

use super::FigureError;
use super::average::{Mean, over_seeds};
use super::axis::Axis;
use super::curves::{Line, Plot, curves, distinct, reach};
use crate::results::{EpochRow, Point, Track};

/// Draws the variance ratio over the epochs, a panel for each place within the epoch, and the test error, a line for
/// each method in every panel, and returns the SVG text. Seeds are averaged, ratios geometrically.
pub fn ratio_and_error(title: &str, points: &[Point], rows: &[EpochRow]) -> Result<String, FigureError> {
    let last = rows.iter().map(|row| epoch(row.epoch)).fold(1.0, f64::max);
    let mut percents = distinct(points.iter().map(|point| point.percent).filter(|&percent| percent > 0.0));
    percents.sort_by(f64::total_cmp);
    let ratios = |percent: f64| {
        let same = |method: &str| {
            let same = points.iter().filter(|point| point.percent == percent && point.method == method);
            over_seeds(same.map(|point| (epoch(point.epoch), point.ratio)), Mean::Geometric)
        };
        let lines: Vec<Line> =
            distinct(points.iter().map(|point| &point.method)).into_iter().map(|m| (m.clone(), same(m))).collect();
        let y = Axis::ratio("variance ratio, reduced / plain", &reach(&lines));
        Plot { caption: format!("at {percent} %"), axes: (Axis::epochs(last), y), lines, level: Some(1.0) }
    };
    let mut plots: Vec<Plot> = percents.into_iter().map(ratios).collect();
    let errors = |track: Track<'_>| {
        let same = rows.iter().filter(|row| row.track() == track);
        over_seeds(same.map(|row| (epoch(row.epoch), Some(row.test_error))), Mean::Arithmetic)
    };
    let lines: Vec<Line> = distinct(rows.iter().map(EpochRow::track))
        .into_iter()
        .map(|track| (track.to_string(), errors(track)))
        .collect();
    let axes = (Axis::epochs(last), Axis::fitted("test error (%)", &reach(&lines)));
    plots.push(Plot { caption: "test error".to_owned(), axes, lines, level: None });
    curves("variance ratios and test error", title, &plots, "1: same variance as plain SGD")
}

#[allow(clippy::cast_precision_loss, reason = "epochs are few")]
fn epoch(number: usize) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figures::render::{preview, sample_points, sample_rows};

    #[test]
    fn every_place_has_a_panel_and_so_has_the_test_error() {
        let points = ["svrg-relu", "svrg-elu"].map(|method| sample_points(method, 40)).concat();
        let rows = [sample_rows("svrg-relu", 40, 1.0), sample_rows("svrg-elu", 40, 0.9)].concat();
        let svg = ratio_and_error("ReLU and ELU, made-up data", &points, &rows).unwrap();
        for text in ["at 2 %", "at 33 %", "test error (%)", "svrg-relu", "svrg-elu"] {
            assert!(svg.contains(text), "{text}");
        }
        preview("ratio-and-error", &svg);
        assert_eq!(ratio_and_error("", &[], &[]), Err(FigureError::Empty("variance ratios and test error")));
    }
}
