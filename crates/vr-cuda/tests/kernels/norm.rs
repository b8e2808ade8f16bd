//! Batch norm with what follows it.

use vr_cuda::kernels::{
    Activation, ChannelCut, NormBackward, NormBackwardFold, NormBackwardSums, NormFold, NormForward, NormMoments,
    NormStored,
};
use vr_cuda::{Address, Kernel};
use vr_kernels::{Affine, InputGradient, Isa, Moments, NormSums, fold};

use crate::elementwise::{activated, activation_gradient};
use crate::memory::{Memory, Part, assert_close, bits, numbers};

const EPSILON: f64 = 1e-5;

/// Samples, channels and positions: one value, less than a block, several chunks with a rest, many samples; in fours and not.
const SHAPES: [[usize; 3]; 8] =
    [[1, 1, 2], [2, 3, 1], [16, 5, 49], [5, 2, 1023], [3, 2, 1028], [300, 2, 64], [2, 1, 10_001], [3, 5, 4]];

/// Lane blocks of 16 samples, as vr-kernels takes them, with the samples in each.
fn blocks(values: &[f32], row: usize) -> Vec<(Vec<f32>, usize)> {
    let block = |samples: &[f32]| {
        let mut block = vec![0.0; 16 * row];
        vr_kernels::pack(samples, row, &mut block);
        (block, samples.len() / row)
    };
    values.chunks(16 * row).map(block).collect()
}

fn moments(x: &[f32], channels: usize, row: usize) -> Vec<Moments> {
    let of_block = |(block, lanes): (Vec<f32>, usize)| {
        let mut moments = vec![Moments::default(); channels];
        vr_kernels::moments(Isa::detect(), &block, lanes, &mut moments);
        moments
    };
    let all: Vec<_> = blocks(x, row).into_iter().map(of_block).collect();
    (0..channels).map(|c| Moments::combine(all.iter().map(|moments| moments[c]))).collect()
}

/// Values with another mean and another size in each channel.
fn input([samples, channels, positions]: [usize; 3]) -> Vec<f32> {
    let x = numbers(1, samples * channels * positions).into_iter().enumerate();
    x.map(|(i, x)| (x + 100.0 * (i / positions % channels) as f32) * 0.5_f32.powi((i / positions % channels) as i32))
        .collect()
}

#[test]
fn statistics_are_those_of_the_cpu() {
    // The last in chunks of more than the least length.
    let shapes = SHAPES.into_iter().chain([[3, 1, 100_001], [3, 1, 100_004]]);
    for (shape @ [samples, channels, positions], which) in shapes.flat_map(|shape| [(shape, 0), (shape, 1)]) {
        let (x, row) = (input(shape), channels * positions);
        let (gamma, beta) = (numbers(2, channels), numbers(3, channels));
        let part = Part::around(row, 3)[which];
        let ChannelCut { count, chunk, chunks } = ChannelCut::new(samples * positions);
        let mut memory = Memory::default();
        let (at_x, at_gamma, at_beta) = (memory.put(&part.embed(&x)), memory.put(&gamma), memory.put(&beta));
        let at_parts = memory.rubbish::<f64>(2 * channels * chunks);
        let [scale, shift, batch_mean, batch_variance] = [(); 4].map(|()| memory.rubbish::<f32>(channels));
        let [mean, inv_std] = [(); 2].map(|()| memory.rubbish::<f64>(channels));
        let run = memory.run(|at| {
            let (x, parts, x_pitch) = (at.of(at_x).at(part.offset), at.of(at_parts), part.pitch);
            let fold = NormFold {
                parts,
                gamma: at.of(at_gamma),
                beta: at.of(at_beta),
                epsilon: EPSILON,
                channels,
                count,
                chunk,
                chunks,
                scale: at.of(scale),
                shift: at.of(shift),
                mean: at.of(mean),
                inv_std: at.of(inv_std),
                batch_mean: at.of(batch_mean),
                batch_variance: at.of(batch_variance),
            };
            vec![NormMoments { x, parts, channels, count, positions, x_pitch, chunk, chunks }.launch(), fold.launch()]
        });
        let Some(()) = run else { return };
        for (c, expected) in moments(&x, channels, row).into_iter().enumerate() {
            let deviation = expected.variance().sqrt();
            let found = memory.get(mean)[c];
            assert!(
                (found - expected.mean).abs() <= 1e-6 * deviation,
                "{shape:?}: mean {found}, not {}",
                expected.mean
            );
            let (variance, unbiased) = (f64::from(memory.get(batch_variance)[c]), expected.unbiased_variance());
            assert!((variance - unbiased).abs() <= 1e-6 * unbiased, "{shape:?}: variance {variance}, not {unbiased}");
            // The kernel's own statistics, by the formula of vr-kernels.
            let biased = 1.0 / memory.get(inv_std)[c].powi(2) - EPSILON;
            assert!((biased - expected.variance()).abs() <= 1e-6 * (biased + EPSILON), "{shape:?}: {biased}");
            let (a, b) = fold(found, biased, gamma[c], beta[c], EPSILON);
            assert_close(&[memory.get(scale)[c], memory.get(shift)[c]], &[a, b], 2e-7);
            assert_eq!(memory.get(batch_mean)[c], found as f32);
        }
    }
}

