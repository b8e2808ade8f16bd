//! How a run tells of its progress without printing, and how it is asked to stop.

use std::sync::atomic::{AtomicBool, Ordering};

/// Hears of a run's progress.
pub trait Observer<E>: Sync {
    /// Step `step` of `steps` of an epoch of a cell is done.
    fn tick(&self, _cell: &str, _epoch: usize, _step: usize, _steps: usize) {}
    /// A cell noted an event, `seconds` of training into its epoch.
    fn event(&self, _cell: &str, _event: &E, _seconds: f64) {}
    /// Whether the run should save itself and end; asked after every step and between the windows of
    /// a snapshot pass.
    fn stop(&self) -> bool {
        false
    }
}

/// Hears nothing.
#[derive(Clone, Copy, Debug)]
pub struct Silent;

impl<E> Observer<E> for Silent {}

/// Hears nothing, and asks to stop once it is set, as [`signals::listen`](crate::signals::listen) does.
impl<E> Observer<E> for AtomicBool {
    fn stop(&self) -> bool {
        self.load(Ordering::Relaxed)
    }
}
