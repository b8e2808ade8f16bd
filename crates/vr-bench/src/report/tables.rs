//! The tables of what was measured, one for each kind of row.

use super::html::{folded, optional, table};
use crate::figures::distinct;
use crate::markup::{escape, number};
use crate::paper::phases::geometric_mean;
use crate::results::diagnostics::{Form, GeometryRow, Moment, PositionRow, StepRow, TensorRow};
use crate::results::ranking::{Ranked, Ranking};
use crate::results::{EpochRow, Point};

/// Names of the columns of [`moment`].
const MOMENT: [&str; 5] = ["model", "method", "seed", "epoch", "progress (%)"];

fn moment(at: &Moment) -> Vec<String> {
    let Moment { model, method, seed, epoch, percent } = at;
    vec![escape(model), escape(method), seed.to_string(), epoch.to_string(), number(*percent)]
}

/// A table of rows that each belong to a moment.
fn at_moments<'a, R: 'a>(
    label: &str,
    rows: &'a [R],
    heads: &[&str],
    at: impl Fn(&'a R) -> &'a Moment,
    cells: impl Fn(&'a R) -> Vec<String>,
) -> String {
    let lines = rows.iter().map(|row| [moment(at(row)), cells(row)].concat());
    folded(rows.len(), &table(label, &[&MOMENT, heads].concat(), "numbers", lines))
}

/// The geometric mean of the ratio at every place that methods were measured at, over epochs after the first and seeds.
pub(super) fn mean_ratios(points: &[Point]) -> String {
    let points: Vec<&Point> = points.iter().filter(|point| point.epoch > 1).collect();
    let mut places = distinct(points.iter().map(|point| point.percent));
    places.sort_by(f64::total_cmp);
    let heads: Vec<String> = places.iter().map(|place| format!("{place} %")).collect();
    let heads: Vec<&str> = ["model", "method"].into_iter().chain(heads.iter().map(String::as_str)).collect();
    let lines = distinct(points.iter().map(|point| (&point.model, &point.method))).into_iter().map(|key| {
        let mean = |&place: &f64| {
            let same = points.iter().filter(|point| (&point.model, &point.method) == key && point.percent == place);
            optional(geometric_mean(&same.filter_map(|point| point.ratio).collect::<Vec<_>>()))
        };
        [escape(key.0), escape(key.1)].into_iter().chain(places.iter().map(mean)).collect()
    });
    table("Mean variance ratios", &heads, "numbers", lines)
}

/// All variances.
pub(super) fn points(points: &[Point], batch_size: usize) -> String {
    let heads = [
        "model",
        "method",
        "seed",
        "epoch",
        "progress (%)",
        "plain variance",
        "mean squared error",
        "ratio",
        "squared bias",
        "correlation",
        "coefficient",
        "best coefficient",
        "noise scale (examples)",
    ];
    let rows = points.iter().map(|point| {
        vec![
            escape(&point.model),
            escape(&point.method),
            point.seed.to_string(),
            point.epoch.to_string(),
            number(point.percent),
            number(point.sgd_variance),
            number(point.estimator_error),
            optional(point.ratio),
            number(point.squared_bias),
            optional(point.correlation),
            optional(point.coefficient),
            optional(point.optimal_coefficient),
            optional(point.noise_scale(batch_size)),
        ]
    });
    folded(points.len(), &table("Variance measurements", &heads, "numbers", rows))
}

/// Losses and errors.
pub(super) fn epochs(epochs: &[EpochRow]) -> String {
    let held_out = epochs.iter().any(|row| row.validation_error.is_some());
    let validation: &[&str] = if held_out { &["validation loss", "validation error (%)"] } else { &[] };
    let first = ["method", "seed", "epoch", "training loss"];
    let heads = [&first, validation, &["test loss", "test error (%)", "top-5 (%)", "minibatch gradients"]].concat();
    let rows = epochs.iter().map(|row| {
        let first =
            [escape(&row.track().to_string()), row.seed.to_string(), row.epoch.to_string(), number(row.train_loss)];
        let validation = [row.validation_loss, row.validation_error].map(optional);
        let last = [
            number(row.test_loss),
            number(row.test_error),
            optional(row.test_error_top5),
            row.gradient_evaluations.to_string(),
        ];
        [&first[..], &validation[..validation.len() * usize::from(held_out)], &last].concat()
    });
    folded(epochs.len(), &table("Epochs", &heads, "numbers", rows))
}

/// The settings of a grid, the best first.
pub(super) fn ranking(ranking: &Ranking) -> String {
    let measure = ranking.by.to_string();
    let heads = ["place", "setting", &measure, "standard error", "seeds", "diverged runs"];
    let rows = (1..).zip(&ranking.settings).map(|(place, row)| {
        let Ranked { method, mean, standard_error, seeds, diverged } = row;
        let [mean, error] = [mean, standard_error].map(|value| optional(*value));
        vec![place.to_string(), escape(method), mean, error, seeds.to_string(), diverged.to_string()]
    });
    folded(ranking.settings.len(), &table("Ranking of the settings", &heads, "numbers", rows))
}

/// Distance and curvature.
pub(super) fn geometry(rows: &[GeometryRow]) -> String {
    let heads = [
        "distance from the snapshot",
        "over the snapshot's norm",
        "distance of the gradients",
        "curvature",
        "mean-square curvature",
    ];
    let cells = |row: &GeometryRow| {
        vec![
            number(row.distance),
            optional(row.relative_distance),
            number(row.gradient_distance),
            optional(row.curvature),
            optional(row.mean_square_curvature),
        ]
    };
    at_moments("Distance from the snapshot", rows, &heads, |row| &row.at, cells)
}

/// Variances after mega-batches.
pub(super) fn positions(rows: &[PositionRow]) -> String {
    let heads = ["steps since", "over", "plain variance", "mean squared error", "ratio"];
    let cells = |row: &PositionRow| {
        let over = match row.form {
            Form::InnerBatch => "the mega-batch",
            Form::FullPass => "all minibatches",
        };
        let [plain, reduced] = [row.sgd_variance, row.estimator_error].map(number);
        vec![row.position.to_string(), over.to_owned(), plain, reduced, optional(row.ratio)]
    };
    at_moments("Variance after a mega-batch", rows, &heads, |row| &row.at, cells)
}

/// Successive steps.
pub(super) fn steps(rows: &[StepRow]) -> String {
    let heads = ["pairs", "cosine of the directions", "cosine of the noises"];
    let cells = |row: &StepRow| vec![row.pairs.to_string(), number(row.direction_cosine), number(row.noise_cosine)];
    at_moments("Successive steps", rows, &heads, |row| &row.at, cells)
}

/// Each tensor's share of the plain variance, and the geometric mean of its ratio at every place, over epochs after the
/// first and seeds.
pub(super) fn tensors(rows: &[TensorRow]) -> String {
    let rows: Vec<&TensorRow> = rows.iter().filter(|row| row.at.epoch > 1).collect();
    let mut places = distinct(rows.iter().map(|row| row.at.percent));
    places.sort_by(f64::total_cmp);
    let heads: Vec<String> = places.iter().map(|place| format!("ratio at {place} %")).collect();
    let heads: Vec<&str> =
        ["model", "method", "tensor", "share (%)"].into_iter().chain(heads.iter().map(String::as_str)).collect();
    let mut lines = Vec::new();
    for (model, method) in distinct(rows.iter().map(|row| (&row.at.model, &row.at.method))) {
        let same: Vec<&TensorRow> =
            rows.iter().copied().filter(|row| (&row.at.model, &row.at.method) == (model, method)).collect();
        let variance =
            |index: usize| same.iter().filter_map(|row| row.tensors.get(index)).map(|t| t.sgd_variance).sum();
        let count = same.first().map_or(0, |row| row.tensors.len());
        let all: f64 = (0..count).map(variance).sum();
        for index in 0..count {
            let mean = |&place: &f64| {
                let there = same.iter().filter(|row| row.at.percent == place).filter_map(|row| row.tensors.get(index));
                optional(geometric_mean(&there.filter_map(|tensor| tensor.ratio).collect::<Vec<_>>()))
            };
            let share: f64 = variance(index);
            let name =
                [escape(model), escape(method), escape(&same[0].tensors[index].name), number(100.0 * share / all)];
            lines.push(name.into_iter().chain(places.iter().map(mean)).collect());
        }
    }
    folded(lines.len(), &table("Variance in each tensor", &heads, "numbers", lines.into_iter()))
}
