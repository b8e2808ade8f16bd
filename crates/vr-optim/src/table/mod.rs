//! A table of minibatch gradients: one row of P numbers for each minibatch.

mod file;

use std::collections::TryReserveError;
use std::path::{Path, PathBuf};

use half::bf16;
use vr_core::{FlatVector, Scalar};

use self::file::FileRows;

/// Where a table's rows are kept, and how precisely.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "kebab-case", deny_unknown_fields)]
pub enum TableStorage {
    /// In memory, as they are.
    #[default]
    Memory,
    /// In memory, rounded to bfloat16 (nearest, ties to even; f64 by way of f32): two bytes a number.
    Bf16,
    /// As they are in a nameless temporary file, which goes away with the table. Rows are read and
    /// written at their place; nothing but the system's page cache holds them in memory.
    File {
        /// Folder of the file; it must exist and have room.
        folder: PathBuf,
    },
}

/// A table could not be had, or a row not kept or read.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// More bytes than memory gives.
    #[error(
        "no memory for a gradient table of {rows} rows of {len} numbers ({bytes} bytes); bf16 halves an f32 table, file storage needs none"
    )]
    Memory {
        /// Rows.
        rows: usize,
        /// Numbers a row.
        len: usize,
        /// Bytes in all.
        bytes: u64,
    },
    /// The table's file failed.
    #[error("gradient table in `{}`: {action}, {bytes} bytes: {error}", folder.display())]
    File {
        /// Folder of the file.
        folder: PathBuf,
        /// What was being done.
        action: &'static str,
        /// How many bytes that concerned.
        bytes: u64,
        /// What the system says.
        #[source]
        error: std::io::Error,
    },
}

impl TableStorage {
    /// [`Memory`](Self::Memory) where a table of `rows` rows of `len` numbers takes at most
    /// `limit_bytes`, otherwise a file in `folder`. It never chooses bf16, which changes results.
    ///
    /// The run's own folder is a good one: the system's folder for temporary files is often memory.
    pub fn within<S: Scalar>(limit_bytes: u64, folder: &Path, rows: usize, len: usize) -> Self {
        if GradientTable::<S>::bytes(&Self::Memory, rows, len) <= limit_bytes {
            Self::Memory
        } else {
            Self::File { folder: folder.to_owned() }
        }
    }
}

/// The gradients of a run's minibatches.
#[derive(Debug)]
pub struct GradientTable<S> {
    store: Store<S>,
}

#[derive(Debug)]
enum Store<S> {
    Memory(Vec<FlatVector<S>>),
    Bf16 { rows: Vec<Vec<bf16>>, rounded: FlatVector<S> },
    File(FileRows),
}

impl<S> Default for GradientTable<S> {
    /// No rows.
    fn default() -> Self {
        Self { store: Store::Memory(Vec::new()) }
    }
}

impl<S: Scalar> GradientTable<S> {
    /// `rows` rows of zeros, of `len` numbers each. Memory and disk space are taken here, so that
    /// a lack of either shows before the run starts.
    ///
    /// # Errors
    /// When the storage cannot be had.
    pub fn new(storage: &TableStorage, rows: usize, len: usize) -> Result<Self, TableError> {
        let bytes = Self::bytes(storage, rows, len);
        let memory = |_| TableError::Memory { rows, len, bytes };
        let store = match storage {
            TableStorage::Memory => {
                Store::Memory(zeros(rows, len).map_err(memory)?.into_iter().map(FlatVector::from).collect())
            }
            TableStorage::Bf16 => {
                Store::Bf16 { rows: zeros(rows, len).map_err(memory)?, rounded: FlatVector::zeros(len) }
            }
            TableStorage::File { folder } => Store::File(FileRows::new(folder, rows, len * size_of::<S>())?),
        };
        Ok(Self { store })
    }

    /// Bytes, of memory or of disk, that `rows` rows of `len` numbers take.
    pub fn bytes(storage: &TableStorage, rows: usize, len: usize) -> u64 {
        let number = if *storage == TableStorage::Bf16 { size_of::<bf16>() } else { size_of::<S>() };
        (rows as u64).saturating_mul(len as u64).saturating_mul(number as u64)
    }

    /// Puts a row in its place and returns it as it is kept. Whoever averages the table must
    /// average that, or the control variate is biased by the rounding.
    ///
    /// # Errors
    /// When the storage fails.
    ///
    /// # Panics
    /// When there is no such row or its length differs.
    pub fn write<'a>(&'a mut self, row: usize, gradient: &'a [S]) -> Result<&'a [S], TableError> {
        match &mut self.store {
            Store::Memory(rows) => rows[row].copy_from_slice(gradient),
            Store::Bf16 { rows, rounded } => {
                rounded.copy_from_slice(gradient);
                for (kept, number) in rows[row].iter_mut().zip(rounded.iter_mut()) {
                    *kept = bf16::from_f32(number.to_f64() as f32);
                    *number = S::from_f64(kept.to_f64());
                }
                return Ok(rounded);
            }
            Store::File(file) => file.write(row, bytemuck::cast_slice(gradient))?,
        }
        Ok(gradient)
    }

    /// A row: where it is kept, or copied to `buffer`.
    ///
    /// # Errors
    /// When the storage fails.
    ///
    /// # Panics
    /// When there is no such row or the buffer's length differs.
    pub fn row<'a>(&'a self, row: usize, buffer: &'a mut FlatVector<S>) -> Result<&'a [S], TableError> {
        match &self.store {
            Store::Memory(rows) => return Ok(&rows[row]),
            Store::Bf16 { rows, .. } => {
                assert_eq!(buffer.len(), rows[row].len(), "a buffer of another length");
                for (number, kept) in buffer.iter_mut().zip(&rows[row]) {
                    *number = S::from_f64(kept.to_f64());
                }
            }
            Store::File(file) => file.read(row, bytemuck::cast_slice_mut(buffer))?,
        }
        Ok(buffer)
    }
}

/// Rows of zeros, or an error where the allocator has no more.
fn zeros<T: Clone + Default>(rows: usize, len: usize) -> Result<Vec<Vec<T>>, TryReserveError> {
    let row = || {
        let mut row = Vec::new();
        row.try_reserve_exact(len)?;
        row.resize(len, T::default());
        Ok(row)
    };
    (0..rows).map(|_| row()).collect()
}
