//! The variance ratio for several intervals between snapshots, alone and times what they cost.

use super::FigureError;
use super::average::{Mean, Sample, over_seeds};
use super::axis::Axis;
use super::curves::{Line, Plot, curves, reach};

/// The line of one interval.
#[derive(Debug, Clone)]
pub struct Interval {
    /// Its name in the legend.
    pub name: String,
    /// Minibatch gradients a step, the passes at snapshots included.
    pub gradients_a_step: f64,
    /// Pairs (epoch, ratio averaged over it), of every seed.
    pub ratios: Vec<(f64, f64)>,
}

/// Draws the ratios over the epochs, and beside them the ratios times the gradients a step, and returns the SVG text.
/// Seeds are averaged geometrically.
pub fn snapshot_interval(title: &str, intervals: &[Interval]) -> Result<String, FigureError> {
    let plot = |caption: &str, axis: &str, factor: fn(f64) -> f64| {
        let line = |interval: &Interval| -> Line {
            let factor = factor(interval.gradients_a_step);
            let scaled = interval.ratios.iter().map(|&(epoch, ratio)| (epoch, Some(ratio * factor)));
            (interval.name.clone(), over_seeds(scaled, Mean::Geometric))
        };
        let lines: Vec<Line> = intervals.iter().map(line).collect();
        let last = lines.iter().flat_map(|(_, samples)| samples).map(|sample: &Sample| sample.x).fold(1.0, f64::max);
        let y = Axis::ratio(axis, &reach(&lines));
        Plot { caption: caption.to_owned(), axes: (Axis::epochs(last), y), lines, level: Some(1.0) }
    };
    let plots = [
        plot("averaged over the epoch", "variance ratio, reduced / plain", |_| 1.0),
        plot("times gradients a step", "variance ratio × gradients a step", |cost| cost),
    ];
    curves("snapshot intervals", title, &plots, "1: variance and cost of plain SGD")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figures::render::preview;

    #[test]
    fn both_panels_are_drawn() {
        let line = |interval: f64| {
            let ratios = (1..=8).map(|e| (f64::from(e), interval.sqrt() * (0.3 + 1.0 / f64::from(e)))).collect();
            Interval { name: format!("every {interval} epochs"), gradients_a_step: 1.0 + 1.0 / interval, ratios }
        };
        let svg = snapshot_interval("Snapshots, made-up data", &[0.125, 1.0, 4.0].map(line)).unwrap();
        for text in ["averaged over", "gradients a step", "every 0.125"] {
            assert!(svg.contains(text), "{text}");
        }
        preview("snapshot-interval", &svg);
        assert_eq!(snapshot_interval("", &[]), Err(FigureError::Empty("snapshot intervals")));
    }
}
