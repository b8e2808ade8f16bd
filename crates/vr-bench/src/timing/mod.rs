//! How long steps and epochs take on this machine, and on several.

pub mod epoch;
pub mod loading;
pub mod ranks;
pub mod step;
