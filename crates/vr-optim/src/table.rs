//! A table of minibatch gradients: one row of P numbers for each minibatch.

use vr_core::{FlatVector, Scalar};

/// Where a table's rows are kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TableStorage {
    /// In memory, as they are.
    #[default]
    Memory,
}

/// A row could not be kept or read.
#[derive(Debug, thiserror::Error)]
pub enum TableError {}

/// The gradients of a run's minibatches.
#[derive(Clone, Debug)]
pub struct GradientTable<S> {
    rows: Vec<FlatVector<S>>,
}

impl<S: Scalar> GradientTable<S> {
    /// `rows` rows of zeros, of `len` numbers each.
    ///
    /// # Errors
    /// When the storage cannot be had.
    pub fn new(_storage: &TableStorage, rows: usize, len: usize) -> Result<Self, TableError> {
        Ok(Self { rows: vec![FlatVector::zeros(len); rows] })
    }

    /// Puts a row in its place.
    ///
    /// # Errors
    /// When the storage fails.
    pub fn write(&mut self, row: usize, gradient: &[S]) -> Result<(), TableError> {
        self.rows[row].copy_from_slice(gradient);
        Ok(())
    }

    /// A row: where it is kept, or copied to `buffer`.
    ///
    /// # Errors
    /// When the storage fails.
    pub fn row<'a>(&'a self, row: usize, _buffer: &'a mut FlatVector<S>) -> Result<&'a [S], TableError> {
        Ok(&self.rows[row])
    }
}
