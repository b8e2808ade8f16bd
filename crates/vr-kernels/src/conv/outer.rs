//! The inner loop of the weight gradient: a tile of accumulators of products of two pictures.

// Indices as in the equations.
#![allow(clippy::needless_range_loop)]

use pulp::Simd;

use super::accumulators::{Accumulate, in_order};
use super::simd::{load, store};
use crate::LANES;

/// `sums[r][t] += Σ over positions (y, x) of left(y, x)[r] · right(y, x)[t]`, lane by lane.
#[derive(Clone, Copy)]
pub(super) struct Outer {
    /// Vectors `[r][height][width]`, and floats from one r to the next.
    pub left: *const f32,
    pub left_row: usize,
    /// Vectors, one stream for each `t` at its offset.
    pub right: *const f32,
    pub offsets: *const u32,
    pub height: usize,
    pub width: usize,
    /// Floats from one row of `right` to the next.
    pub row_stride: usize,
    /// Vectors `[r][t]`; started at zero if `fresh`.
    pub sums: *mut f32,
    pub fresh: bool,
}

impl Accumulate for Outer {
    const BESIDE_FOUR_ROWS: usize = 3;

    #[inline(always)]
    unsafe fn tile<S: Simd, const R: usize, const T: usize>(self, simd: S) {
        for group in (0..LANES).step_by(S::F32_LANES) {
            let mut sums = [[simd.splat_f32s(0.0); T]; R];
            // SAFETY: as the caller of `run` says.
            unsafe {
                if !self.fresh {
                    for r in 0..R {
                        for t in 0..T {
                            sums[r][t] = load::<S>(self.sums.add((r * T + t) * LANES + group));
                        }
                    }
                }
                let mut left = self.left.add(group);
                let mut streams = [self.right.add(group); T];
                for t in 0..T {
                    streams[t] = streams[t].add(*self.offsets.add(t) as usize);
                }
                for y in 0..self.height {
                    let row = y * self.row_stride;
                    for x in 0..self.width {
                        let mut right = [simd.splat_f32s(0.0); T];
                        for t in 0..T {
                            right[t] = load::<S>(streams[t].add(row + x * LANES));
                        }
                        for r in 0..R {
                            let left = load::<S>(left.add(r * self.left_row));
                            for t in 0..T {
                                sums[r][t] = simd.mul_add_f32s(left, right[t], sums[r][t]);
                            }
                            in_order::<S>();
                        }
                        left = left.add(LANES);
                    }
                }
                for r in 0..R {
                    for t in 0..T {
                        store::<S>(self.sums.add((r * T + t) * LANES + group), sums[r][t]);
                    }
                }
            }
        }
    }
}
