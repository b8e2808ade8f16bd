//! Biases.

mod common;

use common::{Memory, numbers};
use vr_cuda::Kernel;
use vr_cuda::kernels::AddBias;

#[test]
fn every_channel_gets_its_bias() {
    for [samples, channels, positions] in [[1, 1, 1], [3, 5, 7], [2, 10, 1], [130, 3, 257]] {
        let (y, bias) = (numbers(1, samples * channels * positions), numbers(2, channels));
        let mut memory = Memory::default();
        let (at_y, at_bias) = (memory.put(&y), memory.put(&bias));
        let (len, row) = (y.len(), channels * positions);
        let add = |at: &common::At| {
            AddBias { y: at.of(at_y), bias: at.of(at_bias), len, row, positions, y_pitch: row }.launch()
        };
        let Some(()) = memory.run(|at| vec![add(at)]) else { return };
        let expected: Vec<f32> = (0..len).map(|i| y[i] + bias[i / positions % channels]).collect();
        assert_eq!(memory.get(at_y), expected);
    }
}

#[test]
fn a_length_beyond_31_bits_is_named() {
    let null = vr_cuda::Address::NULL;
    let error = AddBias { y: null, bias: null, len: 1 << 31, row: 1, positions: 1, y_pitch: 1 }.launch().unwrap_err();
    assert_eq!(error.to_string(), "kernel `add_bias`: `len` is 2147483648, and at most 2147483647 was expected");
}
