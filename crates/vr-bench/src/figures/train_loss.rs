//! The training loss over the epochs, beside a published one.

use super::average::{Mean, Sample, over_seeds};
use super::axis::Axis;
use super::legend::{Key, legend};
use super::marks::Series;
use super::palette::{REFERENCE, pale, series};
use super::panel::Panel;
use super::{FigureError, canvas};
use crate::results::ExperimentResult;

const PUBLISHED: &str = "published, same colours";

/// Draws the training loss of each method over the epochs, a line with the least and the largest of the seeds, and `published` losses of a method, pairs of an epoch and a loss, as hollow points behind it. Returns the SVG text. Runs that
/// diverged are drawn as far as they went.
pub fn train_loss(
    title: &str,
    result: &ExperimentResult,
    published: impl Fn(&str) -> Vec<(usize, f64)>,
) -> Result<String, FigureError> {
    let methods: Vec<&str> = result.tracks().into_iter().map(|track| track.method).collect();
    let line = |&method: &&str| -> Vec<Sample> {
        over_seeds(result.rows(method).map(|row| (epoch(row.epoch), Some(row.train_loss))), Mean::Arithmetic)
    };
    let lines: Vec<Vec<Sample>> = methods.iter().map(line).collect();
    if lines.iter().all(Vec::is_empty) {
        return Err(FigureError::Empty("training losses"));
    }
    let last = lines.iter().flatten().map(|sample| sample.x).fold(1.0, f64::max);
    let behind = |method: &str| -> Vec<(f64, f64)> {
        let points = published(method).into_iter().map(|(at, loss)| (epoch(at), loss));
        points.filter(|(at, _)| *at <= last).collect()
    };
    let theirs: Vec<Vec<(f64, f64)>> = methods.iter().map(|&method| behind(method)).collect();
    let mut values: Vec<f64> = lines.iter().flatten().flat_map(|sample| [sample.low, sample.high]).collect();
    values.extend(theirs.iter().flatten().map(|(_, loss)| loss));

    let mut entries: Vec<(Key, String)> =
        methods.iter().enumerate().map(|(index, &method)| (Key::Line(series(index)), method.to_owned())).collect();
    if theirs.iter().any(|points| !points.is_empty()) {
        entries.push((Key::Hollow(pale(REFERENCE)), PUBLISHED.to_owned()));
    }
    canvas::figure(title, canvas::size(1200, 800), |area, column, marks| {
        let axes = (Axis::epochs(last), Axis::fitted("training loss (nats)", &values));
        let panel = Panel::new(area, "", axes, &[])?;
        for ((&method, points), index) in methods.iter().zip(theirs).zip(0..) {
            if !points.is_empty() {
                panel.hollow(marks, PUBLISHED, points, (method, pale(series(index))));
            }
        }
        for ((&name, samples), index) in methods.iter().zip(&lines).zip(0..) {
            panel.line(marks, Series { name, colour: series(index) }, samples);
        }
        legend(column, marks, &entries);
        Ok(())
    })
}

#[allow(clippy::cast_precision_loss, reason = "epochs are few")]
fn epoch(number: usize) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figures::render::preview;
    use crate::results::{EpochRow, made_up};

    #[test]
    fn published_losses_lie_behind_the_lines() {
        let row = |method, seed, epoch: usize, factor: f64| EpochRow {
            train_loss: factor * (1.0 + 0.02 * seed as f64) * (-0.08 * epoch as f64).exp(),
            ..made_up::row(method, seed, epoch, 50.0)
        };
        let runs =
            |method, factor| (0..3).flat_map(move |seed| (1..=30).map(move |epoch| row(method, seed, epoch, factor)));
        let epochs = runs("sgd", 2.0).chain(runs("svrg", 2.2)).collect();
        let result = ExperimentResult { epochs, ..made_up::result("mlp-tapered") };
        let published = |method: &str| if method == "sgd" { vec![(10, 0.9), (40, 0.1)] } else { Vec::new() };
        let svg = train_loss("Training loss, made-up data", &result, published).unwrap();
        for text in ["sgd", "svrg", "training loss", PUBLISHED] {
            assert!(svg.contains(text), "{text}");
        }
        preview("train-loss", &svg);
        assert!(!train_loss("", &result, |_| Vec::new()).unwrap().contains(PUBLISHED));
        let empty = made_up::result("mlp-tapered");
        assert_eq!(train_loss("", &empty, published), Err(FigureError::Empty("training losses")));
    }
}
