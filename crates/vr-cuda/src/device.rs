//! The seam between plans and what runs them.

use std::fmt::Debug;

use crate::CudaError;
use crate::plan::Plan;

/// Something that runs plans: a GPU, or the host in its place.
pub trait Device: Debug + Send + Sync {
    /// A plan with memory of its own on the device.
    type Program: Program;

    /// Lays out memory for a plan, chooses how its convolutions are computed, and makes it ready to be run many times.
    ///
    /// # Errors
    /// When memory runs out, or the device refuses a command.
    fn compile(&self, plan: &Plan) -> Result<Self::Program, CudaError>;
}

/// A compiled plan with its memory. What is written stays until it is written again, or a run writes it.
pub trait Program: Debug + Send {
    /// Writes to the memory, from byte `at` on.
    ///
    /// # Errors
    /// When the bytes do not lie in the memory, or the device fails.
    fn write(&mut self, at: u64, bytes: &[u8]) -> Result<(), CudaError>;

    /// Runs all commands, after what was written before.
    ///
    /// # Errors
    /// When the device fails.
    fn run(&mut self) -> Result<(), CudaError>;

    /// Reads from the memory, from byte `at` on, what the runs before have left there.
    ///
    /// # Errors
    /// When the bytes do not lie in the memory, or the device fails.
    fn read(&mut self, at: u64, bytes: &mut [u8]) -> Result<(), CudaError>;
}
