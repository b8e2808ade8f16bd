use pulp::{Simd, WithSimd};

use crate::sums::{Terms, over_positions};
use crate::{Affine, Isa, lanes};

/// The backward pass of `y = relu(scale · x + shift)`, with `scale` and `shift` of batch norm
/// (see [`fold`](super::fold)) in the prologue and the ReLU optional.
///
/// Nothing but x is kept from the forward pass. With `dz = y <= 0 ? 0 : dy` (`dz = dy` without ReLU)
/// and `x̂ = (x − mean) · inv_std`, it takes [`sums`](Self::sums) over the whole batch, and from them
/// the gradient of x ([`write`](Self::write), [`add`](Self::add) or [`in_place`](Self::in_place)).
///
/// x, dy and dx are `[channels][positions][16]`. All methods panic if lengths do not fit or `lanes`
/// is not in 1..=16.
#[derive(Clone, Copy, Debug)]
pub struct NormBackward<'a> {
    /// What to run on.
    pub isa: Isa,
    /// The input of the forward pass.
    pub x: &'a [f32],
    /// Its scale and shift of each channel.
    pub prologue: Affine<'a>,
    /// The samples in the block.
    pub lanes: usize,
}

/// The sums that a channel's gradients are made of. Those of the blocks are added in order.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct NormSums {
    /// `Σ dz`, the gradient of beta.
    pub dz: f64,
    /// `Σ dz · x̂`, the gradient of gamma.
    pub dz_normal: f64,
}

impl std::ops::AddAssign for NormSums {
    fn add_assign(&mut self, other: Self) {
        self.dz += other.dz;
        self.dz_normal += other.dz_normal;
    }
}

/// How a channel's dx follows from dz and x: `dx = factor · dz + slope · (x − center) + constant`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct InputGradient {
    factor: f32,
    slope: f32,
    center: f32,
    constant: f32,
}

impl InputGradient {
    /// Statistics of the batch: `dx = gamma · inv_std · (dz − Σdz / count − x̂ · Σ(dz · x̂) / count)`,
    /// with the sums over all blocks and `count` the values of a channel in them.
    pub fn training(gamma: f32, mean: f64, inv_std: f64, sums: NormSums, count: f64) -> Self {
        let factor = f64::from(gamma) * inv_std;
        let slope = -factor * inv_std * (sums.dz_normal / count);
        let center = mean as f32;
        // The mean's rounding goes into the constant, where it costs nothing.
        let constant = slope * (f64::from(center) - mean) - factor * (sums.dz / count);
        Self { factor: factor as f32, slope: slope as f32, center, constant: constant as f32 }
    }

    /// Statistics that do not depend on x, as in evaluation: `dx = scale · dz`.
    pub fn evaluation(scale: f32) -> Self {
        Self { factor: scale, slope: 0.0, center: 0.0, constant: 0.0 }
    }
}

impl NormBackward<'_> {
    /// The sums of each channel of this block: `Σ dz` and `Σ dz · x̂`.
    pub fn sums(&self, dy: &[f32], mean: &[f64], inv_std: &[f64], out: &mut [NormSums]) {
        let len = self.check(dy.len(), out.len());
        assert!(mean.len() == out.len() && inv_std.len() == out.len(), "statistics: one value per channel");
        self.isa.run(Sums { of: *self, dy, len, mean, inv_std, out });
    }

    /// Writes the gradient of x into dx, zero in the padded lanes.
    pub fn write(&self, dy: &[f32], gradient: &[InputGradient], dx: &mut [f32]) {
        self.apply(Some(dy), gradient, dx, false);
    }

    /// Adds the gradient of x to dx, whose padded lanes keep their values.
    pub fn add(&self, dy: &[f32], gradient: &[InputGradient], dx: &mut [f32]) {
        self.apply(Some(dy), gradient, dx, true);
    }

    /// Puts the gradient of x in the place of dy, zero in the padded lanes.
    pub fn in_place(&self, dy: &mut [f32], gradient: &[InputGradient]) {
        self.apply(None, gradient, dy, false);
    }

    fn apply(&self, dy: Option<&[f32]>, gradient: &[InputGradient], dx: &mut [f32], add: bool) {
        let len = self.check(dx.len(), gradient.len());
        assert!(dy.is_none_or(|dy| dy.len() == dx.len()), "dy and dx differ in length");
        self.isa.run(Apply { of: *self, len, gradient, dy, dx, add });
    }

    fn check(&self, len: usize, channels: usize) -> usize {
        lanes::check(self.lanes);
        assert_eq!(self.x.len(), len, "x and its gradient differ in length");
        self.prologue.check(channels);
        lanes::channel_len(len, channels)
    }
}

/// The gradient of a channel's affine map from that of its output.
struct Masked<S: Simd> {
    scale: S::f32s,
    shift: S::f32s,
    threshold: S::f32s,
}

impl<S: Simd> Masked<S> {
    #[inline(always)]
    fn new(simd: S, prologue: Affine<'_>, channel: usize) -> Self {
        Self {
            scale: simd.splat_f32s(prologue.scale[channel]),
            shift: simd.splat_f32s(prologue.shift[channel]),
            // Without a ReLU everything passes: nothing is at most NaN.
            threshold: simd.splat_f32s(if prologue.relu { 0.0 } else { f32::NAN }),
        }
    }

    #[inline(always)]
    fn dz(&self, simd: S, x: S::f32s, dy: S::f32s) -> S::f32s {
        let y = simd.mul_add_f32s(self.scale, x, self.shift);
        simd.select_f32s(simd.less_than_or_equal_f32s(y, self.threshold), simd.splat_f32s(0.0), dy)
    }
}

