//! The algorithms of a convolution: the direct sum or Winograd's, as its shape and direction say.

use super::correlation::{Correlate, Correlation};
use super::few_positions::FewPositions;
use super::grad_weights::GradWeights;
use super::packing::Weights;
use super::weight_grad::WeightGrad;
use super::winograd;
use crate::{Affine, Isa};

/// The plan of a forward pass or an input gradient.
#[derive(Clone, Debug)]
pub(super) enum Correlations {
    /// Direct sums, one for each phase of the outputs.
    Direct(Vec<Correlation>),
    Winograd(winograd::Correlation),
}

impl Correlations {
    pub fn scratch_len(&self) -> usize {
        match self {
            Self::Direct(phases) => phases.iter().map(Correlation::scratch_len).max().unwrap_or(0),
            Self::Winograd(plan) => plan.scratch_len(),
        }
    }

    pub fn packed_len(&self) -> usize {
        match self {
            Self::Direct(phases) => phases.iter().map(Correlation::packed_len).sum(),
            Self::Winograd(plan) => plan.packed_len(),
        }
    }

    /// Packs weights that lie as `weights(phase)` says.
    pub fn pack<'a>(&self, weights: impl Fn(usize) -> Weights<'a>, mut packed: &mut [f32]) {
        match self {
            Self::Direct(phases) => {
                for (phase, plan) in phases.iter().enumerate() {
                    let (part, rest) = packed.split_at_mut(plan.packed_len());
                    packed = rest;
                    plan.pack(weights(phase), part);
                }
            }
            Self::Winograd(plan) => plan.pack(weights(0), packed),
        }
    }

    /// Runs it on slices whose lengths are checked.
    pub fn run(
        &self,
        isa: Isa,
        input: &[f32],
        prologue: Option<Affine>,
        mut packed: &[f32],
        bias: Option<&[f32]>,
        accumulate: bool,
        output: &mut [f32],
        scratch: &mut [f32],
    ) {
        match self {
            Self::Direct(phases) => {
                for plan in phases {
                    let (part, rest) = packed.split_at(plan.packed_len());
                    packed = rest;
                    let (output, scratch) = (&mut *output, &mut *scratch);
                    isa.run(Correlate { plan, input, prologue, packed: part, bias, accumulate, output, scratch });
                }
            }
            Self::Winograd(plan) => {
                isa.run(winograd::Correlate { plan, input, prologue, packed, bias, accumulate, output, scratch });
            }
        }
    }
}

/// The plan of a weight gradient.
#[derive(Clone, Debug)]
pub(super) enum WeightGrads {
    Direct(WeightGrad),
    FewPositions(FewPositions),
    Winograd(winograd::WeightGrad),
}

impl WeightGrads {
    pub fn scratch_len(&self) -> usize {
        match self {
            Self::Direct(plan) => plan.scratch_len(),
            Self::FewPositions(plan) => plan.scratch_len(),
            Self::Winograd(plan) => plan.scratch_len(),
        }
    }

    /// Runs it on slices whose lengths are checked.
    pub fn run(
        &self,
        isa: Isa,
        input: &[f32],
        prologue: Option<Affine>,
        grad_output: &[f32],
        grad_weights: &mut [f32],
        scratch: &mut [f32],
    ) {
        match self {
            Self::Direct(plan) => {
                isa.run(GradWeights { plan, input, prologue, grad_output, grad_weights, scratch });
            }
            Self::FewPositions(plan) => {
                isa.run(GradWeights { plan, input, prologue, grad_output, grad_weights, scratch });
            }
            Self::Winograd(plan) => {
                isa.run(GradWeights { plan, input, prologue, grad_output, grad_weights, scratch });
            }
        }
    }
}
