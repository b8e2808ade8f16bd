//! Weight gradient: products of the inputs of a band of rows with the gradients of their outputs.

use pulp::{Simd, WithSimd};

use super::accumulators::{Accumulate, MAX_COLUMNS, ROWS, has_32_registers};
use super::ahead::{Ahead, FAR};
use super::gather::{Band, Channels, Cut, Layout, Window};
use super::grad_weights::GradWeights;
use super::lane_sums::{SUMS as SUMS_AT_ONCE, lane_sums};
use super::layouts::Layouts;
use super::outer::Outer;
use super::simd::{largest, part};
use crate::LANES;

/// Cache lines that tiles of some output channels and the same inputs read at most, about: they
/// stay in the first-level cache.
const LINES: usize = 400;
/// Floats of accumulators at most, about: they stay in the second-level cache from one band to
/// the next.
const SUMS: usize = 304 << 10;

/// How to walk over a picture for the gradient of the weights.
#[derive(Clone, Debug)]
pub(super) struct WeightGrad {
    window: Window,
    out_channels: usize,
    /// Input channels at a time, and output rows.
    cut: Cut,
    /// Blocks of output channels that take turns at the same inputs.
    group: usize,
    layouts: Layouts,
    /// Whether the input and the output are too large for the second-level cache.
    far: bool,
}

impl WeightGrad {
    pub fn new(window: Window, [in_channels, out_channels, rows]: [usize; 3]) -> Self {
        // The streams of a tile lie in about so many channels.
        let streams = MAX_COLUMNS.div_ceil(window.taps_y * window.taps_x);
        // A band's tile takes that long at least, lest loading and storing its accumulators show.
        let most = match rows * window.columns {
            _ if streams == 1 => 96,
            0..=64 => 64,
            _ => 32,
        };
        let band = (most / window.columns).clamp(1, rows);
        let band = rows.div_ceil(rows.div_ceil(band));
        let positions = band * window.columns;
        let group = (LINES.saturating_sub(streams * positions) / (ROWS * positions)).max(1);
        let channel = out_channels * window.taps_y * window.taps_x * LANES;
        let chunks = in_channels.div_ceil((SUMS / channel.max(window.channel_len(band))).max(1));
        let chunk = in_channels.div_ceil(chunks);
        let layouts = Layouts::new(&window, chunk, [rows, band], true);
        let input = in_channels * window.height * window.width * LANES;
        let far = input + out_channels * rows * window.columns * LANES >= FAR;
        let cut = Cut { channels: in_channels, chunk, rows, band };
        Self { window, out_channels, cut, group, layouts, far }
    }

    /// Output channels of the largest block.
    fn rows(&self) -> usize {
        largest(self.out_channels, ROWS)
    }

    /// Floats from one channel of the output to the next, and one row.
    fn output_strides(&self) -> [usize; 2] {
        let row = self.window.columns * LANES;
        [self.cut.rows * row, row]
    }

    /// Floats of the gathered inputs, of the packed gradients and of the accumulators.
    fn scratch_lens(&self) -> [usize; 3] {
        let gradients = self.group * ROWS * self.cut.band * self.window.columns;
        let inputs = self.cut.chunk * self.window.channel_len(self.cut.band);
        // The last tile is followed by what completes the lane sums taken at once.
        let sums = if self.cut.band < self.cut.rows { self.out_channels * self.layouts.len() } else { 0 };
        let sums = sums + ROWS * MAX_COLUMNS;
        [inputs, gradients * LANES, sums * LANES]
    }

    /// Floats of scratch that it needs.
    pub fn scratch_len(&self) -> usize {
        self.scratch_lens().iter().sum()
    }
}

impl WithSimd for GradWeights<'_, WeightGrad> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let plan = self.plan;
        let [inputs_len, gradients_len, _] = plan.scratch_lens();
        let inputs = self.scratch.as_mut_ptr();
        for chunk in 0..plan.cut.chunks() {
            for index in 0..plan.cut.bands() {
                let (channels, band) = (plan.cut.channels(chunk), plan.cut.band(index));
                // SAFETY: `ConvPlan` checked all lengths against the shape that made the plan.
                unsafe {
                    let packed = inputs.add(inputs_len);
                    let sums = packed.add(gradients_len);
                    let gradients = self.grad_output.as_ptr().add(band.first * plan.output_strides()[1]);
                    let input = self.input.as_ptr();
                    let (layout, inputs) =
                        plan.layouts.inputs(simd, &plan.window, input, self.prologue, channels, band, inputs);
                    let ahead = self.ahead(chunk, index, Outer::max_columns::<S>(plan.rows()));
                    self.tiles(simd, channels, band, Pictures { layout, inputs, gradients, packed }, sums, ahead);
                }
            }
        }
    }
}

/// The pictures that a band's products are made of.
#[derive(Clone, Copy)]
struct Pictures<'a> {
    layout: &'a Layout,
    inputs: *const f32,
    gradients: *const f32,
    /// Where those of a group of blocks can be copied.
    packed: *mut f32,
}

