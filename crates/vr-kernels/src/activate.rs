//! A prologue's values, stored.

use pulp::{Simd, WithSimd};

use crate::affine::relu;
use crate::{Affine, Isa, lanes};

/// Stores what a prologue makes of x: `out = relu(scale[c] · x + shift[c])`; without one, a copy.
///
/// x and out are `[channels][positions][16]`.
///
/// # Panics
/// If the lengths do not fit.
pub fn activate(isa: Isa, x: &[f32], prologue: Option<Affine>, out: &mut [f32]) {
    assert_eq!(x.len(), out.len(), "as much goes out as comes in");
    match prologue {
        None => out.copy_from_slice(x),
        Some(prologue) => {
            let len = lanes::channel_len(x.len(), prologue.scale.len());
            prologue.check(x.len() / len);
            isa.run(Activate { x, prologue, len, out });
        }
    }
}

struct Activate<'a> {
    x: &'a [f32],
    prologue: Affine<'a>,
    len: usize,
    out: &'a mut [f32],
}

impl WithSimd for Activate<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let channels = self.x.chunks_exact(self.len).zip(self.out.chunks_exact_mut(self.len));
        for ((x, out), (scale, shift)) in channels.zip(self.prologue.scale.iter().zip(self.prologue.shift)) {
            let (scale, shift) = (simd.splat_f32s(*scale), simd.splat_f32s(*shift));
            for (x, out) in lanes::vectors::<S>(x).iter().zip(lanes::vectors_mut::<S>(out)) {
                let v = simd.mul_add_f32s(scale, *x, shift);
                *out = if self.prologue.relu { relu(simd, v) } else { v };
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_channel_has_its_own_map() {
        let x: Vec<f32> = (0..2 * 3 * 16).map(|i| i as f32 - 50.0).collect();
        let prologue = Affine { scale: &[2.0, -1.0], shift: &[1.0, 0.5], relu: true };
        for isa in Isa::available() {
            let mut out = vec![f32::NAN; x.len()];
            activate(isa, &x, Some(prologue), &mut out);
            for (i, (x, out)) in x.iter().zip(&out).enumerate() {
                let v: f32 = if i < 48 { 2.0 * x + 1.0 } else { 0.5 - x };
                assert_eq!(*out, v.max(0.0));
            }
        }
    }
}
