//! Distance from the snapshot and curvature through the epoch.

use super::FigureError;
use super::average::Mean;
use super::axis::Axis;
use super::curves::{Names, Plot, curves, reach};
use crate::results::diagnostics::GeometryRow;

/// Draws distance and curvature over the progress through the epoch, a line for each model, method and epoch, and
/// returns the SVG text. Seeds are averaged.
pub fn geometry(title: &str, rows: &[GeometryRow]) -> Result<String, FigureError> {
    let names = Names::of(rows.iter().map(|row| &row.at));
    let plot = |caption: &str, axis: &str, value: fn(&GeometryRow) -> Option<f64>| {
        let lines = names.lines(rows.iter().map(|row| (&row.at, row.at.percent, value(row))), Mean::Arithmetic);
        let y = Axis::from_zero(axis, &reach(&lines), 0.0);
        Plot { caption: caption.to_owned(), axes: (Axis::percent(), y), lines, level: None }
    };
    let plots = [
        plot("distance", "‖x − snapshot‖", |row| Some(row.distance)),
        plot("relative distance", "distance / ‖snapshot‖", |row| row.relative_distance),
        plot("curvature", "‖∇(x) − ∇(snapshot)‖ / distance", |row| row.curvature),
        plot("mean-square curvature", "mean ‖∇b(x) − ∇b(snapshot)‖² / distance²", |row| {
            row.mean_square_curvature
        }),
    ];
    let drawn: Vec<Plot> = plots.into_iter().filter(|plot| plot.lines.iter().any(|line| !line.1.is_empty())).collect();
    curves("distance and curvature", title, &drawn, "")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figures::render::preview;
    use crate::results::diagnostics::Moment;

    #[test]
    fn every_model_is_a_line_in_both_panels() {
        let mut rows = Vec::new();
        for (model, speed) in [("lenet", 1.0), ("densenet-40-36", 4.0)] {
            for step in 0..=10_u8 {
                let percent = 10.0 * f64::from(step);
                let distance = speed * (percent / 100.0).sqrt();
                let curvature = (step > 0).then_some(2.0 + speed / f64::from(step + 1));
                let gradient_distance = distance * curvature.unwrap_or_default();
                let at = Moment { model: model.into(), method: "svrg".into(), seed: 0, epoch: 50, percent };
                rows.push(GeometryRow {
                    at,
                    distance,
                    relative_distance: Some(distance / 9.0),
                    gradient_distance,
                    curvature,
                    mean_square_curvature: curvature.map(|curvature| 2.0 * curvature),
                });
            }
        }
        let svg = geometry("Iterate distance and curvature, made-up data", &rows).unwrap();
        for text in ["lenet", "densenet-40-36", "curvature", "distance", "relative", "mean-square"] {
            assert!(svg.contains(text), "{text}");
        }
        preview("geometry", &svg);
        assert_eq!(geometry("", &[]), Err(FigureError::Empty("distance and curvature")));
    }
}
