//! Facts as the bytes of a table.

use std::path::{Path, PathBuf};

use super::format::Format;
use super::read;
use super::rows::{Csv, Json, Table};
use crate::error::BenchError;

/// The facts of runs, each with the name that the column `run` shows, as a table.
///
/// # Errors
/// As [`read()`]; [`FormatError::NotBuilt`](super::FormatError::NotBuilt).
pub fn table(format: Format, runs: &[(String, PathBuf)]) -> Result<Vec<u8>, BenchError> {
    let mut table: Box<dyn Table> = match format {
        Format::Csv => Box::new(Csv::new()),
        Format::Json => Box::new(Json::default()),
        #[cfg(feature = "parquet")]
        Format::Parquet => Box::new(super::columns::Parquet::new()?),
        #[cfg(not(feature = "parquet"))]
        Format::Parquet => return Err(super::format::FormatError::NotBuilt.into()),
    };
    for (name, folder) in runs {
        let mut failed = None;
        read(folder, name, &mut |fact| {
            if failed.is_none() {
                failed = table.row(&fact).err();
            }
        })?;
        failed.map_or(Ok(()), Err)?;
    }
    table.bytes()
}

/// Writes a [`table()`] to a file, which appears whole or not at all.
///
/// # Errors
/// As [`table()`]; when the file cannot be written.
pub fn write_table(format: Format, runs: &[(String, PathBuf)], file: &Path) -> Result<(), BenchError> {
    Ok(vr_files::write_atomic(file, &table(format, runs)?)?)
}
