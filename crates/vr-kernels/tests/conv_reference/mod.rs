//! A convolution by its definition, in double precision.
#![allow(dead_code, reason = "each test uses its part")]

use vr_kernels::{Affine, ConvShape, LANES};

pub struct Reference<'a> {
    pub shape: ConvShape,
    pub weights: &'a [f32],
}

impl Reference<'_> {
    pub fn map(&self, input: &[f32], prologue: Option<Affine>) -> Vec<f64> {
        let channel = self.shape.height * self.shape.width * LANES;
        let map = |(i, &x): (usize, &f32)| match prologue {
            None => x as f64,
            Some(Affine { scale, shift, relu }) => {
                let c = i / channel;
                let v = scale[c] as f64 * x as f64 + shift[c] as f64;
                if relu { v.max(0.0) } else { v }
            }
        };
        input.iter().enumerate().map(map).collect()
    }

    /// Calls with the index of each input lane, weight and output lane that meet.
    fn each(&self, mut meet: impl FnMut(usize, usize, usize)) {
        let ConvShape { in_channels, out_channels, height, width, kernel, stride, padding, groups } = self.shape;
        let [group_inputs, group_outputs] = [in_channels, out_channels].map(|channels| channels / groups);
        let (out_height, out_width) = (self.shape.out_height(), self.shape.out_width());
        for o in 0..out_channels {
            for i in 0..group_inputs {
                let c = o / group_outputs * group_inputs + i;
                for tap in 0..kernel * kernel {
                    for position in 0..out_height * out_width {
                        let y = (position / out_width * stride + tap / kernel).wrapping_sub(padding);
                        let x = (position % out_width * stride + tap % kernel).wrapping_sub(padding);
                        if y < height && x < width {
                            for lane in 0..LANES {
                                let input = ((c * height + y) * width + x) * LANES + lane;
                                let output = (o * out_height * out_width + position) * LANES + lane;
                                meet(input, (o * group_inputs + i) * kernel * kernel + tap, output);
                            }
                        }
                    }
                }
            }
        }
    }

    pub fn forward(&self, input: &[f64], bias: Option<&[f32]>) -> Vec<f64> {
        let channel = self.shape.output_len() / self.shape.out_channels;
        let mut output: Vec<f64> =
            (0..self.shape.output_len()).map(|i| bias.map_or(0.0, |bias| bias[i / channel] as f64)).collect();
        self.each(|i, w, o| output[o] += self.weights[w] as f64 * input[i]);
        output
    }

    pub fn input_grad(&self, grad_output: &[f32], before: Option<&[f32]>) -> Vec<f64> {
        let mut grad_input = match before {
            Some(before) => before.iter().map(|&v| v as f64).collect(),
            None => vec![0.0; self.shape.input_len()],
        };
        self.each(|i, w, o| grad_input[i] += self.weights[w] as f64 * grad_output[o] as f64);
        grad_input
    }

    pub fn weight_grad(&self, input: &[f64], grad_output: &[f32]) -> Vec<f64> {
        let mut grad_weights = vec![0.0; self.shape.weights()];
        self.each(|i, w, o| grad_weights[w] += input[i] * grad_output[o] as f64);
        grad_weights
    }
}

/// Values spread evenly over −½..½.
pub fn noise(len: usize, seed: u32) -> Vec<f32> {
    let hash = |i: u32| (i.wrapping_add(seed << 16)).wrapping_mul(2654435761).rotate_left(13).wrapping_mul(2246822519);
    (0..len as u32).map(|i| (hash(i) >> 8) as f32 / (1 << 24) as f32 - 0.5).collect()
}

pub fn assert_close(got: &[f32], expected: &[f64], what: &str) {
    let scale = expected.iter().fold(1e-3f64, |max, v| max.max(v.abs()));
    for (i, (&got, &expected)) in got.iter().zip(expected).enumerate() {
        let error = (got as f64 - expected).abs();
        assert!(error <= 1e-5 * scale, "{what}: {got} at {i}, expected {expected}");
    }
}