impl Pictures<'_> {
    /// The band's gradients of the outputs `first..end`, `positions` floats each: where the first lies, and how many
    /// floats from one to the next.
    ///
    /// Where each vector that is loaded takes part in few products, loads are what takes the time, and those of
    /// channels a large power of two apart get in each other's way. There the gradients are copied.
    ///
    /// # Safety
    /// The pointers belong to the parts of the plan's scratch, and the channels to its output.
    #[inline(always)]
    unsafe fn gradients<S: Simd>(
        &self,
        [first, end]: [usize; 2],
        channel: usize,
        positions: usize,
    ) -> (*const f32, usize) {
        // SAFETY: as the caller says.
        unsafe {
            let from = self.gradients.add(first * channel);
            if has_32_registers::<S>() {
                return (from, channel);
            }
            for i in 0..end - first {
                self.packed.add(i * positions).copy_from_nonoverlapping(from.add(i * channel), positions);
            }
            (self.packed.cast_const(), positions)
        }
    }
}

impl GradWeights<'_, WeightGrad> {
    /// Prefetches the inputs and the gradients of the band that follows, within the tiles of this one.
    #[inline(always)]
    fn ahead(&self, chunk: usize, band: usize, max_columns: usize) -> [Ahead; 2] {
        let plan = self.plan;
        let taps = plan.window.taps_y * plan.window.taps_x;
        let steps = plan.out_channels.div_ceil(ROWS) * (plan.cut.channels(chunk).count * taps).div_ceil(max_columns);
        let (chunk, band) = if band + 1 < plan.cut.bands() { (chunk, band + 1) } else { (chunk + 1, 0) };
        if !plan.far || chunk == plan.cut.chunks() {
            return [Ahead::none(); 2];
        }
        let band = plan.cut.band(band);
        let inputs = plan.window.ahead(self.input.as_ptr(), plan.cut.channels(chunk), band, steps);
        let [channel, row] = plan.output_strides();
        let from = self.grad_output.as_ptr().wrapping_add(band.first * row);
        [inputs, Ahead::new(from, channel, plan.out_channels, band.count * plan.window.columns, steps)]
    }

    /// One band of rows, for some input channels and all output channels.
    ///
    /// # Safety
    /// The pointers belong to the parts of the plan's scratch.
    #[inline(always)]
    unsafe fn tiles<S: Simd>(
        &mut self,
        simd: S,
        channels: Channels,
        band: Band,
        pictures: Pictures<'_>,
        mut sums: *mut f32,
        mut ahead: [Ahead; 2],
    ) {
        let plan = self.plan;
        let taps = plan.window.taps_y * plan.window.taps_x;
        let width = plan.window.columns;
        let [channel, _] = plan.output_strides();
        let weights = channels.count * taps;
        let last = band.first + band.count == plan.cut.rows;
        let tiles = weights.div_ceil(Outer::max_columns::<S>(plan.rows()));
        let blocks = plan.out_channels.div_ceil(ROWS);
        for group in (0..blocks).step_by(plan.group) {
            let [first, end] =
                [group, blocks.min(group + plan.group)].map(|block| part(plan.out_channels, blocks, block).0);
            // SAFETY: as the caller says.
            let (left, left_row) =
                unsafe { pictures.gradients::<S>([first, end], channel, band.count * width * LANES) };
            for tile in 0..tiles {
                let (start, end) = part(weights, tiles, tile);
                for block in group..blocks.min(group + plan.group) {
                    let (o, next) = part(plan.out_channels, blocks, block);
                    let (rows, columns) = (next - o, end - start);
                    // SAFETY: as the caller says.
                    unsafe {
                        Outer {
                            left: left.add((o - first) * left_row),
                            left_row,
                            right: pictures.inputs,
                            offsets: pictures.layout.offsets.as_ptr().add(start),
                            height: band.count,
                            width,
                            row_stride: pictures.layout.row_stride,
                            sums,
                            fresh: band.first == 0,
                        }
                        .run(simd, rows, columns);
                        if last {
                            let mut weights = [0.0; ROWS * MAX_COLUMNS];
                            for (i, to) in weights.chunks_exact_mut(SUMS_AT_ONCE).enumerate() {
                                if i * SUMS_AT_ONCE < rows * columns {
                                    to.copy_from_slice(&lane_sums(simd, sums.add(i * SUMS_AT_ONCE * LANES)));
                                }
                            }
                            for r in 0..rows {
                                let at = ((o + r) * plan.cut.channels + channels.first) * taps + start;
                                for t in 0..columns {
                                    *self.grad_weights.get_unchecked_mut(at + t) = weights[r * columns + t];
                                }
                            }
                        }
                        if band.count < plan.cut.rows {
                            sums = sums.add(rows * columns * LANES);
                        }
                    }
                    for ahead in &mut ahead {
                        ahead.step();
                    }
                }
            }
        }
    }
}
