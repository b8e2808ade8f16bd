//! Dropout, with the masks that `vr-models` draws.

use super::{Address, Grid};

kernel! {
    /// `y = x · (0 with probability rate, else 1 / (1 − rate))`: forward, and with the same key backward.
    Dropout = "dropout", |of| Grid::Elements((of.len / of.row.max(1)).saturating_mul(of.row.div_ceil(4))),
    {
        /// `[N][row]`, without gaps.
        x: Address<f32>,
        /// `[N][row]`, written or added to. It may be x.
        y: Address<f32>,
        /// Four words: see [`key_words`](super::key_words).
        key: Address<u32>,
        /// The sample that each of the N shows.
        samples: Address<u32>,
        /// How much is dropped out, in [0, 1).
        rate: f64,
        /// N · row.
        len: usize,
        /// Elements of a sample.
        row: usize,
        /// The first of the node's draws.
        draw: usize,
        /// Whether y is added to.
        add: bool,
    }
}