struct Sums<'a> {
    of: NormBackward<'a>,
    dy: &'a [f32],
    len: usize,
    mean: &'a [f64],
    inv_std: &'a [f64],
    out: &'a mut [NormSums],
}

struct Centered<S: Simd> {
    masked: Masked<S>,
    center: S::f32s,
}

impl<S: Simd> Terms<S, 2, 2> for Centered<S> {
    #[inline(always)]
    fn add(&self, simd: S, _: usize, [x, dy]: [S::f32s; 2], [sum, product]: [S::f32s; 2]) -> [S::f32s; 2] {
        let dz = self.masked.dz(simd, x, dy);
        [simd.add_f32s(sum, dz), simd.mul_add_f32s(dz, simd.sub_f32s(x, self.center), product)]
    }
}

impl WithSimd for Sums<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let channels = self.of.x.chunks_exact(self.len).zip(self.dy.chunks_exact(self.len)).zip(self.out);
        for (c, ((x, dy), out)) in channels.enumerate() {
            let center = self.mean[c] as f32;
            let masked = Masked::new(simd, self.of.prologue, c);
            let terms = Centered { masked, center: simd.splat_f32s(center) };
            let [dz, product] = over_positions(simd, [x, dy], &terms);
            let total = |sums| lanes::sum16(&lanes::only_real(sums, self.of.lanes));
            let (dz, product) = (total(dz), total(product));
            // Deviations from the rounded mean become those from the mean.
            let product = product + (f64::from(center) - self.mean[c]) * dz;
            *out = NormSums { dz, dz_normal: product * self.inv_std[c] };
        }
    }
}

/// The gradient of x, of the channels that `len` cuts the block into.
struct Apply<'a> {
    of: NormBackward<'a>,
    len: usize,
    gradient: &'a [InputGradient],
    /// None where dx holds it.
    dy: Option<&'a [f32]>,
    dx: &'a mut [f32],
    add: bool,
}

impl WithSimd for Apply<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        for (c, (&gradient, dx)) in self.gradient.iter().zip(self.dx.chunks_exact_mut(self.len)).enumerate() {
            let map = Map::new(simd, self.of, gradient, c);
            let part = c * self.len..(c + 1) * self.len;
            let x = &self.of.x[part.clone()];
            match self.dy.map(|dy| &dy[part]) {
                Some(dy) if self.add => map.add(simd, x, dy, dx),
                Some(dy) => map.write(simd, x, dy, dx),
                None => map.in_place(simd, x, dx),
            }
        }
    }
}

/// One channel's map from x and dy to dx.
struct Map<S: Simd> {
    lanes: usize,
    masked: Masked<S>,
    factor: S::f32s,
    slope: S::f32s,
    center: S::f32s,
    constant: S::f32s,
}

impl<S: Simd> Map<S> {
    #[inline(always)]
    fn new(simd: S, of: NormBackward<'_>, gradient: InputGradient, channel: usize) -> Self {
        Self {
            lanes: of.lanes,
            masked: Masked::new(simd, of.prologue, channel),
            factor: simd.splat_f32s(gradient.factor),
            slope: simd.splat_f32s(gradient.slope),
            center: simd.splat_f32s(gradient.center),
            constant: simd.splat_f32s(gradient.constant),
        }
    }

    #[inline(always)]
    fn dx(&self, simd: S, x: S::f32s, dy: S::f32s) -> S::f32s {
        let rest = simd.mul_add_f32s(self.slope, simd.sub_f32s(x, self.center), self.constant);
        simd.mul_add_f32s(self.factor, self.masked.dz(simd, x, dy), rest)
    }

    /// `value` in the lanes with samples of vector `group`.
    #[inline(always)]
    fn or(&self, simd: S, group: usize, value: S::f32s, padding: S::f32s) -> S::f32s {
        simd.select_f32s(lanes::mask(simd, self.lanes, group), value, padding)
    }

    #[inline(always)]
    fn write(&self, simd: S, x: &[f32], dy: &[f32], dx: &mut [f32]) {
        let groups = lanes::groups::<S>();
        let inputs = positions::<S>(x).zip(positions::<S>(dy));
        for ((x, dy), dx) in inputs.zip(positions_mut::<S>(dx)) {
            for g in 0..groups {
                dx[g] = self.or(simd, g, self.dx(simd, x[g], dy[g]), simd.splat_f32s(0.0));
            }
        }
    }

    #[inline(always)]
    fn add(&self, simd: S, x: &[f32], dy: &[f32], dx: &mut [f32]) {
        let groups = lanes::groups::<S>();
        let inputs = positions::<S>(x).zip(positions::<S>(dy));
        for ((x, dy), dx) in inputs.zip(positions_mut::<S>(dx)) {
            for g in 0..groups {
                dx[g] = self.or(simd, g, simd.add_f32s(dx[g], self.dx(simd, x[g], dy[g])), dx[g]);
            }
        }
    }

    #[inline(always)]
    fn in_place(&self, simd: S, x: &[f32], dx: &mut [f32]) {
        let groups = lanes::groups::<S>();
        for (x, dx) in positions::<S>(x).zip(positions_mut::<S>(dx)) {
            for g in 0..groups {
                dx[g] = self.or(simd, g, self.dx(simd, x[g], dx[g]), simd.splat_f32s(0.0));
            }
        }
    }
}

/// The vectors of each position.
#[inline(always)]
fn positions<S: Simd>(x: &[f32]) -> std::slice::ChunksExact<'_, S::f32s> {
    lanes::vectors::<S>(x).chunks_exact(lanes::groups::<S>())
}

/// The vectors of each position.
#[inline(always)]
fn positions_mut<S: Simd>(x: &mut [f32]) -> std::slice::ChunksExactMut<'_, S::f32s> {
    lanes::vectors_mut::<S>(x).chunks_exact_mut(lanes::groups::<S>())
}
