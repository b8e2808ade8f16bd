//! The variance ratio over the epochs of a run, for several places within an epoch.

use super::average::{Mean, over_seeds};
use super::axis::{Axis, Mark};
use super::legend::{Key, legend};
use super::marks::Series;
use super::palette::{BAND, REFERENCE, pale, series};
use super::panel::Panel;
use super::{FigureError, canvas};
use crate::paper::published::PublishedPoint;
use crate::paper::schedule::{PAPER_EPOCHS, Schedule};
use crate::results::Point;

/// With three gradients to a step, variance reduction only pays for itself below this ratio.
const BREAK_EVEN: f64 = 1.0 / 3.0;
/// The published points in the legend.
const PUBLISHED: &str = "published, same colours";
/// The published percentages, which have the same colours in every figure.
const USUAL: [f64; 4] = [2.0, 11.0, 33.0, 100.0];

/// What the figure shows.
#[derive(Debug, Clone, Copy)]
pub struct VarianceRatio<'a> {
    /// The line above the figure.
    pub title: &'a str,
    /// The measurements of one method on one model; seeds are averaged geometrically.
    pub points: &'a [Point],
    /// Published ratios to draw behind the measurements, as far as the same percentages and epochs were measured.
    pub published: &'a [PublishedPoint],
    /// The learning rate: its drops are drawn, and published epochs are compressed as it is.
    pub schedule: &'a Schedule,
}

/// Draws one line for each percentage, on a scale of powers of two, and returns the SVG text.
///
/// Missing ratios are left out; a ratio of zero is a triangle at the lower end.
pub fn variance_ratio(content: &VarianceRatio<'_>) -> Result<String, FigureError> {
    let percents = percents(content.points);
    let lines: Vec<_> = percents.iter().map(|&percent| line(content.points, percent)).collect();
    if lines.iter().all(Vec::is_empty) {
        return Err(FigureError::Empty("variance ratios"));
    }
    let last = lines.iter().flatten().map(|sample| sample.x).fold(1.0, f64::max);
    let compression = content.schedule.length as f64 / PAPER_EPOCHS as f64;
    let behind = |percent: f64| {
        let same = content.published.iter().filter(move |point| point.percent == percent);
        same.map(|point| (epoch(point.epoch) * compression, point.ratio)).filter(|point| point.0 <= last)
    };
    // Epoch e is drawn at e, so a drop after it lies halfway to the next.
    let drops: Vec<f64> = content.schedule.drops.iter().map(|drop| drop + 0.5).collect();
    let others: Vec<f64> = percents.iter().copied().filter(|percent| !USUAL.contains(percent)).collect();
    let colour = |percent: f64| {
        let place = |list: &[f64]| list.iter().position(|other| *other == percent);
        series(place(&USUAL).unwrap_or(USUAL.len() + place(&others).unwrap_or(0)))
    };
    let published: Vec<_> = percents.iter().flat_map(|&percent| behind(percent)).collect();

    let mut values: Vec<f64> = published.iter().map(|point| point.1).collect();
    values.extend(lines.iter().flatten().flat_map(|sample| [sample.mean, sample.low, sample.high]));
    let x = Axis::epochs(last);
    let y = Axis::ratio("variance ratio, reduced / plain (log scale)", &values);

    let name = |percent: f64| format!("{percent} %{}", if percent == percents[0] { " of the epoch" } else { "" });
    let mut entries: Vec<(Key, String)> =
        percents.iter().map(|&percent| (Key::Line(colour(percent)), name(percent))).collect();
    if !published.is_empty() {
        entries.push((Key::Hollow(pale(REFERENCE)), PUBLISHED.to_owned()));
    }
    if lines.iter().flatten().any(|sample| matches!(y.place(sample.mean), Mark::Below(_))) {
        entries.push((Key::Floor(REFERENCE), "zero, or below the scale".to_owned()));
    }
    entries.push((Key::Band(BAND), "1 to 2: more variance than plain SGD".to_owned()));
    entries.push((Key::Dashed(REFERENCE), "1/3: pays for three gradients a step".to_owned()));
    if drops.iter().any(|drop| (x.low..=x.high).contains(drop)) {
        entries.push((Key::Dotted(REFERENCE), "learning rate lowered".to_owned()));
    }

    canvas::figure(content.title, (1700, 1000), |area, column, marks| {
        let panel = Panel::new(area, "", (x, y), &[(1.0, 2.0, BAND)])?;
        for &drop in &drops {
            panel.upright(drop)?;
        }
        panel.across(BREAK_EVEN, "1/3")?;
        for &percent in &percents {
            panel.hollow(marks, PUBLISHED, behind(percent), (&name(percent), pale(colour(percent))));
        }
        for (samples, &percent) in lines.iter().zip(&percents) {
            panel.line(marks, Series { name: &name(percent), colour: colour(percent) }, samples);
        }
        legend(column, marks, &entries);
        Ok(())
    })
}

