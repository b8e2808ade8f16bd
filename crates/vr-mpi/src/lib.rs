//! The messages of [`vr_optim::ranks`] between processes, by MPI.
//!
//! `World`, built in by the feature `mpi`, is a [`Communicator`](vr_optim::Communicator) for the processes that `mpirun`
//! started; [`encode`] and [`decode`] are what its messages look like on the wire.

mod wire;
#[cfg(feature = "mpi")]
mod world;

pub use wire::{decode, encode, values_len};
#[cfg(feature = "mpi")]
pub use world::{World, WorldError};