#[test]
fn stored_statistics_give_the_map_of_the_cpu() {
    for channels in [1, 300] {
        let mut memory = Memory::default();
        let (mean, gamma, beta) = (numbers(1, channels), numbers(2, channels), numbers(3, channels));
        let variance: Vec<f32> = numbers(4, channels).iter().map(|x| x * x).collect();
        let [m, v, g, b] = [&mean, &variance, &gamma, &beta].map(|values| memory.put(values));
        let (scale, shift) = (memory.rubbish(channels), memory.rubbish(channels));
        let (wide_mean, inv_std) = (memory.rubbish(channels), memory.rubbish(channels));
        let run = memory.run(|at| {
            let stored = NormStored {
                stored_mean: at.of(m),
                stored_variance: at.of(v),
                gamma: at.of(g),
                beta: at.of(b),
                epsilon: EPSILON,
                channels,
                scale: at.of(scale),
                shift: at.of(shift),
                mean: at.of(wide_mean),
                inv_std: at.of(inv_std),
            };
            vec![stored.launch()]
        });
        let Some(()) = run else { return };
        for c in 0..channels {
            let (mean, variance) = (f64::from(mean[c]), f64::from(variance[c]));
            assert_eq!((memory.get(scale)[c], memory.get(shift)[c]), fold(mean, variance, gamma[c], beta[c], EPSILON));
            assert_eq!((memory.get(wide_mean)[c], memory.get(inv_std)[c]), (mean, 1.0 / (variance + EPSILON).sqrt()));
        }
    }
}

#[test]
fn the_forward_pass_has_the_bits_of_the_cpu() {
    let kinds = [Activation::None, Activation::Relu, Activation::Elu];
    let shapes = SHAPES.iter().flat_map(|shape| [(shape, 0), (shape, 1)]);
    for (shape, which, activation) in shapes.flat_map(|(shape, which)| kinds.map(|kind| (shape, which, kind))) {
        let &[samples, channels, positions] = shape;
        let (row, len) = (channels * positions, samples * channels * positions);
        let (x, residual) = (input(*shape), numbers(5, len));
        let (scale, shift) = (numbers(2, channels), numbers(3, channels));
        let [from, beside, to] = [0, 2, 1].map(|offset| Part::around(row, offset)[which]);
        let mut memory = Memory::default();
        let (at_x, at_residual) = (memory.put(&from.embed(&x)), memory.put(&beside.embed(&residual)));
        let (at_scale, at_shift) = (memory.put(&scale), memory.put(&shift));
        let [with, without] = [(); 2].map(|()| memory.put(&to.embed(&residual)));
        let run = memory.run(|at| {
            let forward = NormForward {
                x: at.of(at_x).at(from.offset),
                residual: at.of(at_residual).at(beside.offset),
                scale: at.of(at_scale),
                shift: at.of(at_shift),
                y: at.of(with).at(to.offset),
                len,
                row,
                positions,
                x_pitch: from.pitch,
                residual_pitch: beside.pitch,
                y_pitch: to.pitch,
                activation,
            };
            let alone = NormForward { residual: Address::NULL, y: at.of(without).at(to.offset), ..forward };
            vec![forward.launch(), alone.launch()]
        });
        let Some(()) = run else { return };
        let affine: Vec<f32> =
            (0..len).map(|i| scale[i / positions % channels].mul_add(x[i], shift[i / positions % channels])).collect();
        assert_eq!(bits(&memory.get(without)), bits(&to.embed(&activated(activation, &affine))));
        let sum: Vec<f32> = affine.iter().zip(&residual).map(|(a, b)| a + b).collect();
        assert_eq!(bits(&memory.get(with)), bits(&to.embed(&activated(activation, &sum))));
    }
}

