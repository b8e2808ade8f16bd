//! Tiles of accumulators in registers, compiled for each size.

use pulp::Simd;

/// Rows of a tile at most, output channels all: weights are packed for blocks of at most so many.
pub(super) const ROWS: usize = 4;

/// Columns of a tile at most, on any instruction set.
pub(super) const MAX_COLUMNS: usize = 6;

/// Those of a tile of so many rows on one instruction set: what the registers hold beside a row of operands and a
/// factor, with one to spare where there are 16. A tile that needs them all has its sums stored and loaded at every
/// step; 8 sums hide the latency of multiply-adds.
#[inline(always)]
pub(super) const fn max_columns<S: Simd>(rows: usize) -> usize {
    match rows {
        _ if has_32_registers::<S>() => MAX_COLUMNS,
        1 => 6,
        2 => 4,
        3 => 3,
        _ => 2,
    }
}

#[inline(always)]
pub(super) const fn has_32_registers<S: Simd>() -> bool {
    S::F32_LANES == 16 || cfg!(target_arch = "aarch64")
}

/// What is computed by a tile of accumulators.
pub(super) trait Accumulate: Sized {
    /// Computes a tile of `R × X` vectors.
    ///
    /// # Safety
    /// Each pointer is valid for what such a tile reads and writes.
    unsafe fn tile<S: Simd, const R: usize, const X: usize>(self, simd: S);

    /// Computes a tile of `rows × columns` vectors.
    ///
    /// # Safety
    /// `1 ≤ rows ≤ ROWS`, `1 ≤ columns ≤ max_columns(rows)`, and each pointer is valid for what such a
    /// tile reads and writes.
    #[inline(always)]
    unsafe fn run<S: Simd>(self, simd: S, rows: usize, columns: usize) {
        // SAFETY: as the caller says.
        unsafe {
            match rows {
                1 => run_rows::<_, S, 1>(self, simd, columns),
                2 => run_rows::<_, S, 2>(self, simd, columns),
                3 => run_rows::<_, S, 3>(self, simd, columns),
                4 => run_rows::<_, S, 4>(self, simd, columns),
                _ => unreachable!("at most ROWS rows"),
            }
        }
    }
}

#[inline(always)]
unsafe fn run_rows<A: Accumulate, S: Simd, const R: usize>(work: A, simd: S, columns: usize) {
    // SAFETY: as the caller of `run` says.
    unsafe {
        match columns {
            1 => work.tile::<S, R, 1>(simd),
            2 => work.tile::<S, R, 2>(simd),
            3 if max_columns::<S>(R) >= 3 => work.tile::<S, R, 3>(simd),
            4 if max_columns::<S>(R) >= 4 => work.tile::<S, R, 4>(simd),
            5 if max_columns::<S>(R) >= 5 => work.tile::<S, R, 5>(simd),
            6 if max_columns::<S>(R) >= 6 => work.tile::<S, R, 6>(simd),
            _ => unreachable!("at most max_columns columns"),
        }
    }
}
