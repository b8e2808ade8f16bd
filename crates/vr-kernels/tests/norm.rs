//! Batch norm against plain double precision.

mod common;

use common::{assert_close, bits, pad, values};
use vr_kernels::{Affine, InputGradient, Isa, LANES, Moments, NormBackward, NormSums, channel_sums, fold, moments};

const EPS: f64 = 1e-5;

/// Channel c's values of the first `lanes` lanes.
fn channel(x: &[f32], channels: usize, lanes: usize, c: usize) -> Vec<f64> {
    let len = x.len() / channels;
    let positions = x[c * len..(c + 1) * len].chunks_exact(LANES);
    positions.flat_map(|p| p[..lanes].iter().map(|&v| f64::from(v))).collect()
}

fn naive_moments(x: &[f64]) -> Moments {
    let count = x.len() as f64;
    let mean = x.iter().sum::<f64>() / count;
    Moments { count, mean, m2: x.iter().map(|x| (x - mean) * (x - mean)).sum() }
}

#[test]
fn moments_are_accurate_and_the_same_everywhere() {
    let mut seed = 0;
    for (channels, positions) in [(1, 1), (3, 5), (2, 64), (2, 67), (1, 300), (2, 1024)] {
        for lanes in [1, 7, 16] {
            for mean in [0.0, 1.0, -577.0] {
                seed += 1;
                let x: Vec<f32> = values(seed, channels * positions * LANES).iter().map(|v| v + mean).collect();
                let mut first = None;
                for isa in Isa::available() {
                    for padding in [0.0, f32::INFINITY, f32::NAN, 3e38] {
                        let mut out = vec![Moments::default(); channels];
                        moments(isa, &pad(x.clone(), lanes, padding), lanes, &mut out);
                        for (c, got) in out.iter().enumerate() {
                            let want = naive_moments(&channel(&x, channels, lanes, c));
                            assert_eq!(got.count, want.count);
                            let std = want.variance().sqrt();
                            assert!((got.mean - want.mean).abs() <= 1e-6 * std.max(1e-9));
                            assert!(
                                (got.m2 - want.m2).abs() <= 1e-6 * want.m2,
                                "{channels} {positions} {lanes} {mean}: {got:?}, not {want:?}"
                            );
                        }
                        assert_eq!(*first.get_or_insert(out.clone()), out, "{isa:?}");
                    }
                }
            }
        }
    }
}

/// The first positions, from which the center comes, are far from the others.
#[test]
fn moments_of_a_jump() {
    let x: Vec<f32> =
        values(5, 1024 * LANES).iter().enumerate().map(|(i, v)| v + (i / 65 / LANES).min(1) as f32 * 300.0).collect();
    let mut out = [Moments::default()];
    moments(Isa::detect(), &x, 16, &mut out);
    let want = naive_moments(&channel(&x, 1, 16, 0));
    assert!((out[0].m2 / want.m2 - 1.0).abs() < 1e-6, "{out:?}, not {want:?}");
}

#[test]
fn combining_blocks_is_taking_them_together() {
    let parts = [values(1, 160), values(2, 16), values(3, 480)]
        .map(|v| v.iter().map(|&v| f64::from(v) + 50.0).collect::<Vec<_>>());
    let got = Moments::combine(parts.iter().map(|part| naive_moments(part)));
    let want = naive_moments(&parts.concat());
    assert_eq!(got.count, want.count);
    assert!((got.mean - want.mean).abs() < 1e-12 && (got.variance() / want.variance() - 1.0).abs() < 1e-12);
    assert_eq!(want.unbiased_variance(), want.m2 / (want.count - 1.0));
    let constant = pad(vec![0.1; 64 * LANES], 16, 0.0);
    let mut out = [Moments::default()];
    moments(Isa::detect(), &constant, 16, &mut out);
    assert!((0.0..1e-15).contains(&out[0].variance()));
}

/// Lanes, x and dy.
type Block = (usize, Vec<f32>, Vec<f32>);

/// A batch of blocks with their gradients of y.
struct Case {
    channels: usize,
    relu: bool,
    blocks: Vec<Block>,
    gamma: Vec<f32>,
    beta: Vec<f32>,
}

impl Case {
    fn new(seed: u64, channels: usize, positions: usize, lanes: &[usize], offset: f32, relu: bool) -> Self {
        let len = channels * positions * LANES;
        let block = |(b, &lanes): (usize, &usize)| {
            let x = values(seed * 97 + b as u64, len).iter().map(|v| v + offset).collect();
            (lanes, pad(x, lanes, 1e30), pad(values(seed * 89 + b as u64, len), lanes, 7.0))
        };
        let blocks = lanes.iter().enumerate().map(block).collect();
        let gamma = values(seed + 1, channels).iter().map(|v| v + 1.5).collect();
        Self { channels, relu, blocks, gamma, beta: values(seed + 2, channels) }
    }

