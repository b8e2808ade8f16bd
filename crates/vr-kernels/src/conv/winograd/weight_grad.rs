//! Weight gradient by tiles of 4×4 outputs.
//!
//! The transpose of the correlation in its weights: the gradients of outputs go to the points, meet
//! the inputs there, and the sums over all tiles and lanes go back to the taps once.

use pulp::{Simd, WithSimd};

use super::axis::{Axis, MAX_POINTS, across};
use super::four::Four;
use super::tiles::{Group, Planes, Rows, Tiling};
use super::two::Two;
use crate::conv::lane_sums::{SUMS as SUMS_AT_ONCE, lane_sums};
use crate::conv::outer::{MAX_COLUMNS, Outer, ROWS, max_columns};
use crate::conv::simd::{load, part, store};
use crate::{Affine, LANES};

/// Vectors of a plane of inputs at most, about: all planes stay in the second-level cache over all
/// outputs.
const INPUTS: usize = 256;
/// Vectors of a plane of gradients at most, about.
const GRADIENTS: usize = 64;
/// Tiles at a time, if the picture has them, lest sums over the lanes show.
const TILES: usize = 16;

/// How to walk over a picture for the gradient of 3×3 weights at a padding of one.
#[derive(Clone, Debug)]
pub(in crate::conv) struct WeightGrad {
    in_channels: usize,
    out_channels: usize,
    picture: Tiling,
    /// Rows and columns of tiles at a time.
    group: [usize; 2],
    /// Input channels at a time, and blocks of output channels.
    chunk: usize,
    blocks: usize,
    offsets: Vec<u32>,
}

impl WeightGrad {
    pub fn new([in_channels, out_channels]: [usize; 2], [height, width]: [usize; 2], rows: Rows) -> Self {
        let picture = Tiling { height, width, rows };
        let [rows, columns] = picture.tiles();
        let group_columns = columns.div_ceil(columns.div_ceil(TILES));
        let group_rows = (TILES / columns).clamp(1, rows);
        let group_rows = rows.div_ceil(rows.div_ceil(group_rows));
        let tiles = group_rows * group_columns;
        let chunk = in_channels.div_ceil(in_channels.div_ceil(INPUTS / tiles));
        Self {
            in_channels,
            out_channels,
            picture,
            group: [group_rows, group_columns],
            chunk,
            blocks: (GRADIENTS / (ROWS * tiles)).max(1),
            offsets: (0..chunk).map(|channel| (channel * tiles * LANES) as u32).collect(),
        }
    }

    fn tiles(&self) -> usize {
        self.group[0] * self.group[1]
    }

    /// Floats of a plane of points for some channels: an odd number of cache lines, so that the
    /// planes spread over all the sets of the cache.
    fn plane(&self, channels: usize) -> usize {
        ((channels * self.tiles()) | 1) * LANES
    }

    /// Floats of the sums of one output channel at one point.
    fn sums_row(&self) -> usize {
        self.chunk.next_multiple_of(LANES)
    }

    /// Floats of the planes of inputs, of gradients and of sums, of a tile of accumulators, and of a
    /// row of tiles.
    fn scratch_lens(&self) -> [usize; 5] {
        [
            self.picture.planes() * self.plane(self.chunk),
            self.picture.planes() * self.plane((self.blocks * ROWS).min(self.out_channels)),
            self.picture.planes() * self.out_channels * self.sums_row(),
            ROWS * MAX_COLUMNS * LANES,
            Tiling::row_scratch(self.group[1]),
        ]
    }

    /// Floats of scratch that it needs.
    pub fn scratch_len(&self) -> usize {
        self.scratch_lens().iter().sum()
    }
}

/// A plan and what it runs on.
pub(in crate::conv) struct GradWeights<'a> {
    pub plan: &'a WeightGrad,
    pub input: &'a [f32],
    pub prologue: Option<Affine<'a>>,
    pub grad_output: &'a [f32],
    pub grad_weights: &'a mut [f32],
    /// From a cache line on.
    pub scratch: &'a mut [f32],
}

/// The parts of the scratch.
#[derive(Clone, Copy)]
struct Scratch {
    inputs: *mut f32,
    gradients: *mut f32,
    sums: *mut f32,
    accumulators: *mut f32,
    row: *mut f32,
}

impl WithSimd for GradWeights<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let plan = self.plan;
        let [rows, columns] = plan.picture.tiles();
        let [bands, parts] = [rows.div_ceil(plan.group[0]), columns.div_ceil(plan.group[1])];
        let chunks = plan.in_channels.div_ceil(plan.chunk);
        let [inputs, gradients, sums, accumulators, _] = plan.scratch_lens();
        // SAFETY: `Conv` checked all lengths against the shape that made the plan.
        unsafe {
            let start = self.scratch.as_mut_ptr();
            let scratch = Scratch {
                inputs: start,
                gradients: start.add(inputs),
                sums: start.add(inputs + gradients),
                accumulators: start.add(inputs + gradients + sums),
                row: start.add(inputs + gradients + sums + accumulators),
            };
            for chunk in 0..chunks {
                let channels = part(plan.in_channels, chunks, chunk);
                for index in 0..bands * parts {
                    let (top, bottom) = part(rows, bands, index / parts);
                    let (left, right) = part(columns, parts, index % parts);
                    let group = Group { top, left, rows: bottom - top, columns: right - left };
                    self.group(simd, channels, group, index == 0, scratch);
                }
                match plan.picture.rows {
                    Rows::Two => self.finish::<S, Two>(simd, channels, scratch.sums),
                    Rows::Four => self.finish::<S, Four>(simd, channels, scratch.sums),
                }
            }
        }
    }
}