#[allow(clippy::cast_precision_loss, reason = "epochs are few")]
fn epoch(number: usize) -> f64 {
    number as f64
}

fn percents(points: &[Point]) -> Vec<f64> {
    let mut percents: Vec<f64> =
        points.iter().filter(|point| point.ratio.is_some_and(f64::is_finite)).map(|point| point.percent).collect();
    percents.sort_by(f64::total_cmp);
    percents.dedup();
    percents
}

fn line(points: &[Point], percent: f64) -> Vec<super::average::Sample> {
    let same = points.iter().filter(|point| point.percent == percent);
    over_seeds(same.map(|point| (epoch(point.epoch), point.ratio)), Mean::Geometric)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figures::render::{preview, sample_points};
    use crate::paper::published::published;

    fn draw(points: &[Point], published: &[PublishedPoint]) -> Result<String, FigureError> {
        let schedule = &Schedule::default();
        variance_ratio(&VarianceRatio { title: "Variance of SVRG, made-up data", points, published, schedule })
    }

    #[test]
    fn the_figure_names_its_parts() {
        let (points, published) = (sample_points("svrg", 240), published("resnet-small"));
        let svg = draw(&points, &published).unwrap();
        for text in ["1/3", "100 %", "learning rate", "published, same", "variance ratio"] {
            assert!(svg.contains(text), "{text}");
        }
        preview("variance-ratio", &svg);
    }

    #[test]
    fn published_epochs_beyond_the_run_are_left_out() {
        let (points, published) = (sample_points("svrg", 20), published("lenet"));
        let svg = draw(&points, &published).unwrap();
        assert!(!svg.contains(">\n200\n<") && !svg.contains("learning rate"));
        preview("variance-ratio-short", &svg);
    }

    #[test]
    fn zero_and_missing_ratios_are_drawn_or_left_out() {
        let mut points = sample_points("svrg", 20);
        for point in &mut points {
            match point.percent {
                2.0 => (point.percent, point.ratio) = (0.0, Some(0.0)),
                11.0 => point.ratio = None,
                _ => {}
            }
        }
        let svg = draw(&points, &[]).unwrap();
        assert!(svg.contains("zero, or below"));
        // The usual colours of 33 % and 100 %, in the lines and in the legend; 11 % has nothing to show.
        let strokes =
            |colour: &str| svg.lines().filter(|line| line.contains("polyline") && line.contains(colour)).count();
        assert_eq!(["#009E73", "#CC79A7", "#D55E00"].map(|colour| strokes(colour) >= 2), [true, true, false]);
        assert!(!svg.contains("NaN") && !svg.contains("inf"));
        preview("variance-ratio-zero", &svg);
        points.iter_mut().for_each(|point| point.ratio = None);
        assert_eq!(draw(&points, &[]), Err(FigureError::Empty("variance ratios")));
    }
}