/// A backward pass by vr-kernels: gradients of gamma, beta and x.
struct Backward {
    dgamma: Vec<f32>,
    dbeta: Vec<f32>,
    dx: Vec<f32>,
}

/// Of an affine map that nothing follows, from its output's gradient dz.
fn backward(x: &[f32], dz: &[f32], shape: [usize; 3], gamma: &[f32], training: bool) -> Backward {
    let [samples, channels, positions] = shape;
    let row = channels * positions;
    let statistics = moments(x, channels, row);
    let mean: Vec<f64> = statistics.iter().map(|m| m.mean).collect();
    let inv_std: Vec<f64> = statistics.iter().map(|m| 1.0 / (m.variance() + EPSILON).sqrt()).collect();
    let scale: Vec<f32> =
        (0..channels).map(|c| fold(mean[c], statistics[c].variance(), gamma[c], 0.0, EPSILON).0).collect();
    let shift = vec![0.0; channels];
    let prologue = Affine { scale: &scale, shift: &shift, relu: false };
    let pairs: Vec<_> = blocks(x, row).into_iter().zip(blocks(dz, row)).collect();
    let mut sums = vec![NormSums::default(); channels];
    for ((x, lanes), (dz, _)) in &pairs {
        let mut of_block = vec![NormSums::default(); channels];
        let of = vr_kernels::NormBackward { isa: Isa::detect(), x, prologue, lanes: *lanes };
        of.sums(dz, &mean, &inv_std, &mut of_block);
        sums.iter_mut().zip(of_block).for_each(|(sum, more)| *sum += more);
    }
    let count = (samples * positions) as f64;
    let gradient = |c: usize| match training {
        true => InputGradient::training(gamma[c], mean[c], inv_std[c], sums[c], count),
        false => InputGradient::evaluation(scale[c]),
    };
    let gradients: Vec<_> = (0..channels).map(gradient).collect();
    let mut dx = Vec::new();
    for ((x, lanes), (dz, _)) in &pairs {
        let of = vr_kernels::NormBackward { isa: Isa::detect(), x, prologue, lanes: *lanes };
        let (mut block, mut samples) = (vec![0.0; dz.len()], vec![0.0; lanes * row]);
        of.write(dz, &gradients, &mut block);
        vr_kernels::unpack(&block, row, &mut samples);
        dx.extend(samples);
    }
    let dgamma = sums.iter().map(|sum| sum.dz_normal as f32).collect();
    Backward { dgamma, dbeta: sums.iter().map(|sum| sum.dz as f32).collect(), dx }
}

