//! The inner loop of the weight gradient: a tile of accumulators of products of two pictures.

// Indices as in the equations.
#![allow(clippy::needless_range_loop)]

use pulp::Simd;

use super::simd::{load, store};
use super::tile::has_32_registers;
use crate::LANES;

/// Output channels of a tile at most; their gradients are packed for blocks of at most so many.
pub(super) const ROWS: usize = 4;

/// Weights of an output channel in a tile at most.
#[inline(always)]
pub(super) fn max_columns<S: Simd>() -> usize {
    if has_32_registers::<S>() { MAX_COLUMNS } else { 3 }
}

pub(super) const MAX_COLUMNS: usize = 6;

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

impl Outer {
    /// Runs the tile of `rows × columns`.
    ///
    /// # Safety
    /// `1 ≤ rows ≤ ROWS`, `1 ≤ columns ≤ max_columns`, and each pointer is valid for what such a
    /// tile reads and writes.
    #[inline(always)]
    pub unsafe fn run<S: Simd>(self, simd: S, rows: usize, columns: usize) {
        // SAFETY: as the caller says.
        unsafe {
            match rows {
                1 => self.rows::<S, 1>(simd, columns),
                2 => self.rows::<S, 2>(simd, columns),
                3 => self.rows::<S, 3>(simd, columns),
                4 => self.rows::<S, 4>(simd, columns),
                _ => unreachable!("at most ROWS rows"),
            }
        }
    }

    #[inline(always)]
    unsafe fn rows<S: Simd, const R: usize>(self, simd: S, columns: usize) {
        // SAFETY: as the caller of `run` says.
        unsafe {
            match columns {
                1 => self.tile::<S, R, 1>(simd),
                2 => self.tile::<S, R, 2>(simd),
                3 => self.tile::<S, R, 3>(simd),
                4 if has_32_registers::<S>() => self.tile::<S, R, 4>(simd),
                5 if has_32_registers::<S>() => self.tile::<S, R, 5>(simd),
                6 if has_32_registers::<S>() => self.tile::<S, R, 6>(simd),
                _ => unreachable!("at most max_columns columns"),
            }
        }
    }

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
