//! How an experiment tells of its progress without printing.

use std::collections::BTreeMap;

pub use vr_optim::RunMemory;
pub use vr_run::Silent;

use crate::results::Event;

/// Hears of an experiment's progress.
pub trait Observer: vr_run::Observer<Event> {
    /// A run is about to begin: the epochs that are left of each of its cells, by name, and what the largest of them keeps.
    fn begin(&self, _left: &BTreeMap<String, usize>, _largest: RunMemory) {}
}

impl Observer for Silent {}
