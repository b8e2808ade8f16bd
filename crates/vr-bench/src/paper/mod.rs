//! All that the paper fixed: claims, published numbers, settings, schedule, minibatches, methods and scales.

pub mod alpha_svrg;
pub mod claims;
pub mod methods;
pub mod phases;
pub mod published;
pub mod scale;
pub mod schedule;
pub mod setting;
pub mod version;
