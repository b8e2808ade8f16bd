use pulp::{Simd, WithSimd};

use super::backward::{InputGradient, Masked, NormBackward};
use crate::lanes;

/// The gradient of x, of the channels that `len` cuts the block into.
pub(super) struct Apply<'a> {
    pub(super) of: NormBackward<'a>,
    pub(super) len: usize,
    pub(super) gradient: &'a [InputGradient],
    /// None where dx holds it.
    pub(super) dy: Option<&'a [f32]>,
    pub(super) dx: &'a mut [f32],
    pub(super) add: bool,
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
