//! The page and the figures of a run, drawn and judged again from what its folder holds.

use std::path::Path;

use super::{drawn, find, judged, train};
use crate::error::BenchError;
use crate::recorded;
use crate::report::report_html;
use crate::results::tensor_table::TensorTable;
use crate::results::{EpochTime, ExperimentResult};
use crate::run_dir::{self, Figure};

/// The page that a report shows, of the run in `out`, finished or under way: drawn by this version, and judged by its rules
/// where the run is finished. Writes nothing.
///
/// # Errors
/// As [`recorded::result`]; when a figure cannot be drawn.
pub fn page(out: &Path) -> Result<String, BenchError> {
    let (result, times, figures) = again(out)?;
    let titled: Vec<(&str, &str)> = figures.iter().map(|(_, title, svg)| (title.as_str(), svg.as_str())).collect();
    Ok(report_html(&result, &times, &titled, &run_dir::read_manifest(out)?))
}

/// The figures of that page as SVG texts, each with its name. Writes nothing.
///
/// # Errors
/// As [`page`].
pub fn figures(out: &Path) -> Result<Vec<(&'static str, String)>, BenchError> {
    Ok(again(out)?.2.into_iter().map(|(name, _, svg)| (name, svg)).collect())
}

/// What a run found, how long it took, and its figures.
fn again(out: &Path) -> Result<(ExperimentResult, Vec<EpochTime>, Vec<Figure>), BenchError> {
    let (mut result, times) = recorded::result(out)?;
    if run_dir::read_result(out)?.is_some() {
        result.diagnostics.tensors = run_dir::read_tensors(out)?.iter().flat_map(TensorTable::rows).collect();
        result = judged(result);
    }
    let experiment = find(&result.experiment);
    let figures = drawn(experiment.map_or(train::figures as _, |experiment| experiment.figures)(&result))?;
    Ok((result, times, figures))
}
