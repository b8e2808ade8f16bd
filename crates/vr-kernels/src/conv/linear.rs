//! The weight gradient of linear layers, from all of a batch's lane blocks at once.

use std::iter;

use pulp::{Simd, WithSimd};

use super::accumulators::{Accumulate, MAX_COLUMNS, ROWS};
use super::tile::{Grid, Runs, Start, Tile};
use crate::{Affine, Isa, LANES};

/// The weight gradient of a linear layer: a product over samples, with features in the lanes.
///
/// Where a convolution's weight gradient sums over the positions of a picture and then over the
/// lanes, a linear layer has one position. So a block's inputs are transposed first, and each
/// weight's sum runs over the samples, in order.
#[derive(Clone, Debug)]
pub struct LinearGrad {
    in_features: usize,
    out_features: usize,
    /// Where each sample's inputs begin.
    offsets: [u32; LANES],
}

impl LinearGrad {
    /// Output features of a part of the gradient; the last part may have fewer.
    pub const OUTPUTS: usize = ROWS;

    /// For a layer from `in_features` to `out_features`.
    ///
    /// # Panics
    /// If either is zero, or a block's values are 2³² or more.
    pub fn new(in_features: usize, out_features: usize) -> Self {
        assert!(in_features > 0 && out_features > 0, "a size of zero");
        for features in [in_features, out_features] {
            let values = features.checked_mul(LANES).is_some_and(|values| u32::try_from(values).is_ok());
            assert!(values, "{features} features: a block of 2³² values or more");
        }
        Self { in_features, out_features, offsets: std::array::from_fn(|lane| (lane * in_features) as u32) }
    }

    /// Floats of one block's transposed inputs.
    pub fn inputs_len(&self) -> usize {
        // The last vector of the last sample may reach beyond it.
        self.in_features * LANES + LANES
    }

    /// Floats of one block's packed gradients.
    pub fn gradients_len(&self) -> usize {
        self.out_features * LANES
    }

    /// Brings one block's inputs, `[in_features][16]`, through their prologue, and its gradients,
    /// `[out_features][16]`, into the order in which [`part`](Self::part) reads them.
    ///
    /// # Panics
    /// If a slice is not of the layer's length.
    pub fn pack(
        &self,
        isa: Isa,
        input: &[f32],
        prologue: Option<Affine>,
        grad_output: &[f32],
        inputs: &mut [f32],
        gradients: &mut [f32],
    ) {
        assert_eq!(input.len(), self.in_features * LANES, "input");
        assert_eq!(grad_output.len(), self.out_features * LANES, "grad_output");
        assert_eq!(inputs.len(), self.inputs_len(), "transposed inputs");
        assert_eq!(gradients.len(), self.gradients_len(), "packed gradients");
        if let Some(prologue) = prologue {
            prologue.check(self.in_features);
        }
        isa.run(Transpose { input, prologue, inputs });
        let parts = gradients.chunks_mut(ROWS * LANES).zip(grad_output.chunks(ROWS * LANES));
        for (to, from) in parts {
            let rows = from.len() / LANES;
            for (lane, to) in to.chunks_exact_mut(rows).enumerate() {
                for (to, from) in to.iter_mut().zip(from.chunks_exact(LANES)) {
                    *to = from[lane];
                }
            }
        }
    }

    /// The gradient of the weights of output features `OUTPUTS · index` on: `part[o][i] = Σ
    /// grad_output[o] · prologue(input[i])` over all packed blocks and lanes.
    ///
    /// # Panics
    /// If a slice is not of the layer's length, or there is no such part.
    pub fn part(&self, isa: Isa, index: usize, blocks: &[PackedBlock<'_>], part: &mut [f32]) {
        assert!(index < self.out_features.div_ceil(ROWS), "part {index}");
        let first = index * ROWS;
        let rows = ROWS.min(self.out_features - first);
        assert_eq!(part.len(), rows * self.in_features, "a part of the gradient");
        for PackedBlock { inputs, gradients } in blocks {
            assert_eq!(inputs.len(), self.inputs_len(), "transposed inputs");
            assert_eq!(gradients.len(), self.gradients_len(), "packed gradients");
        }
        isa.run(Part { plan: self, first, rows, blocks, part });
    }
}

/// One block's inputs and gradients as [`LinearGrad::pack`] leaves them.
#[derive(Clone, Copy, Debug)]
pub struct PackedBlock<'a> {
    /// The transposed inputs.
    pub inputs: &'a [f32],
    /// The packed gradients.
    pub gradients: &'a [f32],
}

struct Transpose<'a> {
    input: &'a [f32],
    prologue: Option<Affine<'a>>,
    /// `[16][in_features]`.
    inputs: &'a mut [f32],
}

impl WithSimd for Transpose<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let features = self.input.len() / LANES;
        for (i, from) in self.input.as_chunks::<LANES>().0.iter().enumerate() {
            let mut values = *from;
            if let Some(Affine { scale, shift, relu }) = self.prologue {
                values = values.map(|v| scale[i].mul_add(v, shift[i]));
                if relu {
                    values = values.map(|v| if v <= 0.0 { 0.0 } else { v });
                }
            }
            for (lane, value) in values.into_iter().enumerate() {
                self.inputs[lane * features + i] = value;
            }
        }
    }
}

struct Part<'a> {
    plan: &'a LinearGrad,
    first: usize,
    rows: usize,
    blocks: &'a [PackedBlock<'a>],
    part: &'a mut [f32],
}

/// The accumulators of one tile.
#[repr(align(64))]
struct Sums([f32; ROWS * MAX_COLUMNS * LANES]);

impl WithSimd for Part<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { plan, first, rows, blocks, part } = self;
        let width = Tile::max_columns::<S>(rows) * LANES;
        let mut sums = Sums([0.0; ROWS * MAX_COLUMNS * LANES]);
        for left in (0..plan.in_features).step_by(width) {
            let features = width.min(plan.in_features - left);
            let end = Grid { origin: sums.0.as_mut_ptr(), row: width, column: LANES };
            let starts = iter::once(Start::Zero).chain(iter::repeat(Start::Sums(end)));
            for (PackedBlock { inputs, gradients }, start) in blocks.iter().zip(starts) {
                // SAFETY: `part` checked the lengths; what a vector reads beyond a sample's features
                // is the next sample's, or the end of the block.
                unsafe {
                    Tile {
                        runs: Runs { count: 1, len: LANES, stride: 0 },
                        offsets: plan.offsets.as_ptr(),
                        weights: gradients.as_ptr().add(first * LANES),
                        input: inputs.as_ptr().add(left),
                        start,
                        end,
                        far: false,
                    }
                    .run(simd, rows, features.div_ceil(LANES));
                }
            }
            for (to, from) in part.chunks_exact_mut(plan.in_features).zip(sums.0.chunks_exact(width)) {
                to[left..left + features].copy_from_slice(&from[..features]);
            }
        }
    }
}
