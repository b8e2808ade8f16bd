//! Printing to readers that may go away.

use std::fmt::Arguments;
use std::io::{ErrorKind, Result, Write, stderr, stdout};

/// Prints a line to standard output, as `println` does, but fails where that would panic.
macro_rules! say {
    ($($text:tt)*) => { $crate::print::line(format_args!($($text)*)) };
}

/// Prints a line, or nothing where nobody reads any more: `head` has seen enough.
pub fn line(text: Arguments<'_>) -> Result<()> {
    match writeln!(stdout(), "{text}") {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        printed => printed,
    }
}

/// Prints a line to standard error, if it can be written.
pub fn complain(text: Arguments<'_>) {
    writeln!(stderr(), "{text}").ok();
}

/// A table in columns as wide as their longest text.
pub fn aligned(headings: &[String], rows: &[Vec<String>]) -> String {
    let lines = || std::iter::once(headings).chain(rows.iter().map(Vec::as_slice));
    let width = |column: usize| {
        lines().filter_map(|line| line.get(column)).map(|cell| cell.chars().count()).max().unwrap_or_default()
    };
    let widths: Vec<usize> = (0..headings.len()).map(width).collect();
    let line = |cells: &[String]| {
        let cells = cells.iter().zip(&widths).map(|(cell, &width)| format!("{cell:width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    lines().map(line).collect::<Vec<_>>().join("\n")
}
