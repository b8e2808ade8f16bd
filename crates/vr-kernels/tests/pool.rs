//! Pooling and element-wise kernels against plain loops.

mod common;

use common::{assert_close, bits, pad, values};
use vr_kernels::{Affine, Isa, LANES, Pool, add, add_assign, relu, relu_backward};

/// `size × size` windows side by side.
const fn tiles(channels: usize, height: usize, width: usize, size: usize) -> Pool {
    Pool { channels, height, width, kernel: [size; 2], stride: [size; 2], padding: [0; 2] }
}

const POOLS: [Pool; 12] = [
    tiles(1, 2, 2, 2),
    tiles(3, 4, 6, 2),
    tiles(2, 5, 7, 2),
    tiles(2, 7, 8, 3),
    tiles(2, 8, 8, 8),
    tiles(2, 3, 2, 1),
    // Windows that overlap, that leave gaps, that are padded, that are no squares.
    Pool { kernel: [3, 3], stride: [2, 2], padding: [1, 1], ..tiles(2, 8, 8, 1) },
    Pool { kernel: [3, 3], stride: [1, 1], padding: [0, 0], ..tiles(3, 5, 4, 1) },
    Pool { kernel: [2, 2], stride: [3, 4], padding: [0, 1], ..tiles(2, 8, 9, 1) },
    Pool { kernel: [5, 1], stride: [2, 1], padding: [2, 0], ..tiles(1, 4, 3, 1) },
    Pool { kernel: [6, 7], stride: [1, 1], padding: [0, 0], ..tiles(2, 6, 7, 1) },
    Pool { kernel: [2, 3], stride: [2, 3], padding: [1, 1], ..tiles(2, 5, 7, 1) },
];

fn lengths(p: Pool) -> (usize, usize) {
    let [h, w] = p.output();
    (p.channels * p.height * p.width * LANES, p.channels * h * w * LANES)
}

/// The places in x of every window's values inside the picture, in the order of the output.
fn windows(p: Pool) -> Vec<Vec<usize>> {
    let [rows, columns] = p.output();
    let mut all = Vec::new();
    for c in 0..p.channels {
        for (row, column) in (0..rows).flat_map(|row| (0..columns).map(move |column| (row, column))) {
            for lane in 0..LANES {
                let mut places = Vec::new();
                for (i, j) in (0..p.kernel[0]).flat_map(|i| (0..p.kernel[1]).map(move |j| (i, j))) {
                    let y = (row * p.stride[0] + i).wrapping_sub(p.padding[0]);
                    let x = (column * p.stride[1] + j).wrapping_sub(p.padding[1]);
                    if y < p.height && x < p.width {
                        places.push(((c * p.height + y) * p.width + x) * LANES + lane);
                    }
                }
                all.push(places);
            }
        }
    }
    all
}

/// Values of which many are equal, to have ties.
fn coarse(seed: u64, len: usize) -> Vec<f32> {
    values(seed, len).iter().map(|v| (v * 4.0).round() / 4.0).collect()
}

fn read(x: &[f32], prologue: Option<Affine<'_>>, channels: usize) -> Vec<f32> {
    let Some(p) = prologue else { return x.to_vec() };
    let len = x.len() / channels;
    let y = x.iter().enumerate().map(|(i, &x)| p.scale[i / len].mul_add(x, p.shift[i / len]));
    y.map(|y| if p.relu && y <= 0.0 { 0.0 } else { y }).collect()
}

