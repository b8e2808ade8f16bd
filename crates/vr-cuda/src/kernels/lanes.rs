//! Minibatches as the CPU has them.

use super::{Address, Grid};

kernel! {
    /// `y[n][v] = blocks[n / 16][v][n % 16]`: pictures out of the lane blocks of a [`Batch`](vr_core::Batch).
    FromLanes = "from_lanes", |of| Grid::Elements(of.len),
    {
        /// `[⌈N / 16⌉][row][16]`.
        blocks: Address<f32>,
        /// `[N][row]`, written.
        y: Address<f32>,
        /// N · row.
        len: usize,
        /// Elements of a sample.
        row: usize,
    }
}
