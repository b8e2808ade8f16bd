//! Training runs that survive whatever ends a process: checkpoints, checked logs, locks, for any gradient oracle.

pub mod checkpoint;
pub mod config;
pub mod log;
pub mod position;
pub mod signals;

pub use checkpoint::{CheckpointError, CheckpointPolicy, Checkpoints};
pub use log::{Log, LogError};
pub use position::Position;
