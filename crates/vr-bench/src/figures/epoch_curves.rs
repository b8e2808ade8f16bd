//! Quantities of every epoch, one panel for each quantity and one line for each method.

use super::average::{Mean, Sample, over_seeds};
use super::axis::Axis;
use super::legend::{Key, legend};
use super::marks::Series;
use super::palette::series;
use super::panel::Panel;
use super::{FigureError, canvas, distinct};
use crate::results::{EpochRow, Track};

/// One panel: its axis title and what it shows of a row.
pub type Quantity = (&'static str, fn(&EpochRow) -> f64);

/// Draws the quantities side by side; values that are not finite are left out.
pub fn epoch_curves(
    name: &'static str,
    title: &str,
    rows: &[EpochRow],
    quantities: &[Quantity],
) -> Result<String, FigureError> {
    let tracks = distinct(rows.iter().map(EpochRow::track));
    let panels: Vec<Vec<Vec<Sample>>> =
        quantities.iter().map(|(_, value)| tracks.iter().map(|&track| line(rows, track, *value)).collect()).collect();
    if panels.iter().flatten().all(Vec::is_empty) {
        return Err(FigureError::Empty(name));
    }
    let last = panels.iter().flatten().flatten().map(|sample| sample.x).fold(1.0, f64::max);
    let entries: Vec<(Key, String)> =
        tracks.iter().enumerate().map(|(index, track)| (Key::Line(series(index)), track.to_string())).collect();

    let width = if quantities.len() == 1 { 1200 } else { 780 * quantities.len() };
    canvas::figure(title, canvas::size(width, 800), |area, column, marks| {
        let areas = area.split_evenly((1, quantities.len()));
        for ((area, (label, _)), lines) in areas.iter().zip(quantities).zip(&panels) {
            let values: Vec<f64> = lines.iter().flatten().flat_map(|sample| [sample.low, sample.high]).collect();
            if values.is_empty() {
                continue;
            }
            let panel = Panel::new(area, "", (Axis::epochs(last), Axis::fitted(label, &values)), &[])?;
            for (index, (samples, track)) in lines.iter().zip(&tracks).enumerate() {
                panel.line(marks, Series { name: &track.to_string(), colour: series(index) }, samples);
            }
        }
        legend(column, marks, &entries);
        Ok(())
    })
}

#[allow(clippy::cast_precision_loss, reason = "epochs are few")]
fn line(rows: &[EpochRow], track: Track<'_>, value: fn(&EpochRow) -> f64) -> Vec<Sample> {
    let same = rows.iter().filter(|row| row.track() == track);
    over_seeds(same.map(|row| (row.epoch as f64, Some(value(row)))), Mean::Arithmetic)
}
