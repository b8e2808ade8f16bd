//! The inner loop of forward and input gradient: a tile of accumulators in registers.

// Indices as in the equations.
#![allow(clippy::needless_range_loop)]

use pulp::Simd;

use super::accumulators::Accumulate;
use super::ahead::prefetch;
use super::simd::{load, store};
use crate::LANES;

/// What the accumulators hold at first.
#[derive(Clone, Copy)]
pub(super) enum Start {
    Zero,
    /// One value for each row of the tile.
    Bias(*const f32),
    /// One vector for each row and column.
    Sums(Grid),
}

/// Where the vectors of a tile lie.
#[derive(Clone, Copy)]
pub(super) struct Grid {
    pub origin: *mut f32,
    /// Floats from one row (output channel) to the next.
    pub row: usize,
    /// Floats from one column (position) to the next.
    pub column: usize,
}

impl Grid {
    /// # Safety
    /// The place has such a row and column.
    #[inline(always)]
    pub unsafe fn at(self, row: usize, column: usize) -> *mut f32 {
        // SAFETY: as the caller says.
        unsafe { self.origin.add(row * self.row + column * self.column) }
    }
}

/// Which steps of a tile are taken: `count` runs of `len` steps, one every `stride`.
#[derive(Clone, Copy)]
pub(super) struct Runs {
    pub count: usize,
    pub len: usize,
    pub stride: usize,
}

/// One tile: `end (r, x) = start (r, x) + Σ weights[step][r] · input[offsets[step] + x]`, summed in
/// the order of the steps.
#[derive(Clone, Copy)]
pub(super) struct Tile {
    pub runs: Runs,
    /// Of the first step.
    pub offsets: *const u32,
    pub weights: *const f32,
    pub input: *const f32,
    pub start: Start,
    pub end: Grid,
    /// Whether `end` is hardly in a cache.
    pub far: bool,
}

impl Accumulate for Tile {
    const BESIDE_FOUR_ROWS: usize = 2;

    #[inline(always)]
    unsafe fn tile<S: Simd, const R: usize, const X: usize>(self, simd: S) {
        for group in (0..LANES).step_by(S::F32_LANES) {
            let mut sums = [[simd.splat_f32s(0.0); X]; R];
            // SAFETY: as the caller of `run` says.
            unsafe {
                match self.start {
                    Start::Zero => {}
                    Start::Bias(bias) => {
                        for r in 0..R {
                            sums[r] = [simd.splat_f32s(*bias.add(r)); X];
                        }
                    }
                    Start::Sums(place) => {
                        for r in 0..R {
                            for x in 0..X {
                                sums[r][x] = load::<S>(place.at(r, x).add(group));
                            }
                        }
                    }
                }
                if self.far {
                    for r in 0..R {
                        for x in 0..X {
                            prefetch::<true>(self.end.at(r, x).add(group));
                        }
                    }
                }
                for run in 0..self.runs.count {
                    let first = run * self.runs.stride;
                    let mut weights = self.weights.add(first * R);
                    for step in first..first + self.runs.len {
                        let input = self.input.add(*self.offsets.add(step) as usize + group);
                        let mut inputs = [simd.splat_f32s(0.0); X];
                        for x in 0..X {
                            inputs[x] = load::<S>(input.add(x * LANES));
                        }
                        for r in 0..R {
                            let weight = simd.splat_f32s(*weights.add(r));
                            for x in 0..X {
                                sums[r][x] = simd.mul_add_f32s(weight, inputs[x], sums[r][x]);
                            }
                        }
                        weights = weights.add(R);
                    }
                }
                for r in 0..R {
                    for x in 0..X {
                        store::<S>(self.end.at(r, x).add(group), sums[r][x]);
                    }
                }
            }
        }
    }
}
