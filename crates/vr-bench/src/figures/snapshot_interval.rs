//! The variance ratio for several intervals between snapshots, alone and times what they cost.

use super::FigureError;
use super::average::{Mean, Sample, over_seeds};
use super::axis::Axis;
use super::curves::{Line, Plot, curves, reach};

/// Draws the ratios over the epochs, and beside them the ratios times the gradients a step, and returns the SVG text.
/// A line has a name, its gradients a step, and (epoch, ratio) of every seed.
pub fn snapshot_interval(title: &str, lines: &[(String, f64, Vec<(f64, f64)>)]) -> Result<String, FigureError> {
    let plot = |caption: &str, axis: &str, factor: fn(f64) -> f64| {
        let line = |(name, cost, values): &(String, f64, Vec<(f64, f64)>)| -> Line {
            let scaled = values.iter().map(|&(epoch, ratio)| (epoch, Some(ratio * factor(*cost))));
            (name.clone(), over_seeds(scaled, Mean::Geometric))
        };
        let lines: Vec<Line> = lines.iter().map(line).collect();
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
            let values = (1..=8).map(|e| (f64::from(e), interval.sqrt() * (0.3 + 1.0 / f64::from(e)))).collect();
            (format!("every {interval} epochs"), 1.0 + 1.0 / interval, values)
        };
        let svg = snapshot_interval("Snapshots, made-up data", &[0.125, 1.0, 4.0].map(line)).unwrap();
        for text in ["averaged over", "gradients a step", "every 0.125"] {
            assert!(svg.contains(text), "{text}");
        }
        preview("snapshot-interval", &svg);
        assert_eq!(snapshot_interval("", &[]), Err(FigureError::Empty("snapshot intervals")));
    }
}