#[test]
fn pooling_is_the_reference_on_every_instruction_set() {
    for (seed, pool) in POOLS.into_iter().enumerate() {
        let (input, output) = lengths(pool);
        let x = coarse(seed as u64, input);
        let dout = pad(values(seed as u64 + 50, output), 7, 0.0);
        let (scale, shift) = ([0.5, -1.5, 1.0], [0.25, 0.5, -0.25]);
        let affine = |relu| Affine { scale: &scale[..pool.channels], shift: &shift[..pool.channels], relu };
        for prologue in [None, Some(affine(false)), Some(affine(true))] {
            let values = read(&x, prologue, pool.channels);
            let mut max = Vec::new();
            let mut max_dx = vec![0f64; input];
            let count = (pool.kernel[0] * pool.kernel[1]) as f64;
            let (mut mean, mut mean_dx) = (Vec::new(), vec![0f64; input]);
            for (window, dout) in windows(pool).iter().zip(&dout) {
                let first = window.iter().fold(window[0], |best, &i| if values[i] > values[best] { i } else { best });
                max.push(values[first]);
                max_dx[first] += f64::from(*dout);
                mean.push(window.iter().map(|&i| f64::from(values[i])).sum::<f64>() / count);
                window.iter().for_each(|&i| mean_dx[i] += f64::from(*dout) / count);
            }
            let (mut first, mut first_dx) = (None, None);
            for isa in Isa::available() {
                let mut out = vec![f32::NAN; output];
                pool.max(isa, &x, prologue, &mut out);
                assert_eq!(bits(&out), bits(&max), "{pool:?} {isa:?}");
                let mut dx = vec![f32::NAN; input];
                pool.max_backward(isa, &x, prologue, &dout, &mut dx);
                assert_close(&dx, &max_dx, "gradient of the maximum");
                assert_eq!(*first_dx.get_or_insert(bits(&dx)), bits(&dx), "{pool:?} {isa:?}");
                pool.mean(isa, &x, prologue, &mut out);
                assert_close(&out, &mean, "mean");
                assert_eq!(*first.get_or_insert(bits(&out)), bits(&out), "{pool:?} {isa:?}");
                pool.mean_backward(isa, &dout, &mut dx);
                assert_close(&dx, &mean_dx, "gradient of the mean");
            }
        }
    }
}

#[test]
#[should_panic(expected = "the output is not")]
fn lengths_are_checked() {
    POOLS[1].max(Isa::detect(), &vec![0.0; lengths(POOLS[1]).0], None, &mut [0.0; 16]);
}

#[test]
fn elementwise_kernels_do_what_they_say() {
    for len in [LANES, 7 * LANES, 133 * LANES] {
        let (a, b) = (coarse(1, len), values(2, len));
        for isa in Isa::available() {
            let mut out = vec![f32::NAN; len];
            add(isa, &a, &b, &mut out);
            assert!(out.iter().zip(&a).zip(&b).all(|((out, a), b)| *out == a + b));
            let sum = out.clone();
            add_assign(isa, &a, &mut out);
            assert!(out.iter().zip(&a).zip(&sum).all(|((out, a), sum)| *out == sum + a));
            relu(isa, &a, &mut out);
            assert!(out.iter().zip(&a).all(|(out, a)| *out == if *a > 0.0 { *a } else { 0.0 }));
            relu_backward(isa, &a, &b, &mut out);
            assert!(out.iter().zip(&a).zip(&b).all(|((out, a), b)| *out == if *a > 0.0 { *b } else { 0.0 }));
        }
    }
}

#[test]
fn windows_that_are_none_are_refused() {
    let good = Pool { kernel: [3; 2], stride: [2; 2], padding: [1; 2], ..tiles(1, 4, 4, 1) };
    for bad in [
        Pool { kernel: [0, 3], ..good },
        Pool { stride: [2, 0], ..good },
        Pool { padding: [2, 1], ..good },
        Pool { kernel: [7, 3], ..good },
        Pool { kernel: [3, usize::MAX], padding: [1, usize::MAX / 2], ..good },
        Pool { channels: 0, ..good },
        Pool { channels: 1 << 59, height: 1 << 32, width: 1 << 32, ..good },
    ] {
        let (x, mut out) = (vec![0.0; 16 * LANES], vec![0.0; 4 * LANES]);
        let run = std::panic::catch_unwind(move || bad.max(Isa::detect(), &x, None, &mut out));
        assert!(run.is_err(), "{bad:?}");
    }
}
