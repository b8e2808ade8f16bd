//! What a cell's `metrics.jsonl` holds.

use serde::{Deserialize, Serialize};

use crate::cell::CellResult;
use crate::results::{Divergence, EpochRow, Point};

/// One line of `metrics.jsonl`. It holds no time, so that equal runs have equal logs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Event {
    /// A variance was measured.
    Variance(Point),
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
                Event::Epoch(row) => result.epochs.push(row),
                Event::Diverged(divergence) => result.diverged = Some(divergence),
            }
        }
        result
    }
}
