//! Weight gradient by tiles of 4×4 outputs.
//!
//! The transpose of the correlation in its weights: the gradients of outputs go to the points, meet
//! the inputs there, and the sums over all tiles and samples go back to the taps once. Sums over the
//! lanes would cost as much as the products. So the gradients are transposed on their way, with output
//! channels in the lanes, and each input is one factor for all of them.

use pulp::{Simd, WithSimd};

use super::axis::{Axis, MAX_POINTS, across};
use super::four::Four;
use super::product::{COLUMNS, Product, max_rows};
use super::tiles::{Group, Planes, Rows, Tiling, even};
use super::two::Two;
use crate::LANES;
use crate::conv::grad_weights::GradWeights;
use crate::conv::simd::{load, part, store};
use crate::conv::transpose::transpose;

/// Vectors of a plane of gradients at most, about: all planes stay in the second-level cache over all
/// inputs.
const GRADIENTS: usize = 128;
/// Vectors of a plane of inputs at most, about, likewise.
const INPUTS: usize = 128;
/// Floats of sums at most, about: they stay in the second-level cache over all tiles.
const SUMS: usize = 112 << 10;

/// How to walk over a picture for the gradient of 3×3 weights at a padding of one.
#[derive(Clone, Debug)]
pub(in crate::conv) struct WeightGrad {
    in_channels: usize,
    out_channels: usize,
    picture: Tiling,
    /// Rows and columns of tiles at a time.
    group: [usize; 2],
    /// Input channels whose sums are kept, and those of them whose points are.
    chunk: usize,
    panel: usize,
}

impl WeightGrad {
    pub fn new([in_channels, out_channels]: [usize; 2], [height, width]: [usize; 2], rows: Rows) -> Self {
        let picture = Tiling { height, width, rows };
        let vectors = out_channels.div_ceil(LANES);
        let group = picture.group_size((GRADIENTS / (vectors * LANES)).max(4));
        let chunk = even(in_channels, SUMS / (picture.planes() * vectors * LANES));
        let panel = even(chunk, INPUTS / (group[0] * group[1]));
        Self { in_channels, out_channels, picture, group, chunk, panel }
    }

    /// Tiles at a time.
    fn tiles(&self) -> usize {
        self.group[0] * self.group[1]
    }

    /// Vectors of output channels.
    fn vectors(&self) -> usize {
        self.out_channels.div_ceil(LANES)
    }

    /// Floats of a plane of inputs, and of gradients: an odd number of cache lines, so that the planes
    /// spread over all the sets of the cache.
    fn planes(&self) -> [usize; 2] {
        [self.panel * self.tiles(), self.tiles() * LANES * self.vectors()].map(|vectors| (vectors | 1) * LANES)
    }

    /// Floats of the planes of inputs, of gradients and of sums, of a row of tiles, and of a transposed
    /// tile.
    fn scratch_lens(&self) -> [usize; 5] {
        let [inputs, gradients] = self.planes();
        let sums = self.chunk * self.vectors() * LANES;
        let [inputs, gradients, sums] = [inputs, gradients, sums].map(|plane| self.picture.planes() * plane);
        [inputs, gradients, sums, Tiling::row_scratch(self.group[1]), self.picture.positions() * LANES * LANES]
    }

    /// Floats of scratch that it needs.
    pub fn scratch_len(&self) -> usize {
        self.scratch_lens().iter().sum()
    }
}

/// The parts of the scratch.
#[derive(Clone, Copy)]
struct Scratch {
    /// `[plane][input channel][tile][sample]`.
    inputs: *mut f32,
    /// `[plane][tile][sample][output channel]`.
    gradients: *mut f32,
    /// `[plane][input channel][output channel]`.
    sums: *mut f32,
    row: *mut f32,
    /// `[position][sample][output channel]`.
    tile: *mut f32,
}

impl WithSimd for GradWeights<'_, WeightGrad> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let plan = self.plan;
        let chunks = plan.in_channels.div_ceil(plan.chunk);
        let [inputs, gradients, sums, row, _] = plan.scratch_lens();
        // SAFETY: `ConvPlan` checked all lengths against the shape that made the plan.
        unsafe {
            let start = self.scratch.as_mut_ptr();
            let scratch = Scratch {
                inputs: start,
                gradients: start.add(inputs),
                sums: start.add(inputs + gradients),
                row: start.add(inputs + gradients + sums),
                tile: start.add(inputs + gradients + sums + row),
            };
            for chunk in 0..chunks {
                let channels = part(plan.in_channels, chunks, chunk);
                for (index, group) in plan.picture.groups(plan.group).enumerate() {
                    self.gradients(simd, group, scratch);
                    self.products(simd, channels, group, index == 0, scratch);
                }
                match plan.picture.rows {
                    Rows::Two => self.finish::<S, Two>(simd, channels, scratch.sums),
                    Rows::Four => self.finish::<S, Four>(simd, channels, scratch.sums),
                }
            }
        }
    }
}