#[test]
fn gradients_are_those_of_the_cpu() {
    let kinds = [Activation::None, Activation::Relu, Activation::Elu];
    // In fours where statistics are the batch's, one by one where they are not.
    let cases = SHAPES
        .iter()
        .flat_map(|s| kinds.map(|kind| (s, kind)))
        .flat_map(|(s, kind)| [(s, kind, true, 0), (s, kind, false, 1)]);
    for (shape, activation, training, which) in cases {
        let &[samples, channels, positions] = shape;
        let (row, len) = (channels * positions, samples * channels * positions);
        // Without the large means, beside which single precision loses the sums on both sides.
        let x: Vec<f32> = numbers(1, len).iter().map(|x| x + 1.0).collect();
        let (dy, residual, old) = (numbers(4, len), numbers(5, len), numbers(6, len));
        let gamma: Vec<f32> = numbers(2, channels).iter().map(|x| x + 3.0).collect();
        let statistics = moments(&x, channels, row);
        let maps = statistics.iter().zip(&gamma).map(|(m, &g)| fold(m.mean, m.variance(), g, 0.5, EPSILON));
        let (scale, shift): (Vec<f32>, Vec<f32>) = maps.unzip();
        let mean: Vec<f64> = statistics.iter().map(|m| m.mean).collect();
        let inv_std: Vec<f64> = statistics.iter().map(|m| 1.0 / (m.variance() + EPSILON).sqrt()).collect();
        let channel = |i: usize| i / positions % channels;
        let affine: Vec<f32> = (0..len).map(|i| scale[channel(i)].mul_add(x[i], shift[channel(i)])).collect();
        let sum: Vec<f32> = affine.iter().zip(&residual).map(|(a, b)| a + b).collect();
        // Once with the residual, whose output is read, and once without, whose output is computed again.
        for (before, with_y) in [(&affine, false), (&affine, true), (&sum, true)] {
            let y = activated(activation, before);
            let dz = activation_gradient(activation, &y, &dy);
            let [from, to, out] = [1, 2, 3].map(|offset| Part::around(row, offset)[which]);
            let ChannelCut { count, chunk, chunks } = ChannelCut::new(samples * positions);
            let mut memory = Memory::default();
            let [at_x, at_y] = [&x, &y].map(|values| memory.put(&from.embed(values)));
            let (at_dy, in_place) = (memory.put(&to.embed(&dy)), memory.put(&to.embed(&dy)));
            let [at_gamma, at_scale, at_shift] = [&gamma, &scale, &shift].map(|values| memory.put(values));
            let [at_mean, at_inv_std] = [&mean, &inv_std].map(|values| memory.put(values));
            let parts = memory.rubbish::<f64>(2 * channels * chunks);
            let [dgamma, dbeta] = [(); 2].map(|()| memory.rubbish::<f32>(channels));
            let map = memory.rubbish::<f32>(4 * channels);
            let [dx, added, dresidual] = [(); 3].map(|()| memory.put(&out.embed(&old)));
            let [x_pitch, y_pitch, dy_pitch] = [from.pitch, from.pitch, to.pitch];
            let run = memory.run(|at| {
                let y = if with_y { at.of(at_y).at(from.offset) } else { Address::NULL };
                let (x, dy, parts) = (at.of(at_x).at(from.offset), at.of(at_dy).at(to.offset), at.of(parts));
                let (scale, shift, mean, map) = (at.of(at_scale), at.of(at_shift), at.of(at_mean), at.of(map));
                let sums = NormBackwardSums {
                    x,
                    y,
                    dy,
                    scale,
                    shift,
                    mean,
                    parts,
                    channels,
                    count,
                    positions,
                    x_pitch,
                    y_pitch,
                    dy_pitch,
                    chunk,
                    chunks,
                    activation,
                };
                let fold = NormBackwardFold {
                    parts,
                    gamma: at.of(at_gamma),
                    scale,
                    mean,
                    inv_std: at.of(at_inv_std),
                    channels,
                    count,
                    chunks,
                    training,
                    dgamma: at.of(dgamma),
                    dbeta: at.of(dbeta),
                    map,
                };
                let write = NormBackward {
                    x,
                    y,
                    dy,
                    scale,
                    shift,
                    map,
                    dx: at.of(dx).at(out.offset),
                    dresidual: Address::NULL,
                    len,
                    row,
                    positions,
                    x_pitch,
                    y_pitch,
                    dy_pitch,
                    dx_pitch: out.pitch,
                    dresidual_pitch: out.pitch,
                    activation,
                    add_dx: false,
                    add_dresidual: true,
                };
                let add = NormBackward {
                    dx: at.of(added).at(out.offset),
                    dresidual: at.of(dresidual).at(out.offset),
                    add_dx: true,
                    ..write
                };
                let of_dy = at.of(in_place).at(to.offset);
                let replace = NormBackward { dy: of_dy, dx: of_dy, dx_pitch: to.pitch, ..write };
                vec![sums.launch(), fold.launch(), write.launch(), add.launch(), replace.launch()]
            });
            let Some(()) = run else { return };
            let expected = backward(&x, &dz, *shape, &gamma, training);
            assert_close(&memory.get(dgamma), &expected.dgamma, 3e-6);
            assert_close(&memory.get(dbeta), &expected.dbeta, 3e-6);
            // Where there are few values they all but cancel: the gradient is small beside its terms.
            let terms = expected.dx.iter().fold(1.0_f32, |most, x| most.max(x.abs()));
            let found = memory.get(dx);
            for (found, expected) in found.iter().zip(out.embed(&expected.dx)) {
                assert!(
                    (found - expected).abs() <= 3e-6 * terms || *found == expected,
                    "{shape:?}: {found}, not {expected}"
                );
            }
            assert_eq!(bits(&out.extract(&found)), bits(&to.extract(&memory.get(in_place))));
            let (old_values, dz_values) = (out.embed(&old), out.embed(&dz));
            let added_to = |new: &[f32]| -> Vec<f32> {
                let sum = |i: usize| {
                    if (out.offset..out.offset + row).contains(&(i % out.pitch)) {
                        old_values[i] + new[i]
                    } else {
                        old_values[i]
                    }
                };
                (0..new.len()).map(sum).collect()
            };
            assert_eq!(bits(&memory.get(added)), bits(&added_to(&found)));
            assert_eq!(bits(&memory.get(dresidual)), bits(&added_to(&dz_values)));
        }
    }
}

