//! How long steps and epochs take on this machine.

pub mod epoch;
pub mod loading;
pub mod step;
