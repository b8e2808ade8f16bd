//! Forward and input gradient by tiles of 4×4 outputs.

use pulp::{Simd, WithSimd};

use super::axis::{Axis, MAX_POINTS};
use super::four::Four;
use super::tiles::{Group, Planes, Rows, Tiling};
use super::two::Two;
use crate::conv::accumulators::{Accumulate, ROWS};
use crate::conv::packing::Weights;
use crate::conv::simd::{largest, part};
use crate::conv::tile::{Grid, Runs, Start, Tile};
use crate::{Affine, LANES};

/// Vectors of a plane of inputs at most, about: one plane stays in the first-level cache, and all
/// of them stay in the second-level cache over all outputs.
const INPUTS: usize = 192;
/// Vectors of a plane of products at most, about.
const PRODUCTS: usize = 64;

/// `output[o] = start + Σ over c of weights[o][c] ⋆ input[c]` for 3×3 weights and a padding of one.
#[derive(Clone, Debug)]
pub(in crate::conv) struct Correlation {
    in_channels: usize,
    out_channels: usize,
    picture: Tiling,
    /// Rows and columns of tiles at a time.
    group: [usize; 2],
    /// Blocks of output channels at a time.
    blocks: usize,
    offsets: Vec<u32>,
}

impl Correlation {
    pub fn new([in_channels, out_channels]: [usize; 2], [height, width]: [usize; 2], rows: Rows) -> Self {
        let picture = Tiling { height, width, rows };
        let group = picture.group_size((INPUTS / in_channels).min(PRODUCTS / ROWS.min(out_channels)).max(2));
        let tiles = group[0] * group[1];
        Self {
            in_channels,
            out_channels,
            picture,
            group,
            blocks: (PRODUCTS / (ROWS * tiles)).max(1),
            offsets: (0..in_channels)
                .map(|channel| u32::try_from(channel * tiles * LANES).expect("a plane of less than 2³² values"))
                .collect(),
        }
    }

    fn tiles(&self) -> usize {
        self.group[0] * self.group[1]
    }

    /// Floats of a plane for some channels: an odd number of cache lines, so that the planes spread
    /// over all the sets of the cache.
    fn plane(&self, channels: usize) -> usize {
        ((channels * self.tiles()) | 1) * LANES
    }

    /// Floats of the inputs' planes, the products' planes and a row of tiles.
    fn scratch_lens(&self) -> [usize; 3] {
        let products = self.plane((self.blocks * ROWS).min(self.out_channels));
        [
            self.picture.planes() * self.plane(self.in_channels),
            self.picture.planes() * products,
            Tiling::row_scratch(self.group[1]),
        ]
    }

    /// Floats of scratch that it needs.
    pub fn scratch_len(&self) -> usize {
        self.scratch_lens().iter().sum()
    }

    /// Floats of its packed weights.
    pub fn packed_len(&self) -> usize {
        self.picture.planes() * self.in_channels * self.out_channels
    }

    /// Packs weights as `[plane][block of outputs][c][output in block]`.
    pub fn pack(&self, weights: Weights, packed: &mut [f32]) {
        let plane = self.in_channels * self.out_channels;
        let blocks = self.out_channels.div_ceil(ROWS);
        for block in 0..blocks {
            let (start, end) = part(self.out_channels, blocks, block);
            for channel in 0..self.in_channels {
                let mut taps = [[[0.0; ROWS]; 3]; 3];
                for (ky, row) in taps.iter_mut().enumerate() {
                    for (kx, tap) in row.iter_mut().enumerate() {
                        for (o, tap) in (start..end).zip(tap) {
                            *tap = f64::from(weights.at(o, channel, ky, kx));
                        }
                    }
                }
                let at = start * self.in_channels + channel * (end - start);
                let transformed = match self.picture.rows {
                    Rows::Two => points::<Two, ROWS>(taps),
                    Rows::Four => points::<Four, ROWS>(taps),
                };
                for (i, point) in transformed.as_flattened()[..self.picture.planes()].iter().enumerate() {
                    for (to, &value) in packed[i * plane + at..][..end - start].iter_mut().zip(point) {
                        *to = value as f32;
                    }
                }
            }
        }
    }
}

