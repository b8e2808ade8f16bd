//! Rows of gradient tables in bfloat16, as `vr_optim`'s tables round them.

use super::{Address, Grid};

kernel! {
    /// Rounds to the nearest, ties to even.
    WriteBf16 = "write_bf16", |of| Grid::Elements(of.len),
    {
        /// The numbers.
        x: Address<f32>,
        /// The row, written.
        row: Address<u16>,
        /// What the row then holds, written; or NULL. It may be x.
        rounded: Address<f32>,
        /// Elements.
        len: usize,
    }
}

kernel! {
    /// What a row holds.
    ReadBf16 = "read_bf16", |of| Grid::Elements(of.len),
    {
        /// The row.
        row: Address<u16>,
        /// Written.
        x: Address<f32>,
        /// Elements.
        len: usize,
    }
}