impl GradWeights<'_, WeightGrad> {
    /// The gradients of a group's outputs to their points.
    ///
    /// # Safety
    /// The slices and the scratch belong to the plan, and the group is one of its.
    #[inline(always)]
    unsafe fn gradients<S: Simd>(&self, simd: S, group: Group, scratch: Scratch) {
        let (plan, picture) = (self.plan, self.plan.picture);
        let [_, plane] = plan.planes();
        for tile in 0..group.rows * group.columns {
            for vector in 0..plan.vectors() {
                let first = vector * LANES;
                let count = LANES.min(plan.out_channels - first);
                // SAFETY: as the caller says.
                unsafe {
                    for position in 0..picture.positions() {
                        let from = self.grad_output.as_ptr().add(first * picture.channel());
                        let from = from.add(picture.position(group, tile, position));
                        transpose(simd, from, picture.channel(), count, scratch.tile.add(position * LANES * LANES));
                    }
                    for sample in 0..LANES {
                        let at = ((tile * LANES + sample) * plan.vectors() + vector) * LANES;
                        let to = Planes { origin: scratch.gradients.add(at), plane };
                        picture.output_grad(simd, scratch.tile.add(sample * LANES), LANES * LANES, to);
                    }
                }
            }
        }
    }

    /// Adds what a group of tiles gives for the input channels `first..last`.
    ///
    /// # Safety
    /// The slices and the scratch belong to the plan, the group is one of its, and the scratch holds its
    /// gradients.
    #[inline(always)]
    unsafe fn products<S: Simd>(
        &self,
        simd: S,
        (first, last): (usize, usize),
        group: Group,
        fresh: bool,
        scratch: Scratch,
    ) {
        let (plan, picture) = (self.plan, self.plan.picture);
        let [plane, gradients] = plan.planes();
        let (channel, sums_row) = (plan.tiles() * LANES, plan.vectors() * LANES);
        let panels = (last - first).div_ceil(plan.panel);
        for panel in 0..panels {
            let (start, end) = part(last - first, panels, panel);
            let parts = plan.vectors().div_ceil(COLUMNS);
            // SAFETY: as the caller says.
            unsafe {
                for c in start..end {
                    let from = self.input.as_ptr().add((first + c) * picture.channel());
                    let to = Planes { origin: scratch.inputs.add((c - start) * channel), plane };
                    picture.input(simd, from, self.prologue, first + c, group, scratch.row, to);
                }
                for i in 0..picture.planes() {
                    for columns in 0..parts {
                        let (left, right) = part(plan.vectors(), parts, columns);
                        let blocks = (end - start).div_ceil(max_rows::<S>(right - left));
                        for block in 0..blocks {
                            let (row, next) = part(end - start, blocks, block);
                            Product {
                                left: scratch.inputs.add(i * plane + row * channel),
                                left_row: channel,
                                right: scratch.gradients.add(i * gradients + left * LANES),
                                right_row: sums_row,
                                tiles: group.rows * group.columns,
                                sums: scratch.sums.add((i * plan.chunk + start + row) * sums_row + left * LANES),
                                sums_row,
                                fresh,
                            }
                            .run(simd, next - row, right - left);
                        }
                    }
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
        let row = plan.vectors() * LANES;
        for c in first..last {
            for o in (0..plan.out_channels).step_by(S::F32_LANES) {
                let mut columns = [[zero; 3]; MAX_POINTS];
                let mut taps = [[0.0; LANES]; 9];
                // SAFETY: rows of sums are padded to whole vectors.
                unsafe {
                    let sums = sums.add((c - first) * row + o);
                    for x in 0..Four::POINTS {
                        let mut points = [zero; MAX_POINTS];
                        for y in 0..Y::POINTS {
                            points[y] = load::<S>(sums.add((y * Four::POINTS + x) * plan.chunk * row));
                        }
                        columns[x] = Y::weight_grad(simd, points);
                    }
                    for ky in 0..3 {
                        let gradients = Four::weight_grad(simd, across(&columns, ky));
                        for kx in 0..3 {
                            store::<S>(taps[ky * 3 + kx].as_mut_ptr(), gradients[kx]);
                        }
                    }
                    for i in 0..S::F32_LANES.min(plan.out_channels - o) {
                        let to = ((o + i) * plan.in_channels + c) * 9;
                        for (tap, values) in taps.iter().enumerate() {
                            *self.grad_weights.get_unchecked_mut(to + tap) = values[i];
                        }
                    }
                }
            }
        }
    }
}
