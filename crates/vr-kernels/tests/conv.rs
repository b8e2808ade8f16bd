//! The convolution kernels against a reference in double precision, on every instruction set.

mod conv_reference;

use conv_reference::{Reference, assert_close, noise};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use vr_kernels::{Affine, ConvPlan, ConvShape, Isa};

/// All kernels of one shape on all instruction sets, with and without the options.
fn check(shape: ConvShape, seed: u32) {
    let conv = ConvPlan::new(shape);
    let input = noise(shape.input_len(), seed);
    let weights = noise(shape.weights(), seed + 1);
    let bias = noise(shape.out_channels, seed + 2);
    let grad_output = noise(shape.output_len(), seed + 3);
    let before = noise(shape.input_len(), seed + 4);
    let (scale, shift) = (noise(shape.in_channels, seed + 5), noise(shape.in_channels, seed + 6));
    let reference = Reference { shape, weights: &weights };

    let mut packed = vec![f32::NAN; conv.packed_len()];
    let mut packed_back = vec![f32::NAN; conv.packed_len()];
    conv.pack_forward(&weights, &mut packed);
    conv.pack_backward(&weights, &mut packed_back);
    for option in [false, true] {
        let prologue = option.then_some(Affine { scale: &scale, shift: &shift, relu: seed.is_multiple_of(2) });
        let bias = option.then_some(bias.as_slice());
        let mut first: Option<[Vec<f32>; 3]> = None;
        for isa in Isa::available() {
            let mut scratch = vec![f32::NAN; conv.scratch_len()];
            let mut output = vec![f32::NAN; shape.output_len()];
            conv.forward(isa, &input, prologue, &packed, bias, &mut output, &mut scratch);
            let mut grad_input = if option { before.clone() } else { vec![f32::NAN; shape.input_len()] };
            conv.input_grad(isa, &grad_output, &packed_back, &mut grad_input, option, &mut scratch);
            let mut grad_weights = vec![f32::NAN; shape.weights()];
            conv.weight_grad(isa, &input, prologue, &grad_output, &mut grad_weights, &mut scratch);
            match &first {
                None => {
                    let mapped = reference.map(&input, prologue);
                    assert_close(&output, &reference.forward(&mapped, bias), "forward");
                    let before = option.then_some(before.as_slice());
                    assert_close(&grad_input, &reference.input_grad(&grad_output, before), "input gradient");
                    let expected = reference.weight_grad(&mapped, &grad_output);
                    assert_close(&grad_weights, &expected, "weight gradient");
                    first = Some([output, grad_input, grad_weights]);
                }
                Some(first) => {
                    assert_eq!(first[0], output, "forward on {}", isa.name());
                    assert_eq!(first[1], grad_input, "input gradient on {}", isa.name());
                    assert_eq!(first[2], grad_weights, "weight gradient on {}", isa.name());
                }
            }
        }
    }
}

#[test]
fn layers_of_networks() {
    for (in_channels, out_channels, height, width, kernel, stride, padding) in [
        (3, 6, 12, 12, 5, 1, 0),
        (6, 16, 9, 9, 5, 1, 0),
        // Read in place: by bands of rows, in the weight gradient and in both, and by chunks of channels.
        (3, 6, 32, 32, 5, 1, 0),
        (2, 3, 70, 70, 3, 1, 0),
        (40, 81, 6, 6, 5, 1, 0),
        (40, 12, 1, 1, 1, 1, 0),
        (9, 10, 16, 17, 3, 1, 1),
        (18, 17, 8, 8, 3, 1, 1),
        (16, 19, 8, 12, 3, 1, 1),
        (9, 15, 12, 8, 3, 1, 1),
        (70, 18, 8, 8, 3, 1, 1),
        (17, 16, 12, 20, 3, 1, 1),
        (68, 81, 8, 8, 3, 1, 1),
        (4, 9, 8, 8, 3, 2, 1),
        (4, 9, 7, 9, 1, 2, 0),
        (83, 7, 5, 4, 1, 1, 0),
        (3, 5, 11, 13, 7, 2, 3),
        (3, 8, 24, 22, 7, 2, 3),
        (2, 3, 9, 9, 11, 4, 2),
        // Few positions, in one and in several chunks of channels, gathered and read in place.
        (9, 16, 4, 4, 3, 1, 1),
        (8, 32, 7, 8, 3, 2, 1),
        (200, 48, 2, 2, 3, 1, 1),
        (33, 16, 5, 3, 1, 1, 0),
        (8, 16, 1, 1, 1, 1, 0),
        (2, 2, 6, 6, 2, 2, 0),
        (2, 2, 7, 7, 2, 3, 1),
        (1, 1, 2, 2, 1, 3, 3),
        (1, 1, 1, 1, 3, 1, 4),
    ] {
        check(ConvShape { in_channels, out_channels, height, width, kernel, stride, padding, groups: 1 }, 0);
    }
}

#[test]
fn groups_of_channels() {
    for (groups, in_channels, out_channels, side, kernel, stride, padding) in [
        (2, 6, 4, 7, 3, 1, 1),
        (5, 5, 10, 6, 3, 2, 1),
        (3, 12, 3, 5, 1, 2, 0),
        (3, 9, 6, 1, 1, 1, 0),
        // By Winograd's algorithm: the gradients alone, and the forward pass, too.
        (4, 32, 32, 8, 3, 1, 1),
        (2, 32, 34, 12, 3, 1, 1),
    ] {
        let shape = ConvShape { in_channels, out_channels, height: side, width: side, kernel, stride, padding, groups };
        check(shape, 0);
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        cases: 64,
        rng_seed: RngSeed::Fixed(1),
        ..ProptestConfig::default()
    })]

    #[test]
    fn any_shape(
        (in_channels, out_channels) in (1..12usize, 1..12usize),
        (height, width) in (1..10usize, 1..15usize),
        (kernel, stride, padding) in (1..6usize, 1..5usize, 0..4usize),
        groups in 1..4usize,
        seed in 0..1000u32,
    ) {
        prop_assume!(kernel <= height.min(width) + 2 * padding);
        let (in_channels, out_channels) = (in_channels * groups, out_channels * groups);
        check(ConvShape { in_channels, out_channels, height, width, kernel, stride, padding, groups }, seed);
    }
}
