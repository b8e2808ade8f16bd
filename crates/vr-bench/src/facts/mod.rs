//! Everything that runs measured as one long table: a row for each number, for pandas, polars, R or a spreadsheet.
//!
//! [`read()`] tells the [`Fact`]s of a run's folder, finished or under way; [`table()`] writes those of several runs. The
//! quantities with their units are in [`quantity`].

#[cfg(feature = "parquet")]
mod columns;
mod format;
mod of_row;
pub mod quantity;
mod read;
mod rows;
mod table;

pub use format::{Format, FormatError};
pub use of_row::{Facts, Of, Tell};
pub use quantity::Quantity;
pub use read::read;
pub use rows::COLUMNS;
pub use table::{table, write_table};

/// One number that a run measured, and of what.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fact<'a> {
    /// Whose it is.
    pub of: Of<'a>,
    /// Epoch, counted from 1.
    pub epoch: usize,
    /// How far through the epoch, in percent of its steps; 100 for what is of a whole epoch.
    pub percent: Option<f64>,
    /// Steps since the mega-batch; none for quantities that do not count them.
    pub step: Option<usize>,
    /// Which part of the run: a tensor's name, a policy of batch-norm statistics, or a form of the variance after a
    /// mega-batch; empty for the whole.
    pub part: &'a str,
    /// What was measured.
    pub quantity: &'static Quantity,
    /// The number, which need not be finite.
    pub value: f64,
}
