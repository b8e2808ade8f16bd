//! Convolutions of one lane block: forward, input gradient and weight gradient.

mod accumulators;
mod ahead;
mod algorithms;
mod correlation;
mod few_positions;
mod gather;
mod grad_weights;
mod lane_sums;
mod layouts;
mod linear;
mod outer;
mod packing;
mod phases;
mod shape;
mod simd;
mod tile;
mod transpose;
mod weight_grad;
mod winograd;

use algorithms::{Correlations, WeightGrads};
pub use linear::{LinearGrad, PackedBlock};
use packing::Weights;
use phases::{Taps, backward, forward, weight_grad};
pub use shape::ConvShape;

use crate::{Affine, Isa, LANES};

/// The plan of a convolution: how its kernels walk over a picture.
///
/// All tensors are of one lane block: inputs `[in_channels][height][width][16]`, outputs
/// `[out_channels][out_height][out_width][16]`, weights `[out_channels][in_channels / groups][kernel][kernel]`.
/// Tensors that start on a cache line are read and written fastest.
///
/// The channels of a group are neighbours in every tensor, so each kernel goes through the groups one after another,
/// each a convolution of its own.
#[derive(Clone, Debug)]
pub struct ConvPlan {
    shape: ConvShape,
    /// The shape of a group, and how its kernels walk.
    group: ConvShape,
    forward: Correlations,
    backward: Correlations,
    weight_grad: WeightGrads,
}

impl ConvPlan {
    /// Plans the convolutions of a shape.
    ///
    /// # Panics
    /// If a size is zero, the groups do not divide the channels, the kernel is larger than the padded picture, or the
    /// tensors do not fit into memory.
    pub fn new(shape: ConvShape) -> Self {
        shape.check();
        let group = shape.group();
        Self { shape, group, forward: forward(&group), backward: backward(&group), weight_grad: weight_grad(&group) }
    }

    /// The shape that it was planned for.
    pub fn shape(&self) -> &ConvShape {
        &self.shape
    }

    /// Floats of scratch that each kernel needs.
    pub fn scratch_len(&self) -> usize {
        let correlations = self.forward.scratch_len().max(self.backward.scratch_len());
        correlations.max(self.weight_grad.scratch_len()) + LANES
    }

    /// Floats of packed weights, forward or backward.
    pub fn packed_len(&self) -> usize {
        self.shape.groups * self.group_packed_len()
    }

    fn group_packed_len(&self) -> usize {
        self.forward.packed_len().max(self.backward.packed_len())
    }

    /// Packs weights for [`forward`](Self::forward).
    ///
    /// # Panics
    /// If a slice is not of the shape's length.
    pub fn pack_forward(&self, weights: &[f32], packed: &mut [f32]) {
        let ConvShape { in_channels, kernel, .. } = self.group;
        let [channels, kernel] = [in_channels, kernel].map(|n| n as isize);
        let strides = [channels * kernel * kernel, kernel * kernel, kernel, 1];
        for (values, packed) in self.groups_of_weights(weights, packed) {
            self.forward.pack(|_| Weights { values, first: 0, strides }, packed);
        }
    }

    /// Packs weights for [`input_grad`](Self::input_grad).
    ///
    /// # Panics
    /// If a slice is not of the shape's length.
    pub fn pack_backward(&self, weights: &[f32], packed: &mut [f32]) {
        let ConvShape { in_channels, kernel, stride, padding, .. } = self.group;
        let last = |phase| Taps::new(phase, kernel, stride, padding).last(stride);
        let first = |phase| last(phase / stride) * kernel + last(phase % stride);
        // The plan's inputs are the outputs of the convolution, and its taps run backwards.
        let [channels, kernel, stride] = [in_channels, kernel, stride].map(|n| n as isize);
        let strides = [kernel * kernel, channels * kernel * kernel, -stride * kernel, -stride];
        for (values, packed) in self.groups_of_weights(weights, packed) {
            self.backward.pack(|phase| Weights { values, first: first(phase), strides }, packed);
        }
    }

