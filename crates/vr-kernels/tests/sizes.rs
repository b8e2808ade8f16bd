//! What safe code may hand in: sizes whose products wrap, and slices of other lengths.

use std::panic::{UnwindSafe, catch_unwind};

use vr_kernels::{Buffer, ConvPlan, ConvShape, Isa, LANES, LinearGrad, PackedBlock};

fn refused(what: &str, work: impl FnOnce() + UnwindSafe) {
    assert!(catch_unwind(work).is_err(), "{what} is refused");
}

const SMALL: ConvShape =
    ConvShape { in_channels: 3, out_channels: 4, height: 8, width: 8, kernel: 3, stride: 1, padding: 1, groups: 1 };

#[test]
fn buffers_whose_bytes_wrap() {
    for len in [1 << 62, usize::MAX / 4 + 1, usize::MAX] {
        refused(&format!("a buffer of {len}"), move || drop(Buffer::zeros(len)));
    }
    refused("buffers that wrap together", || drop(Buffer::zeros_together([1 << 59; 33])));
}

#[test]
fn shapes_whose_products_wrap() {
    let large = 1 << 32;
    for shape in [
        // Each has a tensor whose length wraps to zero or to a few.
        ConvShape { in_channels: large, out_channels: large, ..SMALL },
        ConvShape { height: large, width: large, ..SMALL },
        ConvShape { in_channels: 1 << 60, height: 3, width: 3, ..SMALL },
        ConvShape { out_channels: 1 << 60, ..SMALL },
        ConvShape { padding: 1 << 63, ..SMALL },
        ConvShape { padding: usize::MAX, ..SMALL },
        ConvShape { kernel: large, height: large, width: large, padding: 0, ..SMALL },
        ConvShape { stride: 1 << 32, ..SMALL },
        ConvShape { in_channels: 1 << 30, out_channels: 1 << 30, height: 1, width: 1, kernel: 1, ..SMALL },
        ConvShape { kernel: 1 << 16, padding: 1 << 16, ..SMALL },
    ] {
        refused(&format!("{shape:?}"), move || drop(ConvPlan::new(shape)));
    }
}

#[test]
fn groups_that_do_not_divide_the_channels() {
    let shape = ConvShape { in_channels: 4, out_channels: 6, ..SMALL };
    for groups in [0, 3, 4, 5, 1 << 62] {
        refused(&format!("{groups} groups"), move || drop(ConvPlan::new(ConvShape { groups, ..shape })));
    }
    // Few weights, but many channels.
    let shape = ConvShape { in_channels: 1 << 30, out_channels: 1 << 30, groups: 1 << 30, ..SMALL };
    refused("channels that wrap", move || drop(ConvPlan::new(ConvShape { height: 1 << 20, width: 1 << 20, ..shape })));
}

#[test]
fn linear_layers_whose_products_wrap() {
    for (inputs, outputs) in [(1 << 60, 1), (1, 1 << 60), (1 << 28, 1), (1, 1 << 28), (0, 1), (1, 0)] {
        refused(&format!("{inputs} to {outputs}"), move || _ = LinearGrad::new(inputs, outputs));
    }
}

#[test]
fn slices_of_other_lengths() {
    let isa = Isa::detect();
    let linear = LinearGrad::new(5, 6);
    let (inputs, gradients) = (vec![0.0; linear.inputs_len()], vec![0.0; linear.gradients_len()]);
    let good = PackedBlock { inputs: &inputs, gradients: &gradients };
    linear.part(isa, 0, &[good], &mut [0.0; 4 * 5]);
    for bad in [PackedBlock { inputs: &inputs[1..], ..good }, PackedBlock { gradients: &gradients[1..], ..good }] {
        refused("a block that is too short", || linear.part(isa, 0, &[good, bad], &mut [0.0; 4 * 5]));
    }
    for index in [2, usize::MAX, usize::MAX / 4 + 1] {
        refused("a part that is not there", || linear.part(isa, index, &[good], &mut [0.0; 2 * 5]));
    }
    for short in 0..4 {
        refused("a tensor that is too short", move || {
            let len = |index: usize, len: usize| if index == short { len - LANES } else { len };
            let conv = ConvPlan::new(SMALL);
            let input = vec![0.0; len(0, SMALL.input_len())];
            let packed = vec![0.0; len(1, conv.packed_len())];
            let mut output = vec![0.0; len(2, SMALL.output_len())];
            let mut scratch = vec![0.0; len(3, conv.scratch_len())];
            conv.forward(isa, &input, None, &packed, None, &mut output, &mut scratch);
        });
    }
}
