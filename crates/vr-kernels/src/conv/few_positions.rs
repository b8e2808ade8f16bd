//! Weight gradient of pictures of few positions, with output channels in the lanes.
//!
//! Samples in the lanes would be summed for each weight after a handful of products. Here the gradients are
//! transposed instead, each input is one factor for sixteen outputs, and the sums of the samples are added as vectors.
//! Every sum has the order that it has in `WeightGrad`, so the bits are the same.

use pulp::{Simd, WithSimd};

use super::ConvShape;
use super::gather::{Cut, Layout, Window};
use super::grad_weights::GradWeights;
use super::layouts::Layouts;
use super::simd::{load, store};
use super::transpose::transpose;
use crate::LANES;

/// Positions of the output at most: with more the sums over the lanes are a small part.
const POSITIONS: usize = 16;
/// Weights of a tile at most, and of a layer at least.
const MAX_ROWS: usize = 8;
/// Floats of gathered inputs at most, about: they stay in the second-level cache over all outputs.
const INPUTS: usize = 32 << 10;
/// Levels of the sum over the lanes.
const LEVELS: usize = LANES.ilog2() as usize;

/// How to walk over a picture for the gradient of the weights.
#[derive(Clone, Debug)]
pub(super) struct FewPositions {
    window: Window,
    out_channels: usize,
    /// Input channels at a time; all output rows.
    cut: Cut,
    layouts: Layouts,
}

impl FewPositions {
    /// Whether it is made for such a shape.
    pub fn fits(shape: &ConvShape) -> bool {
        shape.out_height() * shape.out_width() <= POSITIONS
            && shape.out_channels.is_multiple_of(LANES)
            && shape.in_channels >= MAX_ROWS
    }

    pub fn new(window: Window, [in_channels, out_channels, rows]: [usize; 3]) -> Self {
        let chunks = in_channels.div_ceil((INPUTS / window.channel_len(rows)).max(MAX_ROWS)).max(1);
        // Each chunk has a tile's weights at least.
        let chunks = chunks.min(in_channels / MAX_ROWS);
        let cut = Cut { channels: in_channels, chunk: in_channels.div_ceil(chunks), rows, band: rows };
        let layouts = Layouts::new(&window, cut.chunk, [rows, rows], true);
        Self { window, out_channels, cut, layouts }
    }

    fn positions(&self) -> usize {
        self.cut.rows * self.window.columns
    }

    /// Floats of the gathered inputs, and of the transposed gradients.
    fn scratch_lens(&self) -> [usize; 2] {
        let inputs = self.cut.chunk * self.window.channel_len(self.cut.rows);
        [inputs, self.out_channels * self.positions() * LANES]
    }

    /// Floats of scratch that it needs.
    pub fn scratch_len(&self) -> usize {
        self.scratch_lens().iter().sum()
    }
}

impl WithSimd for GradWeights<'_, FewPositions> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        // Sixteen outputs times so many weights: eight sums or more, which hide the latency of multiply-adds.
        // SAFETY: `ConvPlan` checked all lengths against the shape that made the plan.
        unsafe {
            match S::F32_LANES {
                16 => self.tiles::<S, MAX_ROWS, 1>(simd),
                8 => self.tiles::<S, 4, 2>(simd),
                4 => self.tiles::<S, 4, 4>(simd),
                _ => self.tiles::<S, 4, LANES>(simd),
            }
        }
    }
}

