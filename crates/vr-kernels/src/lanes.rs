//! The sixteen lanes of a block: masks and sums.

use pulp::Simd;

use crate::LANES;

/// The sum over the lanes, always as the same tree: `v[i] + v[i + 8]`, then 4, 2 and 1.
#[inline(always)]
pub(crate) fn sum16<T: Copy + std::ops::Add<Output = T>>(v: &[T; LANES]) -> T {
    let mut v = *v;
    let mut half = LANES / 2;
    while half > 0 {
        for i in 0..half {
            v[i] = v[i] + v[i + half];
        }
        half /= 2;
    }
    v[0]
}

/// The vectors that make up sixteen lanes.
#[inline(always)]
pub(crate) const fn groups<S: Simd>() -> usize {
    LANES / S::F32_LANES
}

/// Which lanes of vector `group` hold samples, of which the block has `lanes`.
#[inline(always)]
pub(crate) fn mask<S: Simd>(simd: S, lanes: usize, group: usize) -> S::m32s {
    const INDEX: [f32; LANES] = [0., 1., 2., 3., 4., 5., 6., 7., 8., 9., 10., 11., 12., 13., 14., 15.];
    simd.less_than_f32s(vectors::<S>(&INDEX)[group], simd.splat_f32s(lanes as f32))
}

/// The slice as vectors.
#[inline(always)]
pub(crate) fn vectors<S: Simd>(x: &[f32]) -> &[S::f32s] {
    S::as_simd_f32s(x).0
}

/// The slice as vectors.
#[inline(always)]
pub(crate) fn vectors_mut<S: Simd>(x: &mut [f32]) -> &mut [S::f32s] {
    S::as_mut_simd_f32s(x).0
}

/// Zero in place of the padded lanes.
#[inline(always)]
pub(crate) fn only_real(values: [f64; LANES], lanes: usize) -> [f64; LANES] {
    std::array::from_fn(|l| if l < lanes { values[l] } else { 0.0 })
}

/// Panics unless a block can hold that many samples.
pub(crate) fn check(lanes: usize) {
    assert!((1..=LANES).contains(&lanes), "a lane block holds 1 to 16 samples");
}

/// The length of one channel of a block. Panics unless the block divides evenly.
pub(crate) fn channel_len(len: usize, channels: usize) -> usize {
    assert!(channels > 0, "no channels");
    assert!(len.is_multiple_of(channels * LANES) && len > 0, "not [{channels}][positions][16]");
    len / channels
}
