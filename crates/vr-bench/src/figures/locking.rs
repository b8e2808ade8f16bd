//! The variance ratio through an epoch, to compare runs that lock data transforms with runs that do not.

use super::average::{Mean, Sample, over_seeds};
use super::axis::Axis;
use super::legend::{Key, legend};
use super::marks::Series;
use super::palette::{REFERENCE, series};
use super::panel::Panel;
use super::{FigureError, canvas};
use crate::results::Point;

const COLUMNS: usize = 3;
const PANEL: (usize, usize) = (620, 660);
const ONE_PANEL: (usize, usize) = (1200, 800);

/// Draws the ratio, from zero, over the progress through each epoch, and returns the SVG text.
///
/// Each method is a line with its name in the legend, each epoch a panel. Seeds are averaged.
pub fn locking(title: &str, points: &[Point]) -> Result<String, FigureError> {
    let mut methods: Vec<&str> = Vec::new();
    let mut epochs: Vec<usize> = Vec::new();
    for point in points.iter().filter(|point| point.ratio.is_some_and(f64::is_finite)) {
        if !methods.contains(&point.method.as_str()) {
            methods.push(&point.method);
        }
        if !epochs.contains(&point.epoch) {
            epochs.push(point.epoch);
        }
    }
    if epochs.is_empty() {
        return Err(FigureError::Empty("data-transform locking"));
    }
    epochs.sort_unstable();
    let panels: Vec<Vec<Vec<Sample>>> =
        epochs.iter().map(|&epoch| methods.iter().map(|method| line(points, method, epoch)).collect()).collect();
    // The first epoch's ratios dwarf all others, so every panel has a scale of its own.
    let scale = |lines: &[Vec<Sample>]| {
        let values: Vec<f64> = lines.iter().flatten().flat_map(|sample| [sample.mean, sample.high]).collect();
        Axis::from_zero("variance ratio, reduced / plain", &values, 1.0)
    };

    let mut entries: Vec<(Key, String)> =
        methods.iter().enumerate().map(|(index, method)| (Key::Line(series(index)), (*method).to_owned())).collect();
    entries.push((Key::Dashed(REFERENCE), "1: same variance as plain SGD".to_owned()));

    let columns = epochs.len().min(COLUMNS);
    let rows = epochs.len().div_ceil(columns);
    let (width, height) = if epochs.len() == 1 { ONE_PANEL } else { PANEL };
    canvas::figure(title, canvas::size(columns * width, rows * height), |area, column, marks| {
        let areas = area.split_evenly((rows, columns));
        for ((area, epoch), lines) in areas.iter().zip(&epochs).zip(&panels) {
            let panel = Panel::new(area, &format!("epoch {epoch}"), (Axis::percent(), scale(lines)), &[])?;
            panel.across(1.0, "")?;
            for (index, (samples, name)) in lines.iter().zip(&methods).enumerate() {
                panel.line(marks, Series { name, colour: series(index) }, samples);
            }
        }
        legend(column, marks, &entries);
        Ok(())
    })
}

fn line(points: &[Point], method: &str, epoch: usize) -> Vec<Sample> {
    let same = points.iter().filter(|point| point.method == method && point.epoch == epoch);
    over_seeds(same.map(|point| (point.percent, point.ratio)), Mean::Arithmetic)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figures::render::{preview, sample_points};

    #[test]
    fn every_epoch_has_a_panel_and_every_method_a_line() {
        let mut points = sample_points("transforms locked", 40);
        points.extend(sample_points("transforms not locked", 40).into_iter().map(|mut point| {
            point.ratio = point.ratio.map(|ratio| (ratio + 0.7).min(1.6));
            point
        }));
        let svg = locking("Locked data transforms, made-up data", &points).unwrap();
        for text in ["epoch 2", "epoch 10", "epoch 40", "transforms locked", "transforms not"] {
            assert!(svg.contains(text), "{text}");
        }
        preview("locking", &svg);
        points.retain(|point| point.epoch == 2);
        preview("locking-one", &locking("One epoch", &points).unwrap());
    }

    #[test]
    fn nothing_to_draw_is_an_error() {
        let error = locking("", &[]);
        assert_eq!(error, Err(FigureError::Empty("data-transform locking")));
    }
}
