//! The computations that a backward pass is made of.

use std::ops::Range;

use super::plan::{Region, View};
use crate::graph::Windows;

/// A range of channels in a slot for gradients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GradRegion {
    /// Which slot.
    pub slot: usize,
    /// First element.
    pub start: usize,
    /// Elements.
    pub len: usize,
}

impl GradRegion {
    /// Its elements in the slot.
    pub fn range(&self) -> Range<usize> {
        self.start..self.start + self.len
    }
}

/// Where a gradient goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target {
    /// The place.
    pub to: GradRegion,
    /// Whether it is added to what stands there.
    pub accumulate: bool,
}

/// One computation of the backward pass.
#[derive(Clone, Debug)]
pub enum Back {
    /// Zeros.
    Zero(GradRegion),
    /// Weight, bias and input gradients of a convolution.
    Conv {
        /// Which convolution.
        conv: usize,
        /// Its input.
        from: View,
        /// Gradient of its output.
        grad: GradRegion,
        /// Where its input's goes; `None` for the pictures.
        to: Option<Target>,
    },
    /// Adds up what a batch norm's gradient needs of the whole batch.
    NormSums {
        /// The prologue.
        prologue: usize,
        /// Gradient of its result.
        grad: GradRegion,
    },
    /// Gradient of a prologue's source.
    Norm {
        /// The prologue.
        prologue: usize,
        /// Gradient of its result.
        grad: GradRegion,
        /// Where it goes; the same place when it is replaced.
        to: Target,
    },
    /// Copies or adds.
    Pass {
        /// From here.
        grad: GradRegion,
        /// To here.
        to: Target,
    },
    /// Gradient of an exponential linear unit's input.
    Elu {
        /// Its output.
        value: Region,
        /// Gradient of its output.
        grad: GradRegion,
        /// Where its input's goes, over what stands there.
        to: GradRegion,
    },
    /// Gradient of a dropout's input.
    Dropout {
        /// Which mask.
        mask: usize,
        /// Gradient of its output.
        grad: GradRegion,
        /// Where its input's goes, over what stands there.
        to: GradRegion,
    },
    /// Gradient of a pooling's input.
    Pool {
        /// Maximum rather than mean.
        max: bool,
        /// The windows.
        windows: Windows,
        /// Its input.
        from: View,
        /// Gradient of its output.
        grad: GradRegion,
        /// Where its input's goes, over what stands there.
        to: GradRegion,
    },
}
