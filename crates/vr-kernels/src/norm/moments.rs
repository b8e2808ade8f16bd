use pulp::{Simd, WithSimd};

use crate::sums::{RUN, Terms, Values, over_positions};
use crate::{Isa, LANES, lanes};

/// How many values there are, their mean, and the sum of their squared deviations from it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Moments {
    /// The number of values.
    pub count: f64,
    /// Their mean.
    pub mean: f64,
    /// `Σ (x − mean)²`.
    pub m2: f64,
}

impl Moments {
    /// The moments of both sets of values together (Chan, Golub and LeVeque's update).
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        if self.count == 0.0 {
            return other;
        }
        let count = self.count + other.count;
        let difference = other.mean - self.mean;
        let part = other.count / count;
        Self {
            count,
            mean: self.mean + difference * part,
            m2: self.m2 + other.m2 + difference * difference * (self.count * part),
        }
    }

    /// The moments of all the blocks' values, combined in order.
    pub fn combine(blocks: impl IntoIterator<Item = Self>) -> Self {
        blocks.into_iter().fold(Self::default(), Self::and)
    }

    /// The variance of these values: `m2 / count`. Batch norm normalises with it.
    pub fn variance(&self) -> f64 {
        self.m2 / self.count
    }

    /// The estimate of the variance these values are drawn with: `m2 / (count − 1)`. Batch norm
    /// keeps a running mean of it.
    pub fn unbiased_variance(&self) -> f64 {
        self.m2 / (self.count - 1.0)
    }
}

/// The scale and shift of batch norm as an affine map:
/// `scale · x + shift = gamma · (x − mean) / √(var + eps) + beta`.
pub fn fold(mean: f64, var: f64, gamma: f32, beta: f32, eps: f64) -> (f32, f32) {
    let scale = (f64::from(gamma) / (var + eps).sqrt()) as f32;
    // From the rounded scale, so that the mean still goes to beta.
    (scale, (f64::from(beta) - mean * f64::from(scale)) as f32)
}

/// The moments of each channel over its positions and the first `lanes` lanes.
///
/// x is `[channels][positions][16]` with as many channels as `out` has elements.
///
/// # Panics
/// If the lengths do not fit or `lanes` is not in 1..=16.
pub fn moments(isa: Isa, x: &[f32], lanes: usize, out: &mut [Moments]) {
    lanes::check(lanes);
    let len = lanes::channel_len(x.len(), out.len());
    isa.run(Run { x, len, lanes, out });
}

struct Run<'a> {
    x: &'a [f32],
    len: usize,
    lanes: usize,
    out: &'a mut [Moments],
}

/// Deviations from a value near the mean, different for each lane, and their squares.
struct Deviations {
    center: [f32; LANES],
}

impl<S: Simd> Terms<S, 1, 2> for Deviations {
    #[inline(always)]
    fn add(&self, simd: S, group: usize, [x]: [S::f32s; 1], [sum, squares]: [S::f32s; 2]) -> [S::f32s; 2] {
        let d = simd.sub_f32s(x, lanes::vectors::<S>(&self.center)[group]);
        [simd.add_f32s(sum, d), simd.mul_add_f32s(d, d, squares)]
    }
}

impl WithSimd for Run<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let positions = self.len / LANES;
        for (x, out) in self.x.chunks_exact(self.len).zip(self.out) {
            *out = channel(simd, x, positions, self.lanes);
        }
    }
}

#[inline(always)]
fn channel<S: Simd>(simd: S, x: &[f32], positions: usize, lanes: usize) -> Moments {
    // The first run's mean stands for the channel's: the deviations from it are small and all but
    // exact, so nothing cancels, and the channel is read once.
    let first = positions.min(RUN);
    let [sums] = over_positions(simd, [&x[..first * LANES]], &Values);
    let center = sums.map(|sum| (sum * (1.0 / first as f64)) as f32);
    let [sums, squares] = over_positions(simd, [x], &Deviations { center });

    let n = positions as f64;
    let inverse = 1.0 / n;
    let means: [f64; LANES] = std::array::from_fn(|l| f64::from(center[l]) + sums[l] * inverse);
    let within: [f64; LANES] = std::array::from_fn(|l| squares[l] - sums[l] * (sums[l] * inverse));
    let mean = lanes::sum16(&lanes::only_real(means, lanes)) / lanes as f64;
    let between = means.map(|m| (m - mean) * (m - mean));
    let within = lanes::sum16(&lanes::only_real(within, lanes));
    let between = lanes::sum16(&lanes::only_real(between, lanes));
    let m2 = within + n * between;
    // Rounding can take it below zero where all values are equal; NaN stays.
    Moments { count: n * lanes as f64, mean, m2: if m2 < 0.0 { 0.0 } else { m2 } }
}
