//! Batch normalisation, `y = relu(gamma · (x − mean) / √(var + eps) + beta)`, over lane blocks.

mod backward;
mod moments;

pub use backward::{InputGradient, NormBackward, NormSums};
pub use moments::{Moments, fold, moments};
