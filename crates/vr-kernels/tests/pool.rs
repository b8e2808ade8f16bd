//! Pooling and element-wise kernels against plain loops.

mod common;

use common::{assert_close, bits, pad, values};
use vr_kernels::{Affine, Isa, LANES, Pool, add, add_assign, relu, relu_backward};

const POOLS: [Pool; 6] = [
    Pool { channels: 1, height: 2, width: 2, size: 2 },
    Pool { channels: 3, height: 4, width: 6, size: 2 },
    Pool { channels: 2, height: 5, width: 7, size: 2 },
    Pool { channels: 2, height: 7, width: 8, size: 3 },
    Pool { channels: 2, height: 8, width: 8, size: 8 },
    Pool { channels: 2, height: 3, width: 2, size: 1 },
];

fn lengths(p: Pool) -> (usize, usize) {
    let (h, w) = (p.height / p.size, p.width / p.size);
    (p.channels * p.height * p.width * LANES, p.channels * h * w * LANES)
}

/// The places in x of every window's values, in the order of the output.
fn windows(p: Pool) -> Vec<Vec<usize>> {
    let mut all = Vec::new();
    for c in 0..p.channels {
        for y in 0..p.height / p.size {
            for x in 0..p.width / p.size {
                for lane in 0..LANES {
                    let place = |i: usize| {
                        let (i, j) = (i / p.size, i % p.size);
                        ((c * p.height + y * p.size + i) * p.width + x * p.size + j) * LANES + lane
                    };
                    all.push((0..p.size * p.size).map(place).collect());
                }
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
            let mut max_dx = vec![0f32; input];
            let (mut mean, mut mean_dx) = (Vec::new(), vec![0f64; input]);
            for (window, dout) in windows(pool).iter().zip(&dout) {
                let first = window.iter().fold(window[0], |best, &i| if values[i] > values[best] { i } else { best });
                max.push(values[first]);
                max_dx[first] = *dout;
                let n = window.len() as f64;
                mean.push(window.iter().map(|&i| f64::from(values[i])).sum::<f64>() / n);
                window.iter().for_each(|&i| mean_dx[i] = f64::from(*dout) / n);
            }
            let mut first = None;
            for isa in Isa::available() {
                let mut out = vec![f32::NAN; output];
                pool.max(isa, &x, prologue, &mut out);
                assert_eq!(bits(&out), bits(&max), "{pool:?} {isa:?}");
                let mut dx = vec![f32::NAN; input];
                pool.max_backward(isa, &x, prologue, &dout, &mut dx);
                assert_eq!(bits(&dx), bits(&max_dx), "{pool:?} {isa:?}");
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
