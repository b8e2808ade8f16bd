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
