//! The convolutions of the paper's networks, a lane block of sixteen samples at a time. An element is a
//! floating-point operation of the direct sum: Gelem/s are GFLOP/s, to be compared with the peak of
//! fused multiply-adds that `cargo xtask bench step` measures. `VR_ISA=avx2` and so on choose the instruction set.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use vr_kernels::{Affine, Buffer, ConvPlan, ConvShape, Isa, LANES};

/// Name, in channels, out channels, side, kernel, stride, padding, groups.
const LAYERS: [(&str, [usize; 7]); 21] = [
    ("lenet/5x5 3-6 @32", [3, 6, 32, 5, 1, 0, 1]),
    ("lenet/5x5 6-16 @14", [6, 16, 14, 5, 1, 0, 1]),
    ("resnet/3x3 3-16 @32", [3, 16, 32, 3, 1, 1, 1]),
    ("resnet/3x3 8-8 @32", [8, 8, 32, 3, 1, 1, 1]),
    ("resnet/3x3 16-16 @32", [16, 16, 32, 3, 1, 1, 1]),
    ("resnet/3x3 16-16 @16", [16, 16, 16, 3, 1, 1, 1]),
    ("resnet/3x3 32-32 @16", [32, 32, 16, 3, 1, 1, 1]),
    ("resnet/3x3 32-32 @8", [32, 32, 8, 3, 1, 1, 1]),
    ("resnet/3x3 64-64 @8", [64, 64, 8, 3, 1, 1, 1]),
    ("resnet/3x3-s2 16-32 @32", [16, 32, 32, 3, 2, 1, 1]),
    ("resnet/1x1-s2 16-32 @32", [16, 32, 32, 1, 2, 0, 1]),
    ("densenet/1x1 252-144 @32", [252, 144, 32, 1, 1, 0, 1]),
    ("densenet/3x3 144-36 @32", [144, 36, 32, 3, 1, 1, 1]),
    ("imagenet/3x3 64-64 @16", [64, 64, 16, 3, 1, 1, 1]),
    ("imagenet/3x3 128-128 @8", [128, 128, 8, 3, 1, 1, 1]),
    ("imagenet/3x3 256-256 @4", [256, 256, 4, 3, 1, 1, 1]),
    ("imagenet/3x3 512-512 @2", [512, 512, 2, 3, 1, 1, 1]),
    ("imagenet/1x1 512-2048 @2", [512, 2048, 2, 1, 1, 0, 1]),
    ("imagenet/1x1 1024-256 @4", [1024, 256, 4, 1, 1, 0, 1]),
    ("imagenet/3x3 2048-2048 @2 in 32 groups", [2048, 2048, 2, 3, 1, 1, 32]),
    ("imagenet/3x3 256-256 @16 in 32 groups", [256, 256, 16, 3, 1, 1, 32]),
];

fn noise(len: usize) -> Buffer {
    let mut buffer = Buffer::zeros(len);
    for (i, value) in (0u32..).zip(buffer.iter_mut()) {
        *value = (i.wrapping_mul(2_654_435_761) >> 8) as f32 / (1 << 24) as f32 - 0.5;
    }
    buffer
}

fn convolutions(criterion: &mut Criterion) {
    let isa = Isa::from_environment().expect("VR_ISA");
    for (name, [in_channels, out_channels, side, kernel, stride, padding, groups]) in LAYERS {
        let shape = ConvShape { in_channels, out_channels, height: side, width: side, kernel, stride, padding, groups };
        let conv = ConvPlan::new(shape);
        let weights = noise(shape.weights());
        let (mut packed, mut packed_back) = (Buffer::zeros(conv.packed_len()), Buffer::zeros(conv.packed_len()));
        conv.pack_forward(&weights, &mut packed);
        conv.pack_backward(&weights, &mut packed_back);
        let (input, grad) = (noise(shape.input_len()), noise(shape.output_len()));
        let (mut output, mut grad_input) = (Buffer::zeros(grad.len()), Buffer::zeros(input.len()));
        let (mut grad_weights, mut scratch) = (Buffer::zeros(weights.len()), Buffer::zeros(conv.scratch_len()));
        let (scale, shift) = (vec![1.1; in_channels], vec![0.1; in_channels]);
        let prologue = Some(Affine { scale: &scale, shift: &shift, relu: true });
        let mut group = criterion.benchmark_group(format!("{name} ({})", isa.name()));
        group.throughput(Throughput::Elements((2 * LANES * shape.macs()) as u64));
        group.bench_function("forward", |bencher| {
            bencher.iter(|| conv.forward(isa, black_box(&input), prologue, &packed, None, &mut output, &mut scratch));
        });
        group.bench_function("input gradient", |bencher| {
            bencher.iter(|| {
                conv.input_grad(isa, black_box(&grad), &packed_back, &mut grad_input, false, &mut scratch);
            });
        });
        group.bench_function("weight gradient", |bencher| {
            bencher.iter(|| {
                conv.weight_grad(isa, black_box(&input), prologue, &grad, &mut grad_weights, &mut scratch);
            });
        });
    }
}

criterion_group!(benches, convolutions);
criterion_main!(benches);
