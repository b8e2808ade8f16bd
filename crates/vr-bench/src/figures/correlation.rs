//! How much successive steps resemble each other through the epoch.

use super::FigureError;
use super::average::Mean;
use super::axis::Axis;
use super::curves::{Names, Plot, curves, reach};
use crate::results::diagnostics::StepRow;

/// Draws the cosines between successive directions and between their noises over the progress through the epoch, a
/// line for each model and method, and returns the SVG text. Seeds and epochs are averaged; the first epoch, whose
/// snapshot is the initial point, is left out where there are others.
pub fn correlation(title: &str, rows: &[StepRow]) -> Result<String, FigureError> {
    let names = Names::of(rows.iter().map(|row| &row.at)).over_epochs();
    let others = rows.iter().any(|row| row.at.epoch > 1);
    let rows = || rows.iter().filter(|row| row.at.epoch > 1 || !others);
    let lines = |value: fn(&StepRow) -> f64| {
        names.lines(rows().map(|row| (&row.at, row.at.percent, Some(value(row)))), Mean::Arithmetic)
    };
    let (directions, noises) = (lines(|row| row.direction_cosine), lines(|row| row.noise_cosine));
    let reached = reach(directions.iter().chain(&noises));
    let y = Axis::fitted("cosine between successive steps", &[reached, vec![-0.1, 0.1]].concat());
    let plots = [("directions", directions), ("noise about the full gradient", noises)].map(|(caption, lines)| Plot {
        caption: caption.to_owned(),
        axes: (Axis::percent(), y.clone()),
        lines,
        level: Some(0.0),
    });
    curves("the correlation of successive steps", title, &plots, "0: not correlated")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figures::render::preview;
    use crate::results::diagnostics::Moment;

    #[test]
    fn methods_are_lines() {
        let mut rows = Vec::new();
        for (method, direction, epoch) in [("sgd", 0.1, 2), ("svrg", 0.8, 2), ("sgd", 0.2, 3), ("svrg", 0.7, 3)] {
            for step in 0..10_u8 {
                let percent = 10.0 * f64::from(step);
                rows.push(StepRow {
                    at: Moment { model: "lenet".into(), method: method.into(), seed: 0, epoch, percent },
                    pairs: 7,
                    direction_cosine: direction * (1.0 - percent / 200.0),
                    noise_cosine: -0.01 + percent / 1e4,
                });
            }
        }
        let svg = correlation("Successive steps, made-up data", &rows).unwrap();
        for text in ["sgd", "svrg", "directions", "not correlated"] {
            assert!(svg.contains(text), "{text}");
        }
        assert!(!svg.contains("epoch"), "epochs are averaged");
        preview("correlation", &svg);
        assert_eq!(correlation("", &[]), Err(FigureError::Empty("the correlation of successive steps")));
    }
}
