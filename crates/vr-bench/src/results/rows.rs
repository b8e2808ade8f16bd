//! The rows of results in a form that can be compared.

use std::collections::BTreeMap;

use serde::Serialize;

use super::diagnostics::Diagnostics;
use super::{Divergence, EpochRow, Point};

/// The rows of each method and seed.
pub type Rows = BTreeMap<(String, u64), Vec<String>>;

/// Points, diagnostics, epochs and divergences by method and seed, each as JSON, sorted. The variances of single tensors,
/// which a result leaves to a file of their own, are left out.
///
/// # Errors
/// When a row cannot be written as JSON.
pub fn rows_by_run<'a>(
    of: impl IntoIterator<Item = (&'a Vec<Point>, &'a Diagnostics, &'a Vec<EpochRow>, &'a [Divergence])>,
) -> Result<Rows, serde_json::Error> {
    let mut rows = Rows::new();
    let mut add = |method: &str, seed: u64, row: &dyn Row| -> Result<(), serde_json::Error> {
        rows.entry((method.to_owned(), seed)).or_default().push(row.json()?);
        Ok(())
    };
    for (points, diagnostics, epochs, diverged) in of {
        points.iter().try_for_each(|row| add(&row.method, row.seed, row))?;
        diagnostics.geometry.iter().try_for_each(|row| add(&row.at.method, row.at.seed, row))?;
        diagnostics.positions.iter().try_for_each(|row| add(&row.at.method, row.at.seed, row))?;
        diagnostics.steps.iter().try_for_each(|row| add(&row.at.method, row.at.seed, row))?;
        epochs.iter().try_for_each(|row| add(&row.method, row.seed, row))?;
        diverged.iter().try_for_each(|row| add(&row.method, row.seed, row))?;
    }
    rows.values_mut().for_each(|rows| rows.sort());
    Ok(rows)
}

trait Row {
    fn json(&self) -> Result<String, serde_json::Error>;
}

impl<T: Serialize> Row for T {
    fn json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string(self)
    }
}
