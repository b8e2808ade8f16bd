//! What one cell measured.

use serde::{Deserialize, Serialize};

use super::diagnostics::Diagnostics;
use super::{Divergence, EpochRow, EpochTime, Point};

/// What a cell measured.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct CellResult {
    /// Variances.
    pub points: Vec<Point>,
    /// Epochs; of a run that diverged, those before.
    pub epochs: Vec<EpochRow>,
    /// Diagnostics beyond the variance of whole steps.
    #[serde(flatten)]
    pub diagnostics: Diagnostics,
    /// Where the run diverged, if it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub diverged: Option<Divergence>,
    /// Seconds of each epoch; kept apart, so that equal runs have equal results.
    #[serde(skip)]
    pub times: Vec<EpochTime>,
}
