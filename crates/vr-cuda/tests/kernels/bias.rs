//! Biases.

use crate::memory::{At, Memory, Part, assert_close, numbers};
use vr_cuda::Kernel;
use vr_cuda::kernels::{AddBias, ChannelCut, ChannelSums, ChannelSumsFold};

#[test]
fn every_channel_gets_its_bias() {
    for [samples, channels, positions] in [[1, 1, 1], [3, 5, 7], [2, 10, 1], [130, 3, 257]] {
        let (y, bias) = (numbers(1, samples * channels * positions), numbers(2, channels));
        let mut memory = Memory::default();
        let (at_y, at_bias) = (memory.put(&y), memory.put(&bias));
        let (len, row) = (y.len(), channels * positions);
        let add =
            |at: &At| AddBias { y: at.of(at_y), bias: at.of(at_bias), len, row, positions, y_pitch: row }.launch();
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

#[test]
fn the_gradient_of_a_bias_is_a_sum_over_samples_and_positions() {
    for [samples, channels, positions] in [[1, 1, 1], [3, 5, 7], [128, 10, 1], [5, 3, 1024], [9, 2, 40_000]] {
        let values = numbers(3, samples * channels * positions);
        let part = Part::of(channels * positions, positions, (channels + 2) * positions);
        let mut memory = Memory::default();
        let cut = ChannelCut::new(samples * positions);
        let (x, parts, sums) =
            (memory.put(&part.embed(&values)), memory.rubbish(channels * cut.chunks), memory.rubbish::<f32>(channels));
        let ChannelCut { count, chunk, chunks } = cut;
        let x_pitch = part.pitch;
        let run = memory.run(|at| {
            let x = at.of(x).at(part.offset);
            vec![
                ChannelSums { x, parts: at.of(parts), channels, count, positions, x_pitch, chunk, chunks }.launch(),
                ChannelSumsFold { parts: at.of(parts), sums: at.of(sums), channels, chunks }.launch(),
            ]
        });
        let Some(()) = run else { return };
        let mut blocks = vec![0.0; samples.div_ceil(16) * channels * positions * 16];
        vr_kernels::pack(&values, channels * positions, &mut blocks);
        let mut expected = vec![0.0_f64; channels];
        for (block, block_values) in blocks.chunks(channels * positions * 16).enumerate() {
            let mut of_block = vec![0.0; channels];
            let lanes = (samples - block * 16).min(16);
            vr_kernels::channel_sums(vr_kernels::Isa::detect(), block_values, lanes, &mut of_block);
            expected.iter_mut().zip(of_block).for_each(|(sum, more)| *sum += more);
        }
        let expected: Vec<f32> = expected.iter().map(|&sum| sum as f32).collect();
        assert_close(&memory.get(sums), &expected, 1e-5);
    }
}
