//! Between samples one after another and lane blocks.

use crate::LANES;

/// Puts samples into lane blocks: `out[block][i][lane] = samples[16 · block + lane][i]`, and zero
/// where there is no sample.
///
/// `samples` is `[n][len]` (a tensor NCHW, say) and `out` is `[⌈n / 16⌉][len][16]`.
///
/// # Panics
/// If the lengths do not fit.
pub fn pack(samples: &[f32], len: usize, out: &mut [f32]) {
    check(samples.len(), len, out.len());
    for (samples, out) in samples.chunks(LANES * len).zip(out.chunks_exact_mut(LANES * len)) {
        for (tile, out) in out.chunks_mut(LANES * LANES).enumerate() {
            let start = tile * LANES;
            let rows = out.len() / LANES;
            if samples.len() < LANES * len {
                out.fill(0.0);
            }
            for (lane, sample) in samples.chunks_exact(len).enumerate() {
                for (out, &value) in out.chunks_exact_mut(LANES).zip(&sample[start..start + rows]) {
                    out[lane] = value;
                }
            }
        }
    }
}

/// Takes samples out of lane blocks, the reverse of [`pack`].
///
/// `blocks` is `[⌈n / 16⌉][len][16]` and `out` is `[n][len]`.
///
/// # Panics
/// If the lengths do not fit.
pub fn unpack(blocks: &[f32], len: usize, out: &mut [f32]) {
    check(out.len(), len, blocks.len());
    for (block, out) in blocks.chunks_exact(LANES * len).zip(out.chunks_mut(LANES * len)) {
        for (tile, block) in block.chunks(LANES * LANES).enumerate() {
            let start = tile * LANES;
            let rows = block.len() / LANES;
            for (lane, sample) in out.chunks_exact_mut(len).enumerate() {
                for (value, block) in sample[start..start + rows].iter_mut().zip(block.chunks_exact(LANES)) {
                    *value = block[lane];
                }
            }
        }
    }
}

fn check(samples: usize, len: usize, blocks: usize) {
    assert!(len > 0 && samples.is_multiple_of(len), "the samples are not [n][{len}]");
    assert_eq!(blocks, (samples / len).div_ceil(LANES) * len * LANES, "the blocks are not [blocks][{len}][16]");
}