impl GradWeights<'_, FewPositions> {
    /// All of it, in tiles of `R` weights and sixteen outputs, `W` vectors.
    ///
    /// # Safety
    /// The slices belong to the plan.
    #[inline(always)]
    unsafe fn tiles<S: Simd, const R: usize, const W: usize>(&mut self, simd: S) {
        let plan = self.plan;
        let (taps, positions) = (plan.window.taps_y * plan.window.taps_x, plan.positions());
        let row = plan.cut.channels * taps;
        let [inputs_len, _] = plan.scratch_lens();
        // SAFETY: as the caller says; a chunk has `R` weights at least.
        unsafe {
            let scratch = self.scratch.as_mut_ptr();
            let gradients = scratch.add(inputs_len);
            self.transpose(simd, gradients);
            for chunk in 0..plan.cut.chunks() {
                let (channels, band) = (plan.cut.channels(chunk), plan.cut.band(0));
                let input = self.input.as_ptr();
                let (layout, inputs) =
                    plan.layouts.inputs(simd, &plan.window, input, self.prologue, channels, band, scratch);
                let weights = channels.count * taps;
                for first in (0..plan.out_channels).step_by(LANES) {
                    let gradients = gradients.add(first * positions * LANES).cast_const();
                    for start in (0..weights).step_by(R) {
                        // The last tile does some weights again that the one before has done.
                        let start = start.min(weights - R);
                        let sums = plan.tile::<S, R, W>(simd, layout, start, inputs, gradients);
                        let at = first * row + channels.first * taps + start;
                        for o in 0..LANES {
                            for (r, sums) in sums.iter().enumerate() {
                                *self.grad_weights.get_unchecked_mut(at + o * row + r) = sums[o];
                            }
                        }
                    }
                }
            }
        }
    }

    /// The gradients as `[sixteen outputs][position][sample][output]`.
    ///
    /// # Safety
    /// `to` is that part of the plan's scratch.
    #[inline(always)]
    unsafe fn transpose<S: Simd>(&self, simd: S, to: *mut f32) {
        let (outputs, positions) = (self.plan.out_channels, self.plan.positions());
        for first in (0..outputs).step_by(LANES) {
            for position in 0..positions {
                // SAFETY: as the caller says.
                unsafe {
                    let from = self.grad_output.as_ptr().add((first * positions + position) * LANES);
                    let to = to.add((first * positions + position * LANES) * LANES);
                    transpose(simd, from, positions * LANES, LANES, to);
                }
            }
        }
    }
}

impl FewPositions {
    /// The gradients of `R` weights from `start` on, for sixteen outputs.
    ///
    /// # Safety
    /// `inputs` lie as the layout says, which has such weights; `gradients` are the sixteen outputs' transposed ones.
    #[inline(always)]
    unsafe fn tile<S: Simd, const R: usize, const W: usize>(
        &self,
        simd: S,
        layout: &Layout,
        start: usize,
        inputs: *const f32,
        gradients: *const f32,
    ) -> [[f32; LANES]; R] {
        let zero = simd.splat_f32s(0.0);
        let mut streams = [inputs; R];
        for r in 0..R {
            // SAFETY: as the caller says.
            streams[r] = unsafe { inputs.add(*layout.offsets.get_unchecked(start + r) as usize) };
        }
        // The sums of 1, 2, 4 and 8 samples that wait for as many others: the tree of `sum16`.
        let mut waiting = [[[zero; W]; R]; LEVELS];
        let mut sums = [[zero; W]; R];
        for n in 0..LANES {
            let sample = n.reverse_bits() >> (usize::BITS as usize - LEVELS);
            sums = [[zero; W]; R];
            // SAFETY: as the caller says.
            unsafe {
                let mut gradients = gradients.add(sample * LANES);
                for y in 0..self.cut.rows {
                    for x in 0..self.window.columns {
                        let at = y * layout.row_stride + x * LANES + sample;
                        let mut vectors = [zero; W];
                        for w in 0..W {
                            vectors[w] = load::<S>(gradients.add(w * S::F32_LANES));
                        }
                        for r in 0..R {
                            let factor = simd.splat_f32s(*streams[r].add(at));
                            for w in 0..W {
                                sums[r][w] = simd.mul_add_f32s(factor, vectors[w], sums[r][w]);
                            }
                        }
                        gradients = gradients.add(LANES * LANES);
                    }
                }
            }
            let mut level = 0;
            while n >> level & 1 == 1 {
                for r in 0..R {
                    for w in 0..W {
                        sums[r][w] = simd.add_f32s(waiting[level][r][w], sums[r][w]);
                    }
                }
                level += 1;
            }
            if level < LEVELS {
                waiting[level] = sums;
            }
        }
        let mut values = [[0.0; LANES]; R];
        for r in 0..R {
            for w in 0..W {
                // SAFETY: sixteen values a row.
                unsafe { store::<S>(values[r].as_mut_ptr().add(w * S::F32_LANES), sums[r][w]) };
            }
        }
        values
    }
}
