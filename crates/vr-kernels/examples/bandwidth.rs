//! How fast the memory-bound kernels go, next to a plain copy in turn.
#![allow(clippy::print_stdout)]

use std::hint::black_box;
use std::time::Instant;

use vr_kernels::{
    Affine, Crop, InputGradient, Isa, LANES, Moments, NormBackward, NormSums, Pixels, Pool, add_assign, channel_sums,
    moments, pack, relu_backward,
};

/// Rounds, each of which takes every kernel in turn.
const ROUNDS: usize = 15;

type Kernel<'a> = (&'a str, usize, Box<dyn FnMut(usize) + 'a>);

fn main() {
    let isa = Isa::detect();
    println!("{}", isa.name());
    for (channels, side, blocks) in [(8, 32, 1), (8, 32, 64), (64, 8, 1), (64, 8, 128)] {
        measure(isa, channels, side, blocks);
    }
    packing();
}

/// Runs over `blocks` blocks one after another: with one it stays in the cache.
fn measure(isa: Isa, channels: usize, side: usize, blocks: usize) {
    let len = channels * side * side * LANES;
    let fill = |seed: usize| -> Vec<f32> {
        (0..len * blocks + LANES).map(|i| ((i * 7919 + seed) % 1013) as f32 / 500.0 - 1.0).collect()
    };
    let (mut x, mut dy) = (fill(1), fill(2));
    let (x, dy) = (aligned(&mut x), aligned(&mut dy));
    let at = |b: usize| b * len..(b + 1) * len;
    let (scale, shift) = (vec![1.1; channels], vec![0.1; channels]);
    let prologue = Affine { scale: &scale, shift: &shift, relu: true };
    let (mean, inv_std) = (vec![0.01; channels], vec![1.7; channels]);
    let sums = NormSums { dz: 3.0, dz_normal: 2.0 };
    let gradient = vec![InputGradient::training(1.0, 0.01, 1.7, sums, 1e5); channels];
    let norm = |b: usize| NormBackward { isa, x: &x[at(b)], prologue, lanes: LANES };
    let pool = Pool { channels, height: side, width: side, size: 2 };
    let mut outs: [Vec<f32>; 7] = std::array::from_fn(|_| fill(3));
    let [copy, write, add, own, added, relu, pooled] = outs.each_mut().map(|out| aligned(out));
    let mut pooled_dx = fill(4);
    let pooled_dx = aligned(&mut pooled_dx);
    let bytes = 4 * len;
    let mut kernels: Vec<Kernel<'_>> = vec![
        ("copy", 2 * bytes, Box::new(|b| copy[at(b)].copy_from_slice(&x[at(b)]))),
        (
            "moments",
            bytes,
            Box::new(|b| moments(isa, &x[at(b)], LANES, black_box(&mut vec![Moments::default(); channels]))),
        ),
        ("channel_sums", bytes, Box::new(|b| channel_sums(isa, &x[at(b)], LANES, black_box(&mut vec![0.0; channels])))),
        (
            "norm sums",
            2 * bytes,
            Box::new(|b| {
                norm(b).sums(&dy[at(b)], &mean, &inv_std, black_box(&mut vec![NormSums::default(); channels]))
            }),
        ),
        ("norm write", 3 * bytes, Box::new(|b| norm(b).write(&dy[at(b)], &gradient, &mut write[at(b)]))),
        ("norm add", 4 * bytes, Box::new(|b| norm(b).add(&dy[at(b)], &gradient, &mut add[at(b)]))),
        ("norm in_place", 3 * bytes, Box::new(|b| norm(b).in_place(&mut own[at(b)], &gradient))),
        ("add_assign", 3 * bytes, Box::new(|b| add_assign(isa, &x[at(b)], &mut added[at(b)]))),
        ("relu_backward", 3 * bytes, Box::new(|b| relu_backward(isa, &x[at(b)], &dy[at(b)], &mut relu[at(b)]))),
        (
            "max pool",
            bytes + bytes / 4,
            Box::new(|b| pool.max(isa, &x[at(b)], Some(prologue), &mut pooled[at(b)][..len / 4])),
        ),
        (
            "max pool back",
            2 * bytes + bytes / 4,
            Box::new(|b| {
                pool.max_backward(isa, &x[at(b)], Some(prologue), &dy[at(b)][..len / 4], &mut pooled_dx[at(b)]);
            }),
        ),
    ];
    let mut best = vec![f64::INFINITY; kernels.len()];
    let repeats = (1 << 26) / (bytes * blocks);
    for _ in 0..ROUNDS {
        for ((_, _, kernel), best) in kernels.iter_mut().zip(&mut best) {
            let start = Instant::now();
            for _ in 0..repeats.max(1) {
                (0..blocks).for_each(&mut *kernel);
            }
            *best = best.min(start.elapsed().as_secs_f64() / (repeats.max(1) * blocks) as f64);
        }
    }
    println!("{channels} x {side} x {side}, {blocks} blocks of {} KiB", bytes / 1024);
    for ((name, bytes, _), best) in kernels.iter().zip(best) {
        println!("  {name:14} {:6.1} GB/s {:8.2} us a block", *bytes as f64 / best / 1e9, best * 1e6);
    }
}

/// The slice from its first cache line on, so that no vector crosses one.
fn aligned(x: &mut [f32]) -> &mut [f32] {
    let skip = x.as_ptr().align_offset(64);
    &mut x[skip..]
}

fn packing() {
    let (samples, len) = (128, 3 * 32 * 32);
    let floats: Vec<f32> = (0..samples * len).map(|i| i as f32).collect();
    let bytes: Vec<u8> = (0..samples * len).map(|i| (i % 251) as u8).collect();
    let images: Vec<&[u8]> = bytes.chunks(len).collect();
    let crop = |i: usize| Crop { y: i as isize % 9 - 4, x: i as isize % 7 - 3, flip: i.is_multiple_of(2) };
    let crops: Vec<Crop> = (0..samples).map(crop).collect();
    let pixels = Pixels::new(32, 32, &[0.5; 3], &[0.25; 3], &[0.0; 3]);
    let mut out = vec![0.0; samples * len];
    let mut best = [f64::INFINITY; 2];
    for _ in 0..100 {
        let start = Instant::now();
        pack(&floats, len, black_box(&mut out));
        best[0] = best[0].min(start.elapsed().as_secs_f64());
        let start = Instant::now();
        for ((images, crops), out) in images.chunks(16).zip(crops.chunks(16)).zip(out.chunks_mut(16 * len)) {
            pixels.pack(images, crops, black_box(out));
        }
        best[1] = best[1].min(start.elapsed().as_secs_f64());
    }
    println!("128 samples of 3 x 32 x 32: pack {:.0} us, pixels {:.0} us", best[0] * 1e6, best[1] * 1e6);
}
