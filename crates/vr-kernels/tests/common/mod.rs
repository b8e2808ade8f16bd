//! What several tests need.
#![allow(dead_code)]

use vr_kernels::LANES;

/// Numbers between −1 and 1, the same for the same seed.
pub fn values(seed: u64, len: usize) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        ((state >> 40) as f32 / (1 << 23) as f32) - 1.0
    };
    (0..len + 8).map(|_| next()).skip(8).collect()
}

/// Fills the lanes without samples.
pub fn pad(mut x: Vec<f32>, lanes: usize, with: f32) -> Vec<f32> {
    for position in x.chunks_exact_mut(LANES) {
        position[lanes..].fill(with);
    }
    x
}

pub fn bits(x: &[f32]) -> Vec<u32> {
    x.iter().map(|x| x.to_bits()).collect()
}

/// Asserts that the largest difference is within 1e-5 of the largest value.
pub fn assert_close(values: &[f32], expected: &[f64], what: &str) {
    assert_eq!(values.len(), expected.len(), "{what}");
    let largest = expected.iter().fold(0f64, |m, e| m.max(e.abs()));
    for (i, (&v, &e)) in values.iter().zip(expected).enumerate() {
        assert!((f64::from(v) - e).abs() <= 1e-5 * largest, "{what}: {v}, not {e} at {i}");
    }
}