    fn all(&self, c: usize) -> (Vec<f64>, Vec<f64>) {
        let of = |pick: fn(&Block) -> &Vec<f32>| {
            self.blocks.iter().flat_map(|b| channel(pick(b), self.channels, b.0, c)).collect()
        };
        (of(|b| &b.1), of(|b| &b.2))
    }

    fn statistics(&self, isa: Isa) -> Vec<Moments> {
        let of_block = |(lanes, x, _): &Block| {
            let mut out = vec![Moments::default(); self.channels];
            moments(isa, x, *lanes, &mut out);
            out
        };
        let blocks: Vec<_> = self.blocks.iter().map(of_block).collect();
        (0..self.channels).map(|c| Moments::combine(blocks.iter().map(|b| b[c]))).collect()
    }

    /// dx of each block, and the sums, as the kernels have them.
    fn run(&self, isa: Isa) -> (Vec<Vec<f32>>, Vec<NormSums>) {
        let all = self.statistics(isa);
        let mean: Vec<f64> = all.iter().map(|m| m.mean).collect();
        let inv_std: Vec<f64> = all.iter().map(|m| 1.0 / (m.variance() + EPS).sqrt()).collect();
        let folded = all.iter().enumerate().map(|(c, m)| fold(m.mean, m.variance(), self.gamma[c], self.beta[c], EPS));
        let (scale, shift): (Vec<_>, Vec<_>) = folded.unzip();
        let prologue = Affine { scale: &scale, shift: &shift, relu: self.relu };
        let mut sums = vec![NormSums::default(); self.channels];
        for (lanes, x, dy) in &self.blocks {
            let mut out = vec![NormSums::default(); self.channels];
            NormBackward { isa, x, prologue, lanes: *lanes }.sums(dy, &mean, &inv_std, &mut out);
            sums.iter_mut().zip(out).for_each(|(sum, out)| *sum += out);
        }
        let gradient: Vec<InputGradient> = (0..self.channels)
            .map(|c| InputGradient::training(self.gamma[c], mean[c], inv_std[c], sums[c], all[c].count))
            .collect();
        let run = |(lanes, x, dy): &Block| {
            let norm = NormBackward { isa, x, prologue, lanes: *lanes };
            let mut dx = vec![f32::NAN; x.len()];
            norm.write(dy, &gradient, &mut dx);
            let mut own = dy.clone();
            norm.in_place(&mut own, &gradient);
            assert_eq!(bits(&own), bits(&dx), "in place");
            let before = values(11, x.len());
            let mut added = before.clone();
            norm.add(dy, &gradient, &mut added);
            for (i, ((added, before), dx)) in added.iter().zip(&before).zip(&dx).enumerate() {
                let sum = if i % LANES < *lanes { before + dx } else { *before };
                assert_eq!(added.to_bits(), sum.to_bits());
            }
            dx
        };
        (self.blocks.iter().map(run).collect(), sums)
    }
}

/// `Σ dy · relu(bn(x))` of one channel.
fn loss(x: &[f64], dy: &[f64], gamma: f64, beta: f64, relu: bool) -> f64 {
    let m = naive_moments(x);
    let y = |x: f64| gamma * (x - m.mean) / (m.variance() + EPS).sqrt() + beta;
    x.iter().zip(dy).map(|(&x, dy)| dy * if relu { y(x).max(0.0) } else { y(x) }).sum()
}

/// dx, dgamma and dbeta of one channel.
fn naive_backward(x: &[f64], dy: &[f64], gamma: f64, beta: f64, relu: bool) -> (Vec<f64>, f64, f64) {
    let m = naive_moments(x);
    let inv_std = 1.0 / (m.variance() + EPS).sqrt();
    let normal: Vec<f64> = x.iter().map(|x| (x - m.mean) * inv_std).collect();
    let dz: Vec<f64> =
        normal.iter().zip(dy).map(|(n, dy)| if !relu || gamma * n + beta > 0.0 { *dy } else { 0.0 }).collect();
    let sum: f64 = dz.iter().sum();
    let product: f64 = dz.iter().zip(&normal).map(|(d, n)| d * n).sum();
    let dx = dz.iter().zip(&normal).map(|(d, n)| gamma * inv_std * (d - sum / m.count - n * product / m.count));
    (dx.collect(), product, sum)
}

