//! One layer forward and backward: batch norm and ReLU read through by a 3×3 convolution.
//!
//! `cargo run --release -p vr-kernels --example layer`
#![allow(clippy::print_stdout, reason = "it shows what it found")]

use vr_kernels::{Affine, Buffer, ConvPlan, ConvShape, Isa, LANES, Moments, fold, moments};

fn main() {
    let isa = Isa::detect();
    let shape = ConvShape {
        in_channels: 8,
        out_channels: 16,
        height: 12,
        width: 12,
        kernel: 3,
        stride: 1,
        padding: 1,
        groups: 1,
    };
    let conv = ConvPlan::new(shape);

    // Sixteen samples lie side by side: `[channels][height][width][16]`.
    let mut input = Buffer::zeros(shape.input_len());
    for (i, value) in input.iter_mut().enumerate() {
        *value = (i as f32 * 0.37).sin() + 3.0;
    }
    let weights: Vec<f32> = (0..shape.weights()).map(|i| (i as f32 * 1.3).cos() * 0.1).collect();

    // The block's own statistics make batch norm an affine map, which the convolution applies as it reads.
    let mut statistics = vec![Moments::default(); shape.in_channels];
    moments(isa, &input, LANES, &mut statistics);
    let (scale, shift): (Vec<f32>, Vec<f32>) =
        statistics.iter().map(|m| fold(m.mean, m.variance(), 1.0, 0.0, 1e-5)).unzip();
    let prologue = Some(Affine { scale: &scale, shift: &shift, relu: true });

    let (mut packed, mut back) = (Buffer::zeros(conv.packed_len()), Buffer::zeros(conv.packed_len()));
    conv.pack_forward(&weights, &mut packed);
    conv.pack_backward(&weights, &mut back);
    let mut scratch = Buffer::zeros(conv.scratch_len());
    let mut output = Buffer::zeros(shape.output_len());
    conv.forward(isa, &input, prologue, &packed, None, &mut output, &mut scratch);

    // The gradient of half the sum of squares is the output itself.
    let mut grad_input = Buffer::zeros(shape.input_len());
    conv.input_grad(isa, &output, &back, &mut grad_input, false, &mut scratch);
    let mut grad_weights = vec![0.0; shape.weights()];
    conv.weight_grad(isa, &input, prologue, &output, &mut grad_weights, &mut scratch);

    // Euler: a quadratic's gradient along the weights is twice its value.
    let energy: f64 = output.iter().map(|&y| f64::from(y).powi(2)).sum();
    let along: f64 = weights.iter().zip(&grad_weights).map(|(&w, &g)| f64::from(w) * f64::from(g)).sum();
    assert!((along / energy - 1.0).abs() < 1e-4, "{along} for {energy}");
    println!("{} channels of 12×12 on {}: Σ y² = {energy:.1}, ⟨w, ∂w⟩ = {along:.1}", shape.out_channels, isa.name());
}

#[test]
fn it_runs() {
    main();
}
