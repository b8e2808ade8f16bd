//! The kernels that memory bounds, beside a plain copy: in the cache (one lane block), and beyond it.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use vr_kernels::{
    Affine, Buffer, InputGradient, Isa, LANES, Moments, NormBackward, NormSums, Pool, add_assign, channel_sums,
    moments, pack, relu_backward,
};

/// Of x, dy and what it writes.
type Kernel<'a> = &'a mut dyn FnMut(&[f32], &[f32], &mut [f32]);

fn noise(len: usize, seed: usize) -> Buffer {
    let mut buffer = Buffer::zeros(len);
    for (i, value) in buffer.iter_mut().enumerate() {
        *value = ((i * 7919 + seed) % 1013) as f32 / 500.0 - 1.0;
    }
    buffer
}

/// Pictures of `channels × side × side` in `blocks` lane blocks, which are taken one after another.
fn kernels(criterion: &mut Criterion, [channels, side, blocks]: [usize; 3]) {
    let isa = Isa::from_environment().expect("VR_ISA");
    let len = channels * side * side * LANES;
    let (x, dy) = (noise(len * blocks, 1), noise(len * blocks, 2));
    let mut out = noise(len * blocks, 3);
    let mut at = (0..blocks).cycle().map(|block| block * len..(block + 1) * len);
    let mut next = || at.next().unwrap_or_default();
    let (scale, shift) = (vec![1.1; channels], vec![0.1; channels]);
    let prologue = Affine { scale: &scale, shift: &shift, relu: true };
    let (mean, inv_std) = (vec![0.01; channels], vec![1.7; channels]);
    let sums = NormSums { dz: 3.0, dz_normal: 2.0 };
    let gradient = vec![InputGradient::training(1.0, 0.01, 1.7, sums, 1e5); channels];
    let pool = Pool { channels, height: side, width: side, kernel: [2; 2], stride: [2; 2], padding: [0; 2] };

    let mut group = criterion.benchmark_group(format!("{channels}x{side}x{side}, {blocks} blocks ({})", isa.name()));
    let mut bench = |name: &str, floats: usize, kernel: Kernel<'_>| {
        group.throughput(Throughput::Bytes(4 * floats as u64));
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let range = next();
                kernel(&x[range.clone()], &dy[range.clone()], black_box(&mut out[range]));
            });
        });
    };
    fn norm<'a>(isa: Isa, x: &'a [f32], prologue: Affine<'a>) -> NormBackward<'a> {
        NormBackward { isa, x, prologue, lanes: LANES }
    }
    bench("copy", 2 * len, &mut |x, _, out| out.copy_from_slice(x));
    let mut found = vec![Moments::default(); channels];
    bench("moments", len, &mut |x, _, _| moments(isa, x, LANES, black_box(&mut found)));
    let mut totals = vec![0.0; channels];
    bench("channel sums", len, &mut |x, _, _| channel_sums(isa, x, LANES, black_box(&mut totals)));
    let mut sums = vec![NormSums::default(); channels];
    bench("norm sums", 2 * len, &mut |x, dy, _| norm(isa, x, prologue).sums(dy, &mean, &inv_std, black_box(&mut sums)));
    bench("norm backward", 3 * len, &mut |x, dy, out| norm(isa, x, prologue).write(dy, &gradient, out));
    bench("norm backward, added", 4 * len, &mut |x, dy, out| norm(isa, x, prologue).add(dy, &gradient, out));
    bench("add", 3 * len, &mut |x, _, out| add_assign(isa, x, out));
    bench("relu backward", 3 * len, &mut |x, dy, out| relu_backward(isa, x, dy, out));
    let small = len / 4;
    bench("max pool", len + small, &mut |x, _, out| pool.max(isa, x, Some(prologue), &mut out[..small]));
    bench("max pool backward", 2 * len + small, &mut |x, dy, out| {
        pool.max_backward(isa, x, Some(prologue), &dy[..small], out);
    });
    bench("pack", 2 * len, &mut |x, _, out| pack(x, len / LANES, out));
}

fn memory(criterion: &mut Criterion) {
    for sizes in [[8, 32, 1], [8, 32, 64], [64, 8, 1], [64, 8, 128]] {
        kernels(criterion, sizes);
    }
}

criterion_group!(benches, memory);
criterion_main!(benches);
