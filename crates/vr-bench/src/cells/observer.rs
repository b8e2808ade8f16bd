//! How a run tells of its progress without printing.

pub use vr_optim::RunMemory;

use crate::results::{Divergence, EpochRow, Point};

/// Hears of a run's progress.
pub trait Observer: Sync {
    /// A run of so many cells is about to begin; the largest of them keeps so much.
    fn begin(&self, _cells: usize, _largest: RunMemory) {}
    /// Step `step` of `steps` of an epoch is done.
    fn tick(&self, method: &str, epoch: usize, step: usize, steps: usize);
    /// A variance was measured.
    fn point(&self, point: &Point);
    /// An epoch is over; its training took `seconds`.
    fn epoch(&self, row: &EpochRow, seconds: f64);
    /// A run diverged and ends here.
    fn diverged(&self, divergence: &Divergence);
    /// Whether the run should save itself and end; asked after every step and between the windows of
    /// a snapshot pass.
    fn stop(&self) -> bool {
        false
    }
}

/// Hears nothing.
#[derive(Clone, Copy, Debug)]
pub struct Silent;

impl Observer for Silent {
    fn tick(&self, _method: &str, _epoch: usize, _step: usize, _steps: usize) {}
    fn point(&self, _point: &Point) {}
    fn epoch(&self, _row: &EpochRow, _seconds: f64) {}
    fn diverged(&self, _divergence: &Divergence) {}
}
