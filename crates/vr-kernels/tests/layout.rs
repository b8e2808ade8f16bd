//! Samples into lane blocks and back.

mod common;

use common::values;
use vr_kernels::{LANES, pack, unpack};

#[test]
fn packing_transposes_and_pads() {
    for (n, len) in [(1, 1), (16, 16), (17, 5), (40, 75), (128, 48)] {
        let samples = values(n as u64, n * len);
        let mut blocks = vec![f32::NAN; n.div_ceil(LANES) * len * LANES];
        pack(&samples, len, &mut blocks);
        for (b, block) in blocks.chunks(len * LANES).enumerate() {
            for (i, v) in block.iter().enumerate() {
                let sample = b * LANES + i % LANES;
                let expected = if sample < n { samples[sample * len + i / LANES] } else { 0.0 };
                assert_eq!(v.to_bits(), expected.to_bits());
            }
        }
        let mut back = vec![f32::NAN; samples.len()];
        unpack(&blocks, len, &mut back);
        assert_eq!(back, samples);
    }
}