#[test]
fn the_reference_is_the_derivative_of_the_loss() {
    let case = Case::new(3, 1, 9, &[5], 0.5, true);
    let (x, dy) = case.all(0);
    let (gamma, beta) = (1.3, -0.2);
    let (dx, dgamma, dbeta) = naive_backward(&x, &dy, gamma, beta, true);
    let h = 1e-6;
    let slope = |up: f64, down: f64| (up - down) / (2.0 * h);
    for (i, dx) in dx.iter().enumerate() {
        let at = |d: f64| loss(&[&x[..i], &[x[i] + d], &x[i + 1..]].concat(), &dy, gamma, beta, true);
        assert!((slope(at(h), at(-h)) - dx).abs() < 1e-6);
    }
    let at = |g: f64, b: f64| loss(&x, &dy, gamma + g, beta + b, true);
    assert!((slope(at(h, 0.0), at(-h, 0.0)) - dgamma).abs() < 1e-6);
    assert!((slope(at(0.0, h), at(0.0, -h)) - dbeta).abs() < 1e-6);
}

#[test]
fn backward_is_the_reference_and_the_same_everywhere() {
    let shapes: [(usize, usize, &[usize]); 5] =
        [(1, 1, &[7]), (3, 5, &[1]), (2, 70, &[16, 16]), (2, 64, &[16, 7]), (1, 131, &[16])];
    for (seed, (channels, positions, lanes)) in shapes.into_iter().enumerate() {
        for (relu, offset) in [(true, 0.0), (false, 0.3), (false, 400.0)] {
            let case = Case::new(seed as u64 + 1, channels, positions, lanes, offset, relu);
            let (blocks, sums) = case.run(Isa::detect());
            for (c, sums) in sums.iter().enumerate() {
                let (x, dy) = case.all(c);
                let (dx, dgamma, dbeta) = naive_backward(&x, &dy, case.gamma[c].into(), case.beta[c].into(), relu);
                let got: Vec<f32> = blocks
                    .iter()
                    .zip(&case.blocks)
                    .flat_map(|(dx, (lanes, ..))| channel(dx, channels, *lanes, c))
                    .map(|v| v as f32)
                    .collect();
                assert_close(&got, &dx, &format!("dx {channels} {positions} {lanes:?} {relu} {offset}"));
                let size = dy.iter().map(|d| d.abs()).sum::<f64>();
                assert!((sums.dz - dbeta).abs() <= 1e-6 * size, "{} not {dbeta}", sums.dz);
                assert!((sums.dz_normal - dgamma).abs() <= 1e-6 * size, "{} not {dgamma}", sums.dz_normal);
            }
            for (dx, (lanes, ..)) in blocks.iter().zip(&case.blocks) {
                assert!(dx.chunks_exact(LANES).all(|p| p[*lanes..].iter().all(|v| v.to_bits() == 0)));
            }
            for isa in Isa::available() {
                let other = case.run(isa);
                assert_eq!(other.1, sums, "{isa:?}");
                assert!(blocks.iter().zip(&other.0).all(|(a, b)| bits(a) == bits(b)), "{isa:?}");
            }
        }
    }
}

#[test]
fn evaluation_scales_what_the_relu_passes() {
    let (x, dy) = (values(1, 2 * 3 * LANES), values(2, 2 * 3 * LANES));
    let (scale, shift) = ([1.5, -0.7], [0.1, -0.2]);
    let gradient = scale.map(InputGradient::evaluation);
    for isa in Isa::available() {
        let norm = NormBackward { isa, x: &x, prologue: Affine { scale: &scale, shift: &shift, relu: true }, lanes: 7 };
        let mut dx = vec![f32::NAN; x.len()];
        norm.write(&dy, &gradient, &mut dx);
        for (i, dx) in dx.iter().enumerate() {
            let c = i / (3 * LANES);
            let passes = i % LANES < 7 && scale[c].mul_add(x[i], shift[c]) > 0.0;
            assert_eq!(*dx, if passes { scale[c] * dy[i] } else { 0.0 });
        }
    }
}

#[test]
fn channel_sums_leave_padding_out() {
    for (channels, positions, lanes) in [(1, 1, 1), (3, 7, 7), (2, 133, 16)] {
        let x = values(9, channels * positions * LANES);
        let mut first = None;
        for isa in Isa::available() {
            let mut out = vec![0.0; channels];
            channel_sums(isa, &pad(x.clone(), lanes, f32::NAN), lanes, &mut out);
            for (c, sum) in out.iter().enumerate() {
                let values = channel(&x, channels, lanes, c);
                assert!((sum - values.iter().sum::<f64>()).abs() <= 1e-6 * values.iter().map(|v| v.abs()).sum::<f64>());
            }
            assert_eq!(*first.get_or_insert(out.clone()), out);
        }
    }
}
