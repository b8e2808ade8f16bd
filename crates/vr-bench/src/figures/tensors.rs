//! The variance ratio in each tensor through a run, as a heat map.

use super::average::{Mean, over_seeds};
use super::canvas::{AXIS, Area, TEXT, text_style};
use super::curves::distinct;
use super::legend::{Key, legend};
use super::marks::Marks;
use super::palette::diverging;
use super::{FigureError, canvas};
use crate::markup::number;
use crate::results::diagnostics::TensorRow;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, VPos};

/// The tensors with the most variance that are drawn, if there are more.
const ROWS: usize = 48;
const ROW: i32 = 30;
/// Width of the tensors' names, and height of the epochs' numbers.
const NAMES: i32 = 420;
const FOOT: i32 = 110;
const WIDTH: i32 = 1700;
/// Room for the legend.
const LEAST: i32 = 500;
/// The colours reach from a ratio of 1/8 to one of 8.
const OCTAVES: f64 = 3.0;

/// Draws a row for each tensor in the order of the network, a column for each moment, and returns the SVG text. The
/// rows are of one method on one model; seeds are averaged geometrically.
///
/// Of a network of many tensors, those are drawn whose plain variance is largest.
pub fn tensors(title: &str, rows: &[TensorRow]) -> Result<String, FigureError> {
    let names = largest(rows);
    let mut moments = distinct(rows.iter().map(|row| (row.at.epoch, row.at.percent)).filter(|at| at.1 > 0.0));
    moments.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
    if names.is_empty() || moments.is_empty() {
        return Err(FigureError::Empty("the variance in each tensor"));
    }
    let height = i32::try_from(names.len()).unwrap_or(i32::MAX / ROW) * ROW;
    let size = canvas::size(WIDTH.unsigned_abs() as usize, (height + FOOT).max(LEAST).unsigned_abs() as usize);
    canvas::figure(title, size, |area, column, marks| {
        let width = f64::from(WIDTH - NAMES - 20) / moments.len() as f64;
        #[allow(clippy::cast_possible_truncation, reason = "whole drawing units")]
        let left = |index: usize| NAMES + (width * index as f64).round() as i32;
        let base = area.get_base_pixel();
        for (line, name) in (0..).zip(&names) {
            let top = line * ROW;
            let text = text_style(TEXT.min(f64::from(ROW) * 0.8), HPos::Right, VPos::Center);
            area.draw(&Text::new((*name).to_owned(), (NAMES - 12, top + ROW / 2), text))?;
            for (index, &moment) in moments.iter().enumerate() {
                let same =
                    rows.iter().filter(|row| (row.at.epoch, row.at.percent) == moment).flat_map(|row| &row.tensors);
                let ratios = same.filter(|tensor| tensor.name == **name).map(|tensor| (0.0, tensor.ratio));
                let ratio = over_seeds(ratios, Mean::Geometric);
                if let Some(sample) = ratio.first() {
                    let corners = [(left(index), top), (left(index + 1), top + ROW)];
                    let text = format!(
                        "{name}\nepoch: {}, {} % of it\nvariance ratio: {}",
                        moment.0,
                        moment.1,
                        number(sample.mean)
                    );
                    let [from, to] = corners.map(|(x, y)| (base.0 + x, base.1 + y));
                    marks.cell(from, to, diverging(sample.mean.log2() / OCTAVES), &text);
                }
            }
        }
        epochs(area, marks, &moments, &left, height)?;
        let entries = [0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0].map(|ratio: f64| {
            let text = if ratio < 1.0 { format!("1/{}", 1.0 / ratio) } else { ratio.to_string() };
            (Key::Cell(diverging(ratio.log2() / OCTAVES)), text)
        });
        legend(
            column,
            marks,
            &[vec![(Key::None, "variance ratio, reduced / plain".to_owned())], entries.into()].concat(),
        );
        Ok(())
    })
}

/// The names of the tensors with the largest plain variance, in the order of the network.
fn largest(rows: &[TensorRow]) -> Vec<&str> {
    let all = || rows.iter().flat_map(|row| &row.tensors);
    let names = distinct(all().map(|tensor| tensor.name.as_str()));
    let variance = |name: &str| all().filter(|tensor| tensor.name == name).map(|t| t.sgd_variance).sum::<f64>();
    let mut ranked: Vec<(f64, &str)> = names.iter().map(|name| (variance(name), *name)).collect();
    ranked.sort_by(|a, b| b.0.total_cmp(&a.0));
    ranked.truncate(ROWS);
    names.into_iter().filter(|name| ranked.iter().any(|(_, other)| other == name)).collect()
}

/// The epoch's number under the first column of every epoch, as far as there is room.
fn epochs(
    area: &Area<'_>,
    marks: &mut Marks,
    moments: &[(usize, f64)],
    left: &dyn Fn(usize) -> i32,
    height: i32,
) -> Result<(), FigureError> {
    let mut free = i32::MIN;
    for (index, &(epoch, _)) in moments.iter().enumerate() {
        if index > 0 && moments[index - 1].0 == epoch {
            continue;
        }
        let x = left(index);
        let (from_left, from_top) = area.get_base_pixel();
        marks.line(&[0, height + 8].map(|y| (from_left + x, from_top + y)), WHITE, 3, 1.0);
        if x >= free {
            area.draw(&Text::new(epoch.to_string(), (x, height + 26), text_style(TEXT, HPos::Left, VPos::Center)))?;
            free = x + 70;
        }
    }
    let middle = (left(0) + left(moments.len())) / 2;
    let text = "epoch; within it, from its start to its end";
    Ok(area.draw(&Text::new(text, (middle, height + 74), text_style(AXIS, HPos::Center, VPos::Center)))?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figures::render::preview;
    use crate::results::diagnostics::{Moment, TensorVariance};

    fn rows(tensors: u8, epochs: u8) -> Vec<TensorRow> {
        let mut rows = Vec::new();
        for epoch in 1..=epochs {
            for percent in [0.0, 2.0, 11.0, 33.0, 100.0] {
                let tensor = |number: u8| TensorVariance {
                    name: format!("layer{number}.conv.weight"),
                    sgd_variance: f64::from(number),
                    ratio: (number != 3).then_some(4.0 * (percent / 100.0_f64).sqrt() / f64::from(number + 1)),
                    optimal_coefficient: None,
                    coefficient: None,
                };
                let at = Moment {
                    model: "lenet".into(),
                    method: "svrg".into(),
                    seed: 0,
                    epoch: usize::from(epoch) * 10,
                    percent,
                };
                rows.push(TensorRow { at, tensors: (0..tensors).map(tensor).collect() });
            }
        }
        rows
    }

    #[test]
    fn tensors_are_rows_and_moments_columns() {
        let svg = tensors("Variance in each tensor, made-up data", &rows(10, 25)).unwrap();
        for text in ["layer0.conv.weight", "layer9.conv.weight", "epoch; within", "1/8", "variance ratio,"] {
            assert!(svg.contains(text), "{text}");
        }
        preview("tensors", &svg);
        assert_eq!(tensors("", &[]), Err(FigureError::Empty("the variance in each tensor")));
    }

    #[test]
    fn of_many_tensors_those_of_most_variance_are_drawn() {
        let rows = rows(60, 1);
        let names = largest(&rows);
        assert_eq!((names.len(), names[0]), (ROWS, "layer12.conv.weight"));
        preview("tensors-many", &tensors("Many tensors, made-up data", &rows).unwrap());
    }
}
