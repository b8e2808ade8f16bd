//! Linear layers over several lane blocks at once.

use std::ops::Range;

use super::correlation::{Correlate, Correlation};
use super::gather::Window;
use super::simd::aligned;
use super::weight_grad::{GradWeights, WeightGrad};
use crate::{Affine, Isa, LANES};

/// The plan of a linear layer over `blocks` lane blocks: a convolution over a picture of one row,
/// with a column for each block.
///
/// Inputs are `[in_features][16]` at every `input_stride` floats, outputs `[out_features][16]` at
/// every `output_stride` floats, weights `[out_features][in_features]`. Forward and input gradient
/// parallelise by plans over fewer blocks, the weight gradient by ranges of output features; no
/// result depends on either.
#[derive(Clone, Debug)]
pub struct Linear {
    in_features: usize,
    out_features: usize,
    input_len: usize,
    output_len: usize,
    forward: Correlation,
    backward: Correlation,
    weight_grad: WeightGrad,
}

impl Linear {
    /// Plans a layer from `in_features` to `out_features` over `blocks` lane blocks.
    ///
    /// # Panics
    /// If a size is zero, or a stride shorter than a block.
    pub fn new(
        in_features: usize,
        out_features: usize,
        blocks: usize,
        input_stride: usize,
        output_stride: usize,
    ) -> Self {
        assert!(in_features > 0 && out_features > 0 && blocks > 0, "a size of zero");
        assert!(input_stride >= in_features * LANES, "blocks of inputs that overlap");
        assert!(output_stride >= out_features * LANES, "blocks of outputs that overlap");
        let window = |stride| Window {
            height: 1,
            width: blocks,
            strides: [LANES, 0, stride],
            taps_y: 1,
            taps_x: 1,
            stride: 1,
            origin_y: 0,
            origin_x: 0,
            columns: blocks,
        };
        let (inputs, outputs) = ([LANES, 0, input_stride], [LANES, 0, output_stride]);
        Self {
            in_features,
            out_features,
            input_len: (blocks - 1) * input_stride + in_features * LANES,
            output_len: (blocks - 1) * output_stride + out_features * LANES,
            forward: Correlation::new(window(input_stride), [in_features, out_features, 1], outputs, 0),
            backward: Correlation::new(window(output_stride), [out_features, in_features, 1], inputs, 0),
            weight_grad: WeightGrad::new(window(input_stride), [in_features, out_features, 1], outputs),
        }
    }

    /// Floats of scratch that each kernel needs.
    pub fn scratch_len(&self) -> usize {
        let correlations = self.forward.scratch_len().max(self.backward.scratch_len());
        correlations.max(self.weight_grad.scratch_len()) + LANES
    }

    /// Floats of packed weights, forward or backward: as many as there are weights.
    pub fn packed_len(&self) -> usize {
        self.in_features * self.out_features
    }

    /// Packs weights for [`forward`](Self::forward).
    ///
    /// # Panics
    /// If a slice has not one value for each weight.
    pub fn pack_forward(&self, weights: &[f32], packed: &mut [f32]) {
        assert_eq!(weights.len(), self.packed_len(), "weights");
        assert_eq!(packed.len(), self.packed_len(), "packed weights");
        self.forward.pack(|o, i, _, _| weights[o * self.in_features + i], packed);
    }

    /// Packs weights for [`input_grad`](Self::input_grad).
    ///
    /// # Panics
    /// If a slice has not one value for each weight.
    pub fn pack_backward(&self, weights: &[f32], packed: &mut [f32]) {
        assert_eq!(weights.len(), self.packed_len(), "weights");
        assert_eq!(packed.len(), self.packed_len(), "packed weights");
        self.backward.pack(|i, o, _, _| weights[o * self.in_features + i], packed);
    }

    /// `output[o] = bias[o] + Σ weights[o][i] · prologue(input[i])`, for all blocks.
    ///
    /// # Panics
    /// If a slice is not of the plan's length.
    pub fn forward(
        &self,
        isa: Isa,
        input: &[f32],
        prologue: Option<Affine>,
        packed: &[f32],
        bias: Option<&[f32]>,
        output: &mut [f32],
        scratch: &mut [f32],
    ) {
        self.check(input, output, Some(packed), prologue);
        if let Some(bias) = bias {
            assert_eq!(bias.len(), self.out_features, "bias");
        }
        let scratch = self.aligned(scratch);
        let plan = &self.forward;
        isa.run(Correlate { plan, input, prologue, packed, bias, accumulate: false, output, scratch });
    }

    /// `grad_input[i] = Σ weights[o][i] · grad_output[o]`, for all blocks; with `accumulate` added to
    /// what `grad_input` holds.
    ///
    /// # Panics
    /// If a slice is not of the plan's length.
    pub fn input_grad(
        &self,
        isa: Isa,
        grad_output: &[f32],
        packed: &[f32],
        grad_input: &mut [f32],
        accumulate: bool,
        scratch: &mut [f32],
    ) {
        self.check(grad_input, grad_output, Some(packed), None);
        let scratch = self.aligned(scratch);
        isa.run(Correlate {
            plan: &self.backward,
            input: grad_output,
            prologue: None,
            packed,
            bias: None,
            accumulate,
            output: grad_input,
            scratch,
        });
    }

    /// `grad_weights[o][i] = Σ grad_output[o] · prologue(input[i])` over all blocks and lanes, for the
    /// output features `outputs`: over the blocks in order, then over the lanes.
    ///
    /// # Panics
    /// If a slice is not of the plan's length, or the range not within the output features.
    pub fn weight_grad(
        &self,
        isa: Isa,
        input: &[f32],
        prologue: Option<Affine>,
        grad_output: &[f32],
        outputs: Range<usize>,
        grad_weights: &mut [f32],
        scratch: &mut [f32],
    ) {
        self.check(input, grad_output, None, prologue);
        assert!(outputs.start <= outputs.end && outputs.end <= self.out_features, "outputs");
        assert_eq!(grad_weights.len(), outputs.len() * self.in_features, "grad_weights");
        let scratch = self.aligned(scratch);
        let plan = &self.weight_grad;
        isa.run(GradWeights { plan, input, prologue, grad_output, outputs, grad_weights, scratch });
    }

    fn check(&self, input: &[f32], output: &[f32], packed: Option<&[f32]>, prologue: Option<Affine>) {
        assert!(input.len() >= self.input_len, "input or its gradient");
        assert!(output.len() >= self.output_len, "output or its gradient");
        if let Some(packed) = packed {
            assert_eq!(packed.len(), self.packed_len(), "packed weights");
        }
        if let Some(prologue) = prologue {
            prologue.check(self.in_features);
        }
    }

    fn aligned<'a>(&self, scratch: &'a mut [f32]) -> &'a mut [f32] {
        assert!(scratch.len() >= self.scratch_len(), "scratch of {} floats", self.scratch_len());
        aligned(scratch)
    }
}
