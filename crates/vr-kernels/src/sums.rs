//! Sums over the positions of one channel.

use pulp::{Simd, WithSimd};

use crate::{Isa, LANES, lanes};

/// Positions summed in single precision before the sum moves to double precision.
pub(crate) const RUN: usize = 64;

/// Independent accumulators, to hide the latency of additions.
const CHAINS: usize = 4;

/// What to add up: `N` sums, of terms made of the same place of each of `I` inputs.
pub(crate) trait Terms<S: Simd, const I: usize, const N: usize> {
    /// `sums` plus the terms of one vector, which is number `group` of its position.
    fn add(&self, simd: S, group: usize, inputs: [S::f32s; I], sums: [S::f32s; N]) -> [S::f32s; N];
}

/// The sums over the positions of `inputs`, each `[positions][16]`, for every lane.
///
/// Position p goes to accumulator p mod 4, and every 64 positions the accumulators go to double
/// precision, so that the order is the same for every vector width.
#[inline(always)]
pub(crate) fn over_positions<S: Simd, T: Terms<S, I, N>, const I: usize, const N: usize>(
    simd: S,
    inputs: [&[f32]; I],
    terms: &T,
) -> [[f64; LANES]; N] {
    let groups = lanes::groups::<S>();
    let positions = inputs[0].len() / LANES;
    assert!(inputs.iter().all(|x| x.len() / LANES == positions), "inputs differ in length");
    let inputs = inputs.map(|x| lanes::vectors::<S>(x).as_ptr());
    let mut total = [[0.0; LANES]; N];
    for start in (0..positions).step_by(RUN) {
        let end = positions.min(start + RUN);
        let mut run = [[0f32; LANES]; N];
        for group in 0..groups {
            let read = |p: usize| {
                // SAFETY: p < positions and group < groups, and each input has that many vectors.
                inputs.map(|x| unsafe { *x.add(p * groups + group) })
            };
            let mut sums = [[simd.splat_f32s(0.0); N]; CHAINS];
            let whole = end - (end - start) % CHAINS;
            let mut p = start;
            while p < whole {
                for (chain, sum) in sums.iter_mut().enumerate() {
                    *sum = terms.add(simd, group, read(p + chain), *sum);
                }
                p += CHAINS;
            }
            for (chain, sum) in sums.iter_mut().enumerate().take(end - whole) {
                *sum = terms.add(simd, group, read(whole + chain), *sum);
            }
            for n in 0..N {
                let pairs = [simd.add_f32s(sums[0][n], sums[2][n]), simd.add_f32s(sums[1][n], sums[3][n])];
                lanes::vectors_mut::<S>(&mut run[n])[group] = simd.add_f32s(pairs[0], pairs[1]);
            }
        }
        for n in 0..N {
            for l in 0..LANES {
                total[n][l] += f64::from(run[n][l]);
            }
        }
    }
    total
}

/// The values themselves.
pub(crate) struct Values;

impl<S: Simd> Terms<S, 1, 1> for Values {
    #[inline(always)]
    fn add(&self, simd: S, _: usize, [x]: [S::f32s; 1], [sum]: [S::f32s; 1]) -> [S::f32s; 1] {
        [simd.add_f32s(sum, x)]
    }
}

/// The sum of each channel over its positions and the first `lanes` lanes: `out[c] = Σ x[c]`.
///
/// With x the gradient of a convolution's output, this is the gradient of its bias (of this block;
/// the blocks' sums are added in order by the caller).
///
/// x is `[channels][positions][16]` with as many channels as `out` has elements.
///
/// # Panics
/// If the lengths do not fit or `lanes` is not in 1..=16.
pub fn channel_sums(isa: Isa, x: &[f32], lanes: usize, out: &mut [f64]) {
    lanes::check(lanes);
    let len = lanes::channel_len(x.len(), out.len());
    isa.run(ChannelSums { x, len, lanes, out });
}

struct ChannelSums<'a> {
    x: &'a [f32],
    len: usize,
    lanes: usize,
    out: &'a mut [f64],
}

impl WithSimd for ChannelSums<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        for (x, out) in self.x.chunks_exact(self.len).zip(self.out) {
            let [sums] = over_positions(simd, [x], &Values);
            *out = lanes::sum16(&lanes::only_real(sums, self.lanes));
        }
    }
}
