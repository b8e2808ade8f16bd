//! The variance at each position after a mega-batch.

use super::FigureError;
use super::average::Mean;
use super::axis::Axis;
use super::curves::{Names, Plot, curves, reach};
use crate::results::diagnostics::{Form, PositionRow};

/// Draws the variance ratio over the position after the mega-batch, a panel for each form and a line for each model,
/// method and epoch, and returns the SVG text. Mega-batches and seeds are averaged geometrically.
pub fn streaming(title: &str, rows: &[PositionRow]) -> Result<String, FigureError> {
    let names = Names::of(rows.iter().map(|row| &row.at));
    let last = rows.iter().map(|row| row.position).max().unwrap_or_default();
    let plots: Vec<Plot> = [(Form::FullPass, "over all minibatches"), (Form::InnerBatch, "over the mega-batch's own")]
        .into_iter()
        .map(|(form, caption)| {
            let same = rows.iter().filter(|row| row.form == form);
            let lines = names.lines(same.map(|row| (&row.at, position(row.position), row.ratio)), Mean::Geometric);
            let y = Axis::from_zero("variance ratio, reduced / plain", &reach(&lines), 1.0);
            let x = Axis::positions("steps since the mega-batch", position(last));
            Plot { caption: caption.to_owned(), axes: (x, y), lines, level: Some(1.0) }
        })
        .filter(|plot| !plot.lines.is_empty())
        .collect();
    curves("the variance after a mega-batch", title, &plots, "1: same variance as plain SGD")
}

#[allow(clippy::cast_precision_loss, reason = "positions are few")]
fn position(number: usize) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figures::render::preview;
    use crate::results::diagnostics::Moment;

    #[test]
    fn both_forms_have_a_panel() {
        let mut rows = Vec::new();
        for (model, rise) in [("lenet", 0.1), ("densenet-40-36", 0.9)] {
            for (form, floor) in [(Form::InnerBatch, 0.05), (Form::FullPass, 0.1)] {
                for position in 0..10_u8 {
                    for percent in [0.0, 50.0] {
                        let ratio = floor + rise * f64::from(position).sqrt() * (1.0 + percent / 200.0);
                        rows.push(PositionRow {
                            at: Moment { model: model.into(), method: "scsg".into(), seed: 0, epoch: 50, percent },
                            position: position.into(),
                            form,
                            sgd_variance: 1.0,
                            estimator_error: ratio,
                            ratio: Some(ratio),
                        });
                    }
                }
            }
        }
        let svg = streaming("Streaming SVRG, made-up data", &rows).unwrap();
        for text in ["over all minibatches", "own", "steps since the mega-batch", "same variance"] {
            assert!(svg.contains(text), "{text}");
        }
        preview("streaming", &svg);
        rows.retain(|row| row.form == Form::FullPass);
        assert!(!streaming("", &rows).unwrap().contains("own"));
        assert_eq!(streaming("", &[]), Err(FigureError::Empty("the variance after a mega-batch")));
    }
}
