//! The weight gradient of linear layers over several lane blocks, against the convolution of each.

mod conv_reference;

use conv_reference::{Reference, assert_close, noise};
use vr_kernels::{Affine, ConvShape, Isa, LinearGrad, PackedBlock};

fn check(in_features: usize, out_features: usize, blocks: usize) {
    let shape = ConvShape {
        in_channels: in_features,
        out_channels: out_features,
        height: 1,
        width: 1,
        kernel: 1,
        stride: 1,
        padding: 0,
        groups: 1,
    };
    let linear = LinearGrad::new(in_features, out_features);
    let input = noise(blocks * shape.input_len(), 1);
    let grad_output = noise(blocks * shape.output_len(), 2);
    let (scale, shift) = (noise(in_features, 3), noise(in_features, 4));
    let reference = Reference { shape, weights: &vec![0.0; shape.weights()] };
    let samples = || input.chunks(shape.input_len()).zip(grad_output.chunks(shape.output_len()));
    for prologue in [None, Some(Affine { scale: &scale, shift: &shift, relu: true })] {
        let mut expected = vec![0.0; shape.weights()];
        for (input, grad_output) in samples() {
            let mapped = reference.map(input, prologue);
            for (sum, v) in expected.iter_mut().zip(reference.weight_grad(&mapped, grad_output)) {
                *sum += v;
            }
        }
        let mut first: Option<Vec<f32>> = None;
        for isa in Isa::available() {
            let packed: Vec<[Vec<f32>; 2]> = samples()
                .map(|(input, grad_output)| {
                    let mut packed = [vec![f32::NAN; linear.inputs_len()], vec![f32::NAN; linear.gradients_len()]];
                    let [inputs, gradients] = &mut packed;
                    linear.pack(isa, input, prologue, grad_output, inputs, gradients);
                    packed
                })
                .collect();
            let mut gradient = vec![f32::NAN; shape.weights()];
            let blocks: Vec<_> = packed.iter().map(|[inputs, gradients]| PackedBlock { inputs, gradients }).collect();
            for (index, part) in gradient.chunks_mut(LinearGrad::OUTPUTS * in_features).enumerate() {
                linear.part(isa, index, &blocks, part);
            }
            assert_close(&gradient, &expected, "weight gradient");
            assert_eq!(first.get_or_insert_with(|| gradient.clone()), &gradient, "{}", isa.name());
        }
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