    /// Each group's weights and its packed ones.
    fn groups_of_weights<'a>(
        &self,
        weights: &'a [f32],
        packed: &'a mut [f32],
    ) -> impl Iterator<Item = (&'a [f32], &'a mut [f32])> {
        assert_eq!(weights.len(), self.shape.weights(), "weights");
        assert_eq!(packed.len(), self.packed_len(), "packed weights");
        weights.chunks_exact(self.group.weights()).zip(packed.chunks_exact_mut(self.group_packed_len()))
    }

    /// The convolution: `output[o](y, x) = bias[o] + Σ weights[o][c](ky, kx) ·
    /// prologue(input[c])(y · stride + ky − padding, x · stride + kx − padding)`, zeros outside, over the inputs c of
    /// the group of o.
    ///
    /// # Panics
    /// If a slice is not of the shape's length.
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
        let shape = &self.shape;
        assert_eq!(input.len(), shape.input_len(), "input");
        assert_eq!(output.len(), shape.output_len(), "output");
        assert_eq!(packed.len(), self.packed_len(), "packed weights");
        if let Some(prologue) = prologue {
            prologue.check(shape.in_channels);
        }
        if let Some(bias) = bias {
            assert_eq!(bias.len(), shape.out_channels, "bias");
        }
        let scratch = self.aligned(scratch);
        let group = &self.group;
        let parts = input.chunks_exact(group.input_len()).zip(packed.chunks_exact(self.group_packed_len()));
        for (i, ((input, packed), output)) in parts.zip(output.chunks_exact_mut(group.output_len())).enumerate() {
            let prologue = self.prologue_of(prologue, i);
            let bias = bias.map(|bias| &bias[i * group.out_channels..][..group.out_channels]);
            self.forward.run(isa, input, prologue, packed, bias, false, output, scratch);
        }
    }

    /// The gradient of the (mapped) input: `grad_input[c](y, x) = Σ weights[o][c](ky, kx) ·
    /// grad_output[o](oy, ox)` over the outputs and taps that read `(y, x)`; with `accumulate`
    /// added to what `grad_input` holds.
    ///
    /// # Panics
    /// If a slice is not of the shape's length.
    pub fn input_grad(
        &self,
        isa: Isa,
        grad_output: &[f32],
        packed: &[f32],
        grad_input: &mut [f32],
        accumulate: bool,
        scratch: &mut [f32],
    ) {
        assert_eq!(grad_output.len(), self.shape.output_len(), "grad_output");
        assert_eq!(grad_input.len(), self.shape.input_len(), "grad_input");
        assert_eq!(packed.len(), self.packed_len(), "packed weights");
        let scratch = self.aligned(scratch);
        let group = &self.group;
        let parts = grad_output.chunks_exact(group.output_len()).zip(packed.chunks_exact(self.group_packed_len()));
        for ((grad_output, packed), grad_input) in parts.zip(grad_input.chunks_exact_mut(group.input_len())) {
            self.backward.run(isa, grad_output, None, packed, None, accumulate, grad_input, scratch);
        }
    }

    /// The gradient of the weights over this block's lanes and positions: `grad_weights[o][c](ky, kx) =
    /// Σ grad_output[o](y, x) · prologue(input[c])(y · stride + ky − padding, x · stride + kx − padding)`.
    ///
    /// # Panics
    /// If a slice is not of the shape's length.
    pub fn weight_grad(
        &self,
        isa: Isa,
        input: &[f32],
        prologue: Option<Affine>,
        grad_output: &[f32],
        grad_weights: &mut [f32],
        scratch: &mut [f32],
    ) {
        let shape = &self.shape;
        assert_eq!(input.len(), shape.input_len(), "input");
        assert_eq!(grad_output.len(), shape.output_len(), "grad_output");
        assert_eq!(grad_weights.len(), shape.weights(), "grad_weights");
        if let Some(prologue) = prologue {
            prologue.check(shape.in_channels);
        }
        let scratch = self.aligned(scratch);
        let group = &self.group;
        let parts = input.chunks_exact(group.input_len()).zip(grad_output.chunks_exact(group.output_len()));
        for (i, ((input, grad_output), grad_weights)) in
            parts.zip(grad_weights.chunks_exact_mut(group.weights())).enumerate()
        {
            let prologue = self.prologue_of(prologue, i);
            self.weight_grad.run(isa, input, prologue, grad_output, grad_weights, scratch);
        }
    }

    /// A group's part of a prologue.
    fn prologue_of<'a>(&self, prologue: Option<Affine<'a>>, group: usize) -> Option<Affine<'a>> {
        let first = group * self.group.in_channels;
        prologue.map(|prologue| prologue.of_channels(first..first + self.group.in_channels))
    }

    fn aligned<'a>(&self, scratch: &'a mut [f32]) -> &'a mut [f32] {
        assert!(scratch.len() >= self.scratch_len(), "scratch of {} floats", self.scratch_len());
        simd::aligned(scratch)
    }
}
