//! The error of every 3×3 layer of the paper's networks for CIFAR-10, and of those for ImageNet that Winograd's algorithm
//! fits, beside that of a plain sum in f32.
//!
//! Fast algorithms are allowed at most three times the error of the direct form: both are judged
//! against f64 on sampled values, with inputs, weights and gradients as in training.

mod common;

use common::values;
use vr_kernels::{Affine, ConvPlan, ConvShape, Isa, LANES};

/// In channels, out channels, side.
const LAYERS: [[usize; 3]; 18] = [
    [3, 8, 32],
    [8, 8, 32],
    [16, 16, 16],
    [32, 32, 8],
    [3, 16, 32],
    [16, 16, 32],
    [32, 32, 16],
    [64, 64, 8],
    [3, 72, 32],
    [144, 36, 32],
    [144, 36, 16],
    [144, 36, 8],
    [64, 64, 56],
    [128, 128, 28],
    [128, 32, 56],
    [128, 32, 28],
    // A group of a ResNeXt.
    [8, 8, 56],
    [16, 16, 28],
];

/// Root mean squares of the errors of two sums of the same products.
#[derive(Default)]
struct Errors {
    ours: f64,
    plain: f64,
}

impl Errors {
    fn add(&mut self, exact: f64, ours: f32, plain: f32) {
        self.ours += (f64::from(ours) - exact).powi(2);
        self.plain += (f64::from(plain) - exact).powi(2);
    }

    fn check(&self, what: &str) {
        let ratio = (self.ours / self.plain).sqrt();
        assert!(ratio <= 3.0, "{what}: {ratio} times the error of the plain sum");
    }
}

/// About normal, of variance one.
fn normal(seed: u64, len: usize) -> Vec<f32> {
    let uniform = values(seed, 6 * len);
    uniform.chunks_exact(6).map(|u| u.iter().sum::<f32>() / 2f32.sqrt()).collect()
}

/// Positions to sample, among `len`.
fn samples(count: usize, len: usize) -> impl Iterator<Item = usize> {
    (0..count).map(move |i| (i * 2_654_435_761 + i * i * 97) % len)
}

struct Layer {
    shape: ConvShape,
    /// What the convolution reads: batch-normed inputs after ReLU.
    active: Vec<f32>,
    weights: Vec<f32>,
    grad_output: Vec<f32>,
}

impl Layer {
    /// The input, weight and output that meet at a tap, if it lies inside the picture.
    fn meet(&self, [o, c, ky, kx]: [usize; 4], [y, x, lane]: [usize; 3]) -> Option<[usize; 3]> {
        let ConvShape { in_channels, height, width, .. } = self.shape;
        let at = |channel, y, x| ((channel * height + y) * width + x) * LANES + lane;
        let (iy, ix) = ((y + ky).wrapping_sub(1), (x + kx).wrapping_sub(1));
        let inside = y < height && x < width && iy < height && ix < width;
        inside.then(|| [at(c, iy, ix), ((o * in_channels + c) * 3 + ky) * 3 + kx, at(o, y, x)])
    }

    fn forward(&self, output: &[f32]) -> Errors {
        let (mut errors, area) = (Errors::default(), self.shape.height * self.shape.width);
        for i in samples(4000, output.len()) {
            let (o, at) =
                (i / LANES / area, [i / LANES % area / self.shape.width, i / LANES % self.shape.width, i % LANES]);
            let (mut exact, mut plain) = (0.0, 0f32);
            for (c, tap) in (0..self.shape.in_channels).flat_map(|c| (0..9).map(move |tap| (c, tap))) {
                if let Some([input, weight, _]) = self.meet([o, c, tap / 3, tap % 3], at) {
                    exact += f64::from(self.active[input]) * f64::from(self.weights[weight]);
                    plain = self.weights[weight].mul_add(self.active[input], plain);
                }
            }
            errors.add(exact, output[i], plain);
        }
        errors
    }