impl GradWeights<'_> {
    /// Adds what a group of tiles gives for the input channels `first..last`.
    ///
    /// # Safety
    /// The slices and the scratch belong to the plan, and the group is one of its.
    #[inline(always)]
    unsafe fn group<S: Simd>(
        &self,
        simd: S,
        (first, last): (usize, usize),
        group: Group,
        fresh: bool,
        scratch: Scratch,
    ) {
        let plan = self.plan;
        let picture = plan.picture;
        let channel = plan.tiles() * LANES;
        let [inputs_len, gradients_len, ..] = plan.scratch_lens();
        let [inputs_plane, gradients_plane] =
            [inputs_len / plan.picture.planes(), gradients_len / plan.picture.planes()];
        let blocks = plan.out_channels.div_ceil(ROWS);
        // SAFETY: as the caller says.
        unsafe {
            for c in first..last {
                let from = self.input.as_ptr().add(c * picture.channel());
                let origin = scratch.inputs.add((c - first) * channel);
                let to = Planes { origin, plane: inputs_plane, tile: LANES };
                picture.input(simd, from, self.prologue, c, group, scratch.row, to);
            }
            for block in (0..blocks).step_by(plan.blocks) {
                let end = blocks.min(block + plan.blocks);
                let start = part(plan.out_channels, blocks, block).0;
                for block in block..end {
                    let (o, next) = part(plan.out_channels, blocks, block);
                    for r in 0..next - o {
                        let from = self.grad_output.as_ptr().add((o + r) * picture.channel());
                        let origin = scratch.gradients.add((o - start) * channel + r * LANES);
                        let to = Planes { origin, plane: gradients_plane, tile: (next - o) * LANES };
                        picture.output_grad(simd, from, group, to);
                    }
                }
                for i in 0..plan.picture.planes() {
                    let scratch = Scratch {
                        inputs: scratch.inputs.add(i * inputs_plane),
                        gradients: scratch.gradients.add(i * gradients_plane),
                        sums: scratch.sums.add(i * plan.out_channels * plan.sums_row()),
                        ..scratch
                    };
                    plan.product(simd, last - first, (block, end), group, fresh, scratch);
                }
            }
        }
    }

    /// The sums of the input channels `first..last` to the gradients of their weights.
    ///
    /// # Safety
    /// The slices and the sums belong to the plan.
    #[inline(always)]
    unsafe fn finish<S: Simd, Y: Axis>(&mut self, simd: S, (first, last): (usize, usize), sums: *const f32) {
        let plan = self.plan;
        let zero = simd.splat_f32s(0.0);
        let plane = plan.out_channels * plan.sums_row();
        for o in 0..plan.out_channels {
            for c in (first..last).step_by(S::F32_LANES) {
                let mut columns = [[zero; 3]; MAX_POINTS];
                let mut taps = [[0.0; LANES]; 9];
                // SAFETY: rows of sums are padded to whole vectors.
                unsafe {
                    let sums = sums.add(o * plan.sums_row() + c - first);
                    for x in 0..Four::POINTS {
                        let mut points = [zero; MAX_POINTS];
                        for y in 0..Y::POINTS {
                            points[y] = load::<S>(sums.add((y * Four::POINTS + x) * plane));
                        }
                        columns[x] = Y::weight_grad(simd, points);
                    }
                    for ky in 0..3 {
                        let gradients = Four::weight_grad(simd, across(&columns, ky));
                        for kx in 0..3 {
                            store::<S>(taps[ky * 3 + kx].as_mut_ptr(), gradients[kx]);
                        }
                    }
                    for i in 0..S::F32_LANES.min(last - c) {
                        let to = (o * plan.in_channels + c + i) * 9;
                        for (tap, values) in taps.iter().enumerate() {
                            *self.grad_weights.get_unchecked_mut(to + tap) = values[i];
                        }
                    }
                }
            }
        }
    }
}

impl WeightGrad {
    /// One plane's sums for `channels` input channels and the blocks `first..last` of outputs.
    ///
    /// # Safety
    /// The pointers belong to the plan's plane.
    #[inline(always)]
    unsafe fn product<S: Simd>(
        &self,
        simd: S,
        channels: usize,
        (first, last): (usize, usize),
        group: Group,
        fresh: bool,
        scratch: Scratch,
    ) {
        let blocks = self.out_channels.div_ceil(ROWS);
        let start = part(self.out_channels, blocks, first).0;
        let tiles = channels.div_ceil(max_columns::<S>());
        for tile in 0..tiles {
            let (left, right) = part(channels, tiles, tile);
            for block in first..last {
                let (o, next) = part(self.out_channels, blocks, block);
                let (rows, columns) = (next - o, right - left);
                // SAFETY: as the caller says.
                unsafe {
                    Outer {
                        left: scratch.gradients.add((o - start) * self.tiles() * LANES),
                        right: scratch.inputs,
                        offsets: self.offsets.as_ptr().add(left),
                        height: 1,
                        width: group.rows * group.columns,
                        row_stride: 0,
                        sums: scratch.accumulators,
                        fresh: true,
                    }
                    .run(simd, rows, columns);
                    let mut sums = [0.0; ROWS * MAX_COLUMNS];
                    for (i, to) in sums.chunks_exact_mut(SUMS_AT_ONCE).enumerate() {
                        if i * SUMS_AT_ONCE < rows * columns {
                            to.copy_from_slice(&lane_sums(simd, scratch.accumulators.add(i * SUMS_AT_ONCE * LANES)));
                        }
                    }
                    for r in 0..rows {
                        let to = scratch.sums.add((o + r) * self.sums_row() + left);
                        for t in 0..columns {
                            let before = if fresh { 0.0 } else { *to.add(t) };
                            *to.add(t) = before + sums[r * columns + t];
                        }
                    }
                }
            }
        }
    }
}
