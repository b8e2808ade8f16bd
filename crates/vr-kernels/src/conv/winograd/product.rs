//! The inner loop of the weight gradient: a matrix product with output channels in the lanes.

// Indices as in the equations.
#![allow(clippy::needless_range_loop)]

use pulp::Simd;

use crate::LANES;
use crate::conv::accumulators::has_32_registers;
use crate::conv::simd::{load, store};

/// Vectors of a row of the sums at a time, at most.
pub(super) const COLUMNS: usize = 3;

/// Rows at a time at most, of so many vectors: what the registers hold beside a row of vectors and a factor, with one
/// to spare where there are 16.
#[inline(always)]
pub(super) fn max_rows<S: Simd>(columns: usize) -> usize {
    match columns {
        _ if has_32_registers::<S>() => 8,
        1 => 8,
        2 => 4,
        _ => 3,
    }
}

/// `sums[r][o] = Σ over tiles t and samples k of left[r][t, k] · right[t, k][o]`, added to what stands
/// there unless `fresh`. The samples of a tile are summed first, then the tiles: one long sum would be
/// less exact.
#[derive(Clone, Copy)]
pub(super) struct Product {
    /// Numbers, and how many lie from one row to the next.
    pub left: *const f32,
    pub left_row: usize,
    /// Vectors, and floats from one sample to the next.
    pub right: *const f32,
    pub right_row: usize,
    pub tiles: usize,
    pub sums: *mut f32,
    pub sums_row: usize,
    pub fresh: bool,
}

impl Product {
    /// Computes `rows` rows of `columns` vectors.
    ///
    /// # Safety
    /// `1 ≤ columns ≤ COLUMNS`, `1 ≤ rows ≤ max_rows(columns)`, and each pointer is valid for what such a
    /// product reads and writes.
    #[inline(always)]
    pub unsafe fn run<S: Simd>(self, simd: S, rows: usize, columns: usize) {
        // SAFETY: as the caller says.
        unsafe {
            match columns {
                1 => self.columns::<S, 1>(simd, rows),
                2 => self.columns::<S, 2>(simd, rows),
                3 => self.columns::<S, 3>(simd, rows),
                _ => unreachable!("at most COLUMNS columns"),
            }
        }
    }

    #[inline(always)]
    unsafe fn columns<S: Simd, const X: usize>(self, simd: S, rows: usize) {
        // SAFETY: as the caller of `run` says.
        unsafe {
            match rows {
                1 => self.tile::<S, X, 1>(simd),
                2 => self.tile::<S, X, 2>(simd),
                3 => self.tile::<S, X, 3>(simd),
                4 if max_rows::<S>(X) >= 4 => self.tile::<S, X, 4>(simd),
                5 if max_rows::<S>(X) >= 5 => self.tile::<S, X, 5>(simd),
                6 if max_rows::<S>(X) >= 6 => self.tile::<S, X, 6>(simd),
                7 if max_rows::<S>(X) >= 7 => self.tile::<S, X, 7>(simd),
                8 if max_rows::<S>(X) >= 8 => self.tile::<S, X, 8>(simd),
                _ => unreachable!("at most max_rows rows"),
            }
        }
    }

    #[inline(always)]
    unsafe fn tile<S: Simd, const X: usize, const R: usize>(self, simd: S) {
        let zero = simd.splat_f32s(0.0);
        for group in (0..LANES).step_by(S::F32_LANES) {
            let mut totals = [[zero; X]; R];
            // SAFETY: as the caller of `run` says.
            unsafe {
                let (mut left, mut right) = (self.left, self.right.add(group));
                for _ in 0..self.tiles {
                    let mut sums = [[zero; X]; R];
                    for sample in 0..LANES {
                        let mut vectors = [zero; X];
                        for x in 0..X {
                            vectors[x] = load::<S>(right.add(x * LANES));
                        }
                        for r in 0..R {
                            let factor = simd.splat_f32s(*left.add(r * self.left_row + sample));
                            for x in 0..X {
                                sums[r][x] = simd.mul_add_f32s(factor, vectors[x], sums[r][x]);
                            }
                        }
                        right = right.add(self.right_row);
                    }
                    left = left.add(LANES);
                    for r in 0..R {
                        for x in 0..X {
                            totals[r][x] = simd.add_f32s(totals[r][x], sums[r][x]);
                        }
                    }
                }
                for r in 0..R {
                    for x in 0..X {
                        let to = self.sums.add(r * self.sums_row + x * LANES + group);
                        let before = if self.fresh { zero } else { load::<S>(to) };
                        store::<S>(to, simd.add_f32s(before, totals[r][x]));
                    }
                }
            }
        }
    }
}