/// Deviations are summed from the mean rounded to single precision, and the gradients are those from the mean itself.
#[test]
fn gradients_know_what_rounding_took_from_the_mean() {
    let (mean, inv_std, [dz, product], count) = (1e8 + 3.0, 0.5, [16.0, -3.0], 1000_usize);
    let center = f64::from(mean as f32);
    assert!(center != mean);
    let mut memory = Memory::default();
    let parts = memory.put(&[dz, product]);
    let (at_mean, at_inv_std) = (memory.put(&[mean]), memory.put(&[inv_std]));
    let [gamma, scale] = [2.0_f32, 1.0].map(|value| memory.put(&[value]));
    let ([dgamma, dbeta], map) = ([(); 2].map(|()| memory.rubbish::<f32>(1)), memory.rubbish::<f32>(4));
    let run = memory.run(|at| {
        let fold = NormBackwardFold {
            parts: at.of(parts),
            gamma: at.of(gamma),
            scale: at.of(scale),
            mean: at.of(at_mean),
            inv_std: at.of(at_inv_std),
            channels: 1,
            count,
            chunks: 1,
            training: true,
            dgamma: at.of(dgamma),
            dbeta: at.of(dbeta),
            map: at.of(map),
        };
        vec![fold.launch()]
    });
    let Some(()) = run else { return };
    let dz_normal = (product + (center - mean) * dz) * inv_std;
    let (factor, count) = (2.0 * inv_std, count as f64);
    let slope = -factor * inv_std * dz_normal / count;
    assert_close(&memory.get(dgamma), &[dz_normal as f32], 1e-6);
    let constant = slope * (center - mean) - factor * dz / count;
    let expected = [factor as f32, slope as f32, center as f32, constant as f32];
    for (found, expected) in memory.get(map).iter().zip(expected) {
        assert!((found - expected).abs() <= 1e-6 * expected.abs(), "{found}, not {expected}");
    }
}
