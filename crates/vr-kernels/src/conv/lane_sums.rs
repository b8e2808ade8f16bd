//! Sums over the lanes of several vectors.

use pulp::Simd;

use crate::LANES;
use crate::lanes::sum16;

/// How many sums are taken at a time.
pub(super) const SUMS: usize = 8;

/// The sums of eight vectors, each by the tree of [`sum16`].
///
/// # Safety
/// `vectors` is valid for reads of `[8][16]`.
#[inline(always)]
pub(super) unsafe fn lane_sums<S: Simd>(_: S, vectors: *const f32) -> [f32; SUMS] {
    // SAFETY: as the caller says; vectors of eight floats or more exist on x86 with AVX only.
    unsafe {
        #[cfg(target_arch = "x86_64")]
        if S::F32_LANES >= 8 {
            return avx(vectors);
        }
        let vectors = &*vectors.cast::<[[f32; LANES]; SUMS]>();
        let mut sums = [0.0; SUMS];
        for (sum, vector) in sums.iter_mut().zip(vectors) {
            *sum = sum16(vector);
        }
        sums
    }
}

/// The same tree in vectors: each level adds halves, and joins the results of two vectors in one.
#[cfg(target_arch = "x86_64")]
#[inline]
#[target_feature(enable = "avx")]
unsafe fn avx(vectors: *const f32) -> [f32; SUMS] {
    use std::arch::x86_64::*;
    let mut eight = [_mm256_setzero_ps(); SUMS];
    for (i, v) in eight.iter_mut().enumerate() {
        // SAFETY: as the caller of `lane_sums` says.
        *v = unsafe {
            let low = vectors.add(i * LANES);
            _mm256_add_ps(_mm256_loadu_ps(low), _mm256_loadu_ps(low.add(LANES / 2)))
        };
    }
    let mut four = [_mm256_setzero_ps(); 4];
    for (i, v) in four.iter_mut().enumerate() {
        let (a, b) = (eight[i], eight[i + 4]);
        *v = _mm256_add_ps(_mm256_permute2f128_ps::<0x20>(a, b), _mm256_permute2f128_ps::<0x31>(a, b));
    }
    let mut two = [_mm256_setzero_pd(); 2];
    for (i, v) in two.iter_mut().enumerate() {
        let (a, b) = (_mm256_castps_pd(four[2 * i]), _mm256_castps_pd(four[2 * i + 1]));
        let (low, high) = (_mm256_unpacklo_pd(a, b), _mm256_unpackhi_pd(a, b));
        *v = _mm256_castps_pd(_mm256_add_ps(_mm256_castpd_ps(low), _mm256_castpd_ps(high)));
    }
    let (a, b) = (_mm256_castpd_ps(two[0]), _mm256_castpd_ps(two[1]));
    let sums = _mm256_add_ps(_mm256_shuffle_ps::<0b10_00_10_00>(a, b), _mm256_shuffle_ps::<0b11_01_11_01>(a, b));
    let mut to = [0.0; SUMS];
    // SAFETY: eight floats.
    unsafe { _mm256_storeu_ps(to.as_mut_ptr(), sums) };
    to
}