/// Weights to points along both axes: `[ky][kx]` to `[point y][point x]`.
#[inline(always)]
fn points<Y: Axis, const R: usize>(taps: [[[f64; R]; 3]; 3]) -> [[[f64; R]; MAX_POINTS]; MAX_POINTS] {
    let rows = taps.map(Four::weights);
    let mut points = [[[0.0; R]; MAX_POINTS]; MAX_POINTS];
    for x in 0..Four::POINTS {
        let column = Y::weights(rows.map(|row| row[x]));
        for y in 0..Y::POINTS {
            points[y][x] = column[y];
        }
    }
    points
}

/// A correlation and what it runs on.
pub(in crate::conv) struct Correlate<'a> {
    pub plan: &'a Correlation,
    pub input: &'a [f32],
    pub prologue: Option<Affine<'a>>,
    pub packed: &'a [f32],
    pub bias: Option<&'a [f32]>,
    pub accumulate: bool,
    pub output: &'a mut [f32],
    /// From a cache line on.
    pub scratch: &'a mut [f32],
}

impl WithSimd for Correlate<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        for group in self.plan.picture.groups(self.plan.group) {
            // SAFETY: `ConvPlan` checked all lengths against the shape that made the plan.
            unsafe { self.group(simd, group) };
        }
    }
}

impl Correlate<'_> {
    /// # Safety
    /// The slices belong to the plan, and the group is one of its.
    #[inline(always)]
    unsafe fn group<S: Simd>(&mut self, simd: S, group: Group) {
        let plan = self.plan;
        let picture = plan.picture;
        let [inputs_len, products_len, _] = plan.scratch_lens();
        let [channel, plane] = [plan.tiles() * LANES, plan.plane(plan.in_channels)];
        // SAFETY: as the caller says.
        unsafe {
            let inputs = self.scratch.as_mut_ptr();
            let products = inputs.add(inputs_len);
            let row = products.add(products_len);
            for c in 0..plan.in_channels {
                let from = self.input.as_ptr().add(c * picture.channel());
                let to = Planes { origin: inputs.add(c * channel), plane };
                picture.input(simd, from, self.prologue, c, group, row, to);
            }
            let all = plan.out_channels.div_ceil(ROWS);
            let products_plane = products_len / plan.picture.planes();
            for first in (0..all).step_by(plan.blocks) {
                let last = all.min(first + plan.blocks);
                let start = part(plan.out_channels, all, first).0;
                for i in 0..plan.picture.planes() {
                    let weights = self.packed.as_ptr().add(i * plan.in_channels * plan.out_channels);
                    let products = products.add(i * products_plane);
                    let place = Grid { origin: products, row: channel, column: LANES };
                    plan.product(simd, [first, last], start, group, weights, inputs.add(i * plane), place);
                }
                for o in start..part(plan.out_channels, all, last - 1).1 {
                    let from = Planes { origin: products.add((o - start) * channel), plane: products_plane };
                    let bias = self.bias.map_or(0.0, |bias| *bias.get_unchecked(o));
                    let to = self.output.as_mut_ptr().add(o * picture.channel());
                    picture.output(simd, from, group, bias, self.accumulate, to);
                }
            }
        }
    }
}

impl Correlation {
    /// One plane's products for the blocks `first..last` of outputs, of which `start` is the first.
    ///
    /// # Safety
    /// The pointers belong to the plan's plane.
    #[inline(always)]
    unsafe fn product<S: Simd>(
        &self,
        simd: S,
        [first, last]: [usize; 2],
        start: usize,
        group: Group,
        weights: *const f32,
        inputs: *const f32,
        products: Grid,
    ) {
        let all = self.out_channels.div_ceil(ROWS);
        let positions = group.rows * group.columns;
        let tiles = positions.div_ceil(Tile::max_columns::<S>(largest(self.out_channels, ROWS)));
        for tile in 0..tiles {
            let (left, right) = part(positions, tiles, tile);
            for block in first..last {
                let (o, next) = part(self.out_channels, all, block);
                // SAFETY: as the caller says.
                unsafe {
                    Tile {
                        runs: Runs { count: 1, len: self.in_channels, stride: 0 },
                        offsets: self.offsets.as_ptr(),
                        weights: weights.add(o * self.in_channels),
                        input: inputs.add(left * LANES),
                        start: Start::Zero,
                        end: Grid { origin: products.at(o - start, left), ..products },
                        far: false,
                    }
                    .run(simd, next - o, right - left);
                }
            }
        }
    }
}
