//! Prints the rate of each convolution kernel beside the peak measured in the same run.
#![allow(clippy::print_stdout)]

use std::time::{Duration, Instant};

use vr_kernels::{Affine, Conv, ConvShape, Isa, LANES, fma_peak};

/// Name, in channels, out channels, size, kernel, stride, padding.
type Layer = (&'static str, usize, usize, usize, usize, usize, usize);

const LAYERS: [Layer; 17] = [
    ("LeNet 5x5 3->6 @32", 3, 6, 32, 5, 1, 0),
    ("LeNet 5x5 6->16 @14", 6, 16, 14, 5, 1, 0),
    ("ResNet 3x3 3->16 @32", 3, 16, 32, 3, 1, 1),
    ("ResNet 3x3 8->8 @32", 8, 8, 32, 3, 1, 1),
    ("ResNet 3x3 16->16 @32", 16, 16, 32, 3, 1, 1),
    ("ResNet 3x3 16->16 @16", 16, 16, 16, 3, 1, 1),
    ("ResNet 3x3 32->32 @16", 32, 32, 16, 3, 1, 1),
    ("ResNet 3x3 32->32 @8", 32, 32, 8, 3, 1, 1),
    ("ResNet 3x3 64->64 @8", 64, 64, 8, 3, 1, 1),
    ("ResNet 3x3/2 16->32 @32", 16, 32, 32, 3, 2, 1),
    ("ResNet 1x1/2 16->32 @32", 16, 32, 32, 1, 2, 0),
    ("DenseNet 1x1 252->144 @32", 252, 144, 32, 1, 1, 0),
    ("DenseNet 3x3 144->36 @32", 144, 36, 32, 3, 1, 1),
    ("DenseNet 1x1 252->144 @16", 252, 144, 16, 1, 1, 0),
    ("DenseNet 3x3 144->36 @16", 144, 36, 16, 3, 1, 1),
    ("DenseNet 1x1 252->144 @8", 252, 144, 8, 1, 1, 0),
    ("DenseNet 3x3 144->36 @8", 144, 36, 8, 3, 1, 1),
];

fn main() {
    let isa = Isa::detect();
    let only = std::env::args().nth(1).unwrap_or_default();
    println!("{}: GFLOP/s and share of the FMA peak", isa.name());
    let columns = ["forward", "+ prologue", "input grad", "weight grad"].map(|name| format!("{name:>12}")).join("");
    println!("{:26} {:>6}{columns}", "layer", "peak");
    for layer in LAYERS.iter().filter(|layer| layer.0.contains(&only)) {
        bench(isa, layer);
    }
}

fn bench(isa: Isa, &(name, in_channels, out_channels, size, kernel, stride, padding): &Layer) {
    let shape = ConvShape { in_channels, out_channels, height: size, width: size, kernel, stride, padding };
    let conv = Conv::new(shape);
    let weights = noise(shape.weights());
    let mut packed = noise(conv.packed_len());
    let mut packed_back = noise(conv.packed_len());
    conv.pack_forward(&weights, &mut packed);
    conv.pack_backward(&weights, &mut packed_back);
    let (mut input, mut output, mut scratch) =
        (noise(shape.input_len() + LANES), noise(shape.output_len() + LANES), noise(conv.scratch_len()));
    let input = aligned(&mut input);
    let output = aligned(&mut output);
    let (scale, shift) = (noise(in_channels), noise(in_channels));
    let prologue = Affine { scale: &scale, shift: &shift, relu: true };
    let gflop = (2 * LANES * shape.macs()) as f64 * 1e-9;
    let mut grad_weights = weights.clone();
    let mut rates = [0f64; 4];
    let mut peak = 0f64;
    for _ in 0..10 {
        peak = peak.max(fma_peak(isa));
        rates[0] = rates[0].max(rate(gflop, || conv.forward(isa, input, None, &packed, None, output, &mut scratch)));
        rates[1] =
            rates[1].max(rate(gflop, || conv.forward(isa, input, Some(prologue), &packed, None, output, &mut scratch)));
        rates[2] = rates[2].max(rate(gflop, || conv.input_grad(isa, output, &packed_back, input, false, &mut scratch)));
        rates[3] =
            rates[3].max(rate(gflop, || conv.weight_grad(isa, input, None, output, &mut grad_weights, &mut scratch)));
    }
    print!("{name:26} {peak:6.1}");
    for rate in rates {
        print!(" {rate:6.1} {:4.0}%", 100.0 * rate / peak);
    }
    println!();
}

/// The best rate of a few calls, over 12 ms or so.
fn rate(gflop: f64, mut call: impl FnMut()) -> f64 {
    call();
    let start = Instant::now();
    let mut best = f64::INFINITY;
    while start.elapsed() < Duration::from_millis(12) {
        let call_start = Instant::now();
        call();
        best = best.min(call_start.elapsed().as_secs_f64());
    }
    gflop / best
}

fn aligned(values: &mut [f32]) -> &mut [f32] {
    let skip = values.as_ptr().align_offset(64);
    let len = values.len() - LANES;
    &mut values[skip..skip + len]
}

fn noise(len: usize) -> Vec<f32> {
    (0..len as u32).map(|i| (i.wrapping_mul(2654435761) >> 8) as f32 / (1 << 24) as f32 - 0.5).collect()
}
