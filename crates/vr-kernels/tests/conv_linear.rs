//! Linear layers over several lane blocks, against the convolution of each block.

mod conv_reference;

use conv_reference::{Reference, assert_close, noise};
use vr_kernels::{Affine, ConvShape, Isa, LANES, Linear};

fn check(in_features: usize, out_features: usize, blocks: usize) {
    let shape = ConvShape {
        in_channels: in_features,
        out_channels: out_features,
        height: 1,
        width: 1,
        kernel: 1,
        stride: 1,
        padding: 0,
    };
    let (input_stride, output_stride) = ((in_features + 2) * LANES, (out_features + 1) * LANES);
    let linear = Linear::new(in_features, out_features, blocks, input_stride, output_stride);
    let input = noise(blocks * input_stride, 1);
    let grad_output = noise(blocks * output_stride, 2);
    let before = noise(blocks * input_stride, 3);
    let weights = noise(shape.weights(), 4);
    let bias = noise(out_features, 5);
    let (scale, shift) = (noise(in_features, 6), noise(in_features, 7));
    let prologue = Some(Affine { scale: &scale, shift: &shift, relu: true });
    let mut packed = vec![f32::NAN; linear.packed_len()];
    let mut packed_back = vec![f32::NAN; linear.packed_len()];
    linear.pack_forward(&weights, &mut packed);
    linear.pack_backward(&weights, &mut packed_back);

    let reference = Reference { shape, weights: &weights };
    let mut first: Option<[Vec<f32>; 3]> = None;
    for isa in Isa::available() {
        let mut scratch = vec![f32::NAN; linear.scratch_len()];
        let mut output = vec![0.25; blocks * output_stride];
        linear.forward(isa, &input, prologue, &packed, Some(&bias), &mut output, &mut scratch);
        let mut grad_input = before.clone();
        linear.input_grad(isa, &grad_output, &packed_back, &mut grad_input, true, &mut scratch);
        let mut grad_weights = vec![f32::NAN; shape.weights()];
        let (low, high) = grad_weights.split_at_mut(out_features / 3 * in_features);
        for (range, part) in [(0..out_features / 3, low), (out_features / 3..out_features, high)] {
            linear.weight_grad(isa, &input, prologue, &grad_output, range, part, &mut scratch);
        }
        if let Some(first) = &first {
            assert_eq!(first, &[output, grad_input, grad_weights], "{}", isa.name());
            continue;
        }
        let mut expected = vec![0.0; shape.weights()];
        for block in 0..blocks {
            let input = &input[block * input_stride..][..shape.input_len()];
            let before = &before[block * input_stride..][..shape.input_len()];
            let grad_output = &grad_output[block * output_stride..][..shape.output_len()];
            let mapped = reference.map(input, prologue);
            let got = &output[block * output_stride..];
            assert_close(&got[..shape.output_len()], &reference.forward(&mapped, Some(&bias)), "forward");
            assert!(got[shape.output_len()..output_stride].iter().all(|&v| v == 0.25), "between blocks");
            let got = &grad_input[block * input_stride..][..shape.input_len()];
            assert_close(got, &reference.input_grad(grad_output, Some(before)), "input gradient");
            for (sum, v) in expected.iter_mut().zip(reference.weight_grad(&mapped, grad_output)) {
                *sum += v;
            }
        }
        assert_close(&grad_weights, &expected, "weight gradient");
        first = Some([output, grad_input, grad_weights]);
    }
}

#[test]
fn layers_of_networks() {
    for (in_features, out_features, blocks) in
        [(1, 1, 1), (400, 120, 2), (120, 84, 8), (84, 10, 7), (5, 3, 13), (500, 2, 1)]
    {
        check(in_features, out_features, blocks);
    }
}
