//! Sixteen vectors with their lanes and places exchanged.

use pulp::Simd;

use crate::LANES;

/// `to[i][j] = from[j][i]` for sixteen vectors, of which those from `count` on are zero and not read;
/// `stride` floats lie from one to the next.
///
/// # Safety
/// `from` is valid for reads of `count ≤ 16` vectors, and `to` for writes of `[16][16]`.
#[inline(always)]
pub(super) unsafe fn transpose<S: Simd>(_: S, from: *const f32, stride: usize, count: usize, to: *mut f32) {
    // SAFETY: as the caller says; vectors of eight floats or more exist on x86 with AVX only.
    unsafe {
        #[cfg(target_arch = "x86_64")]
        if S::F32_LANES >= 8 {
            return avx(from, stride, count, to);
        }
        for j in 0..LANES {
            for i in 0..LANES {
                *to.add(i * LANES + j) = if j < count { *from.add(j * stride + i) } else { 0.0 };
            }
        }
    }
}

/// By blocks of 8×8. Halves of the vectors `j` and `j + 4` are joined as they are loaded; what is left
/// are 4×4 blocks within halves.
#[cfg(target_arch = "x86_64")]
#[inline]
#[target_feature(enable = "avx")]
unsafe fn avx(from: *const f32, stride: usize, count: usize, to: *mut f32) {
    use std::arch::x86_64::*;
    // SAFETY: as the caller of `transpose` says.
    let half = |j: usize, i: usize| unsafe {
        if j < count { _mm_loadu_ps(from.add(j * stride + i)) } else { _mm_setzero_ps() }
    };
    for j in [0, LANES / 2] {
        for i in (0..LANES).step_by(4) {
            let mut rows = [_mm256_setzero_ps(); 4];
            for (r, row) in rows.iter_mut().enumerate() {
                *row = _mm256_set_m128(half(j + r + 4, i), half(j + r, i));
            }
            let [a, b, c, d] = rows;
            let [ab, cd] = [_mm256_unpacklo_ps(a, b), _mm256_unpacklo_ps(c, d)];
            let [ab_high, cd_high] = [_mm256_unpackhi_ps(a, b), _mm256_unpackhi_ps(c, d)];
            let columns = [
                _mm256_shuffle_ps::<0x44>(ab, cd),
                _mm256_shuffle_ps::<0xEE>(ab, cd),
                _mm256_shuffle_ps::<0x44>(ab_high, cd_high),
                _mm256_shuffle_ps::<0xEE>(ab_high, cd_high),
            ];
            for (r, column) in columns.into_iter().enumerate() {
                // SAFETY: as the caller of `transpose` says.
                unsafe { _mm256_storeu_ps(to.add((i + r) * LANES + j), column) };
            }
        }
    }
}
