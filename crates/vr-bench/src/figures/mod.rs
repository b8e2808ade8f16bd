//! The figures, each drawn as SVG text; the Cargo feature `png` turns them into PNG too.
//!
//! Drawing units are about half a screen pixel: a figure is some 1600 units wide, so that the whole-unit coordinates
//! of the drawing library leave no visible steps.

mod average;
mod axis;
mod canvas;
mod curves;
mod epoch_curves;
mod legend;
mod marks;
pub(crate) mod palette;
mod panel;

pub mod beside;
pub mod bn_reset;
pub mod coefficient;
pub mod comparison;
pub mod correlation;
pub mod geometry;
pub mod grid;
pub mod learning_rate;
pub mod locking;
pub mod noise_scale;
#[cfg(feature = "png")]
pub mod png;
pub mod ratio_and_error;
#[cfg(test)]
pub(crate) mod render;
pub mod snapshot_interval;
pub mod streaming;
pub mod tensors;
pub mod test_error;
pub mod train_loss;
pub mod tuning;
pub mod variance_ratio;

pub(crate) use curves::distinct;

use thiserror::Error;

/// Why there is no figure.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum FigureError {
    /// There is nothing finite to draw.
    #[error("there is nothing to draw in the figure of {0}")]
    Empty(&'static str),
    /// The drawing library refused.
    #[error("drawing failed: {0}")]
    Draw(String),
    /// The SVG text cannot be read, or its size cannot be drawn.
    #[error("the SVG cannot be rendered: {0}")]
    Svg(String),
    /// The picture cannot be written as PNG.
    #[error("the PNG cannot be written: {0}")]
    Png(String),
}

impl<E: std::error::Error + Send + Sync> From<plotters::drawing::DrawingAreaErrorKind<E>> for FigureError {
    fn from(error: plotters::drawing::DrawingAreaErrorKind<E>) -> Self {
        Self::Draw(error.to_string())
    }
}
