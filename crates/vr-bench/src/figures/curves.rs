//! Panels of lines: one colour for each name, the same in every panel, and one legend.

use super::average::{Mean, Sample, over_seeds};
use super::axis::Axis;
use super::legend::{Key, legend};
use super::marks::Series;
use super::palette::{REFERENCE, series};
use super::panel::Panel;
use super::{FigureError, canvas};
use crate::results::Point;
use crate::results::diagnostics::Moment;

const COLUMNS: usize = 3;
const PANEL: (usize, usize) = (740, 700);
const ONE_PANEL: (usize, usize) = (1200, 800);

/// A line with its name in the legend.
pub type Line = (String, Vec<Sample>);

/// One panel.
pub struct Plot {
    /// What stands above it.
    pub caption: String,
    /// Both axes.
    pub axes: (Axis, Axis),
    /// The lines.
    pub lines: Vec<Line>,
    /// The value of a dashed line across.
    pub level: Option<f64>,
}

/// Draws the panels side by side, and returns the SVG text. `level` says what the dashed lines mean.
pub fn curves(name: &'static str, title: &str, plots: &[Plot], level: &str) -> Result<String, FigureError> {
    let lines = || plots.iter().flat_map(|plot| &plot.lines);
    if lines().all(|(_, samples)| samples.is_empty()) {
        return Err(FigureError::Empty(name));
    }
    let names = distinct(lines().map(|(name, _)| name));
    let colour = |name: &String| series(names.iter().position(|other| *other == name).unwrap_or_default());
    let mut entries: Vec<(Key, String)> = names.iter().map(|name| (Key::Line(colour(name)), (*name).clone())).collect();
    if plots.iter().any(|plot| plot.level.is_some()) {
        entries.push((Key::Dashed(REFERENCE), level.to_owned()));
    }
    // Four stand in a square.
    let columns = if plots.len() == 4 { 2 } else { plots.len().min(COLUMNS) };
    let rows = plots.len().div_ceil(columns);
    let (width, height) = if plots.len() == 1 { ONE_PANEL } else { PANEL };
    canvas::figure(title, canvas::size(columns * width, rows * height), |area, column, marks| {
        for (area, plot) in area.split_evenly((rows, columns)).iter().zip(plots) {
            let panel = Panel::new(area, &plot.caption, plot.axes.clone(), &[])?;
            if let Some(level) = plot.level {
                panel.across(level, "")?;
            }
            for (name, samples) in &plot.lines {
                panel.line(marks, Series { name, colour: colour(name) }, samples);
            }
        }
        legend(column, marks, &entries);
        Ok(())
    })
}

/// Which parts of a moment tell lines apart.
pub struct Names {
    model: bool,
    method: bool,
    epoch: bool,
}

impl Names {
    /// Whatever differs among the moments.
    pub fn of<'a>(moments: impl Iterator<Item = &'a Moment> + Clone) -> Self {
        let method = distinct(moments.clone().map(|at| &at.method)).len() > 1;
        let epoch = distinct(moments.clone().map(|at| at.epoch)).len() > 1;
        Self { model: distinct(moments.map(|at| &at.model)).len() > 1 || !(method || epoch), method, epoch }
    }

    /// Without regard to the epoch: lines then average over epochs too.
    pub fn over_epochs(self) -> Self {
        Self { epoch: false, model: self.model || !self.method, ..self }
    }

    fn name(&self, at: &Moment) -> String {
        let parts = [
            self.model.then(|| at.model.clone()),
            self.method.then(|| at.method.clone()),
            self.epoch.then(|| format!("epoch {}", at.epoch)),
        ];
        parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
    }

    /// Lines of (moment, x, y), the seeds averaged.
    pub fn lines<'a>(&self, values: impl Iterator<Item = (&'a Moment, f64, Option<f64>)>, mean: Mean) -> Vec<Line> {
        let named: Vec<_> = values.map(|(at, x, y)| (self.name(at), x, y)).collect();
        distinct(named.iter().map(|(name, ..)| name))
            .into_iter()
            .map(|name| {
                let same = named.iter().filter(|(other, ..)| other == name);
                (name.clone(), over_seeds(same.map(|&(_, x, y)| (x, y)), mean))
            })
            .collect()
    }
}