    fn input_grad(&self, grad_input: &[f32]) -> Errors {
        let (mut errors, area) = (Errors::default(), self.shape.height * self.shape.width);
        for i in samples(4000, grad_input.len()) {
            let (c, y, x, lane) =
                (i / LANES / area, i / LANES % area / self.shape.width, i / LANES % self.shape.width, i % LANES);
            let (mut exact, mut plain) = (0.0, 0f32);
            for (o, tap) in (0..self.shape.out_channels).flat_map(|o| (0..9).rev().map(move |tap| (o, tap))) {
                let (ky, kx) = (tap / 3, tap % 3);
                let at = [(y + 1).wrapping_sub(ky), (x + 1).wrapping_sub(kx), lane];
                if let Some([_, weight, output]) = self.meet([o, c, ky, kx], at) {
                    exact += f64::from(self.grad_output[output]) * f64::from(self.weights[weight]);
                    plain = self.weights[weight].mul_add(self.grad_output[output], plain);
                }
            }
            errors.add(exact, grad_input[i], plain);
        }
        errors
    }

    fn weight_grad(&self, grad_weights: &[f32]) -> Errors {
        let mut errors = Errors::default();
        for i in samples(400, grad_weights.len()) {
            let (channel, tap) = (i / 9, i % 9);
            let (o, c) = (channel / self.shape.in_channels, channel % self.shape.in_channels);
            let (mut exact, mut plain) = (0.0, [0f32; LANES]);
            for position in 0..self.shape.height * self.shape.width {
                for (lane, plain) in plain.iter_mut().enumerate() {
                    let at = [position / self.shape.width, position % self.shape.width, lane];
                    if let Some([input, _, output]) = self.meet([o, c, tap / 3, tap % 3], at) {
                        exact += f64::from(self.active[input]) * f64::from(self.grad_output[output]);
                        *plain = self.grad_output[output].mul_add(self.active[input], *plain);
                    }
                }
            }
            errors.add(exact, grad_weights[i], plain.iter().sum());
        }
        errors
    }
}

#[test]
fn errors_are_at_most_three_times_those_of_the_direct_form() {
    for [in_channels, out_channels, side] in LAYERS {
        let shape = ConvShape {
            in_channels,
            out_channels,
            height: side,
            width: side,
            kernel: 3,
            stride: 1,
            padding: 1,
            groups: 1,
        };
        let (isa, conv) = (Isa::detect(), ConvPlan::new(shape));
        let input = normal(1, shape.input_len());
        let weights: Vec<f32> = {
            let scale = (2.0 / (9 * in_channels) as f32).sqrt();
            normal(2, shape.weights()).iter().map(|w| w * scale).collect()
        };
        let grad_output = normal(3, shape.output_len());
        let (scale, shift) = (vec![1.0; in_channels], vec![0.0; in_channels]);
        let prologue = Some(Affine { scale: &scale, shift: &shift, relu: true });

        let mut packed = vec![0.0; conv.packed_len()];
        let mut scratch = vec![0.0; conv.scratch_len()];
        let mut output = vec![0.0; shape.output_len()];
        let mut grad_input = vec![0.0; shape.input_len()];
        let mut grad_weights = vec![0.0; shape.weights()];
        conv.pack_forward(&weights, &mut packed);
        conv.forward(isa, &input, prologue, &packed, None, &mut output, &mut scratch);
        conv.pack_backward(&weights, &mut packed);
        conv.input_grad(isa, &grad_output, &packed, &mut grad_input, false, &mut scratch);
        conv.weight_grad(isa, &input, prologue, &grad_output, &mut grad_weights, &mut scratch);

        let active = input.iter().map(|v| v.max(0.0)).collect();
        let layer = Layer { shape, active, weights, grad_output };
        let name = |kernel: &str| format!("{kernel} of {in_channels}->{out_channels} @{side}");
        layer.forward(&output).check(&name("forward"));
        layer.input_grad(&grad_input).check(&name("input gradient"));
        layer.weight_grad(&grad_weights).check(&name("weight gradient"));
    }
}
