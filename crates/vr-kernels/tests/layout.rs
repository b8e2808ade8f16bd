//! Samples into lane blocks and back.

mod common;

use common::values;
use vr_kernels::{Crop, LANES, Pixels, pack, unpack};

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

#[test]
fn pixels_are_cropped_flipped_and_normalised() {
    let (channels, height, width) = (2, 5, 7);
    let (mean, std, padding) = ([0.48, 0.25], [0.2, 0.5], [-1.0, 0.75]);
    let pixels = Pixels::new(height, width, &mean, &std, &padding);
    for lanes in [1, 7, 16] {
        let images: Vec<Vec<u8>> = (0..lanes)
            .map(|l| values(l as u64, channels * height * width).iter().map(|v| (v * 127.0 + 128.0) as u8).collect())
            .collect();
        let crop = |l: usize| Crop { y: (l * 5 % 9) as isize - 4, x: (l * 2 % 17) as isize - 8, flip: l % 3 == 1 };
        let crops: Vec<Crop> = (0..lanes).map(crop).collect();
        let mut out = vec![f32::NAN; channels * height * width * LANES];
        pixels.pack(&images.iter().map(Vec::as_slice).collect::<Vec<_>>(), &crops, &mut out);
        for (i, &v) in out.iter().enumerate() {
            let (lane, place) = (i % LANES, i / LANES);
            let (c, y, x) = (place / (height * width), place / width % height, place % width);
            if lane >= lanes {
                assert_eq!(v.to_bits(), 0);
                continue;
            }
            let crop = crops[lane];
            let y = y as isize + crop.y;
            let x = if crop.flip { width - 1 - x } else { x } as isize + crop.x;
            if (0..height as isize).contains(&y) && (0..width as isize).contains(&x) {
                let u = images[lane][(c * height + y as usize) * width + x as usize];
                let expected = (f64::from(u) / 255.0 - f64::from(mean[c])) / f64::from(std[c]);
                assert!((f64::from(v) - expected).abs() < 1e-6);
            } else {
                assert_eq!(v, padding[c]);
            }
        }
    }
}
