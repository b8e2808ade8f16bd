//! How an experiment tells of its progress without printing.

pub use vr_optim::RunMemory;
pub use vr_run::Silent;

use crate::results::Event;

/// Hears of an experiment's progress.
pub trait Observer: vr_run::Observer<Event> {
    /// A run of so many cells is about to begin; the largest of them keeps so much.
    fn begin(&self, _cells: usize, _largest: RunMemory) {}
}

impl Observer for Silent {}
