//! What a cell's `metrics.jsonl` holds.

use serde::{Deserialize, Serialize};

use super::CellResult;
use crate::results::diagnostics::{GeometryRow, PositionRow, StepRow, TensorRow};
use crate::results::{Divergence, EpochRow, Point};

/// One line of `metrics.jsonl`. It holds no time, so that equal runs have equal logs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Event {
    /// A variance was measured.
    Variance(Point),
    /// The same, for each tensor.
    Tensors(TensorRow),
    /// The distance from the snapshot was measured.
    Geometry(GeometryRow),
    /// The variance after a mega-batch was measured.
    Position(PositionRow),
    /// Successive steps were compared.
    Steps(StepRow),
    /// An epoch is over.
    Epoch(EpochRow),
    /// The run diverged and ends here.
    Diverged(Divergence),
}

impl FromIterator<Event> for CellResult {
    fn from_iter<I: IntoIterator<Item = Event>>(events: I) -> Self {
        let mut result = Self::default();
        for event in events {
            match event {
                Event::Variance(point) => result.points.push(point),
                Event::Tensors(row) => result.diagnostics.tensors.push(row),
                Event::Geometry(row) => result.diagnostics.geometry.push(row),
                Event::Position(row) => result.diagnostics.positions.push(row),
                Event::Steps(row) => result.diagnostics.steps.push(row),
                Event::Epoch(row) => result.epochs.push(row),
                Event::Diverged(divergence) => result.diverged = Some(divergence),
            }
        }
        result
    }
}
