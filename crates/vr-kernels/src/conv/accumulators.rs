//! Tiles of accumulators in registers, compiled for each size.

use pulp::Simd;

/// Rows of a tile at most, output channels all: weights are packed for blocks of at most so many.
pub(super) const ROWS: usize = 4;

/// Columns of a tile at most, on any instruction set.
pub(super) const MAX_COLUMNS: usize = 6;

#[inline(always)]
pub(super) fn has_32_registers<S: Simd>() -> bool {
    S::F32_LANES == 16 || cfg!(target_arch = "aarch64")
}

/// Keeps the compiler from loading the factor of the next row before this row's products: with 16 registers there is
/// none for it.
#[inline(always)]
pub(super) fn in_order<S: Simd>() {
    #[cfg(target_arch = "x86_64")]
    if !has_32_registers::<S>() {
        // SAFETY: no instruction at all.
        unsafe { std::arch::asm!("", options(nostack, preserves_flags)) };
    }
}

/// What is computed by a tile of accumulators.
pub(super) trait Accumulate: Sized {
    /// Columns of a tile of four rows where there are 16 registers. Three need them all: unless the compiler keeps
    /// each factor for its row's products alone, it stores and loads a sum at every step.
    const BESIDE_FOUR_ROWS: usize;

    /// Columns of a tile of so many rows at most: what the registers hold beside a row of operands and a factor. Eight
    /// sums hide the latency of multiply-adds.
    #[inline(always)]
    fn max_columns<S: Simd>(rows: usize) -> usize {
        match rows {
            _ if has_32_registers::<S>() => MAX_COLUMNS,
            1 => 6,
            2 => 4,
            3 => 3,
            _ => Self::BESIDE_FOUR_ROWS,
        }
    }

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
            3 if A::max_columns::<S>(R) >= 3 => work.tile::<S, R, 3>(simd),
            4 if A::max_columns::<S>(R) >= 4 => work.tile::<S, R, 4>(simd),
            5 if A::max_columns::<S>(R) >= 5 => work.tile::<S, R, 5>(simd),
            6 if A::max_columns::<S>(R) >= 6 => work.tile::<S, R, 6>(simd),
            _ => unreachable!("at most max_columns columns"),
        }
    }
}