/// Lines over the epochs of what is measured at one place within each, the start left out; the seeds averaged.
pub fn by_place(points: &[Point], mean: Mean, value: impl Fn(&Point) -> Option<f64>) -> Vec<Line> {
    let mut percents = distinct(points.iter().map(|point| point.percent).filter(|&percent| percent > 0.0));
    percents.sort_by(f64::total_cmp);
    let line = |percent| {
        let same = points.iter().filter(|point| point.percent == percent);
        let samples = over_seeds(same.map(|point| (epoch(point), value(point))), mean);
        (format!("{percent} % of the epoch"), samples)
    };
    percents.into_iter().map(line).collect()
}

/// An axis of the points' epochs.
pub fn epochs(points: &[Point]) -> Axis {
    Axis::epochs(points.iter().map(epoch).fold(1.0, f64::max))
}

#[allow(clippy::cast_precision_loss, reason = "epochs are few")]
fn epoch(point: &Point) -> f64 {
    point.epoch as f64
}

/// What differs, in the order of first sight.
pub fn distinct<T: PartialEq>(items: impl IntoIterator<Item = T>) -> Vec<T> {
    let mut found = Vec::new();
    for item in items {
        if !found.contains(&item) {
            found.push(item);
        }
    }
    found
}

/// Everything that lines reach, for an axis that holds them all.
pub fn reach<'a>(lines: impl IntoIterator<Item = &'a Line>) -> Vec<f64> {
    lines.into_iter().flat_map(|(_, samples)| samples).flat_map(|sample| [sample.low, sample.high]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(model: &str, epoch: usize) -> Moment {
        Moment { model: model.into(), method: "svrg".into(), seed: 0, epoch, percent: 0.0 }
    }

    #[test]
    fn lines_are_groups_and_values_have_texts() {
        let sample = |x: f64, mean: f64| Sample { x, mean, low: mean, high: mean + 0.25 };
        let lines = vec![("<a>".to_owned(), vec![sample(1.0, 0.5), sample(2.0, 0.125)]), ("b".to_owned(), vec![])];
        let axes = (Axis::epochs(2.0), Axis::ratio("ratio (log scale)", &[0.5]));
        let plot = Plot { caption: "at 2 %".into(), axes, lines, level: None };
        let svg = curves("lines", "Title & more", &[plot], "").unwrap();
        for text in [
            "<title>Title &amp; more</title>\n<desc>at 2 %, &lt;a&gt;: ratio from 0.5000 at epoch 1 to 0.1250 at epoch 2.</desc>",
            "<g class=\"series\" data-name=\"&lt;a&gt;\">",
            "<title>&lt;a&gt;\nepoch: 2\nratio: 0.1250 (0.1250 to 0.3750)</title>",
            "<g class=\"key\" data-name=\"&lt;a&gt;\"",
            "<g class=\"key\" data-name=\"b\"",
            "data-panels=\"0 84 ",
        ] {
            assert!(svg.contains(text), "{text}: {svg}");
        }
        assert_eq!(svg.matches("class=\"at\"").count(), 2);
    }

    #[test]
    fn names_say_what_differs() {
        let name = |moments: &[Moment]| Names::of(moments.iter()).name(&moments[0]);
        assert_eq!(name(&[at("lenet", 2)]), "lenet");
        assert_eq!(name(&[at("lenet", 2), at("lenet", 3)]), "epoch 2");
        assert_eq!(name(&[at("lenet", 2), at("resnet110", 3)]), "lenet, epoch 2");
    }
}
