//! What a plan of a weight gradient runs on.

use crate::Affine;

/// A plan and what it runs on, with lengths that `ConvPlan` checked.
pub(in crate::conv) struct GradWeights<'a, P> {
    pub plan: &'a P,
    pub input: &'a [f32],
    pub prologue: Option<Affine<'a>>,
    pub grad_output: &'a [f32],
    pub grad_weights: &'a mut [f32],
    /// From a cache line on.
    pub scratch: &'a mut [f32],
}
