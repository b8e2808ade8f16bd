//! Sums and products of tensors, and ReLU where it is not part of a prologue.
//!
//! No sum here has more than two terms, so these are plain loops, compiled for each instruction set.

use pulp::{Simd, WithSimd};

use crate::Isa;

/// `out = a + b`.
///
/// # Panics
/// If the lengths differ.
pub fn add(isa: Isa, a: &[f32], b: &[f32], out: &mut [f32]) {
    assert!(a.len() == b.len() && a.len() == out.len(), "tensors differ in length");
    isa.run(Add { a, b, out });
}

/// `out += a`.
///
/// # Panics
/// If the lengths differ.
pub fn add_assign(isa: Isa, a: &[f32], out: &mut [f32]) {
    assert_eq!(a.len(), out.len(), "tensors differ in length");
    isa.run(AddAssign { a, out });
}

/// `out *= a`.
///
/// # Panics
/// If the lengths differ.
pub fn mul_assign(isa: Isa, a: &[f32], out: &mut [f32]) {
    assert_eq!(a.len(), out.len(), "tensors differ in length");
    isa.run(MulAssign { a, out });
}

/// `out = x <= 0 ? 0 : x`: NaN stays NaN.
///
/// # Panics
/// If the lengths differ.
pub fn relu(isa: Isa, x: &[f32], out: &mut [f32]) {
    assert_eq!(x.len(), out.len(), "tensors differ in length");
    isa.run(Relu { x, out });
}

/// `dx = x <= 0 ? 0 : dy`: the gradient passes where x is NaN. The output of the ReLU does as well for x.
///
/// # Panics
/// If the lengths differ.
pub fn relu_backward(isa: Isa, x: &[f32], dy: &[f32], dx: &mut [f32]) {
    assert!(x.len() == dy.len() && x.len() == dx.len(), "tensors differ in length");
    isa.run(ReluBackward { x, dy, dx });
}

struct Add<'a> {
    a: &'a [f32],
    b: &'a [f32],
    out: &'a mut [f32],
}

impl WithSimd for Add<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        for ((a, b), out) in self.a.iter().zip(self.b).zip(self.out) {
            *out = a + b;
        }
    }
}

struct AddAssign<'a> {
    a: &'a [f32],
    out: &'a mut [f32],
}

impl WithSimd for AddAssign<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        for (a, out) in self.a.iter().zip(self.out) {
            *out += a;
        }
    }
}

struct MulAssign<'a> {
    a: &'a [f32],
    out: &'a mut [f32],
}

impl WithSimd for MulAssign<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        for (a, out) in self.a.iter().zip(self.out) {
            *out *= a;
        }
    }
}

struct Relu<'a> {
    x: &'a [f32],
    out: &'a mut [f32],
}

impl WithSimd for Relu<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        for (&x, out) in self.x.iter().zip(self.out) {
            *out = if x <= 0.0 { 0.0 } else { x };
        }
    }
}

struct ReluBackward<'a> {
    x: &'a [f32],
    dy: &'a [f32],
    dx: &'a mut [f32],
}

impl WithSimd for ReluBackward<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        for ((&x, &dy), dx) in self.x.iter().zip(self.dy).zip(self.dx) {
            *dx = if x <= 0.0 { 0.0 } else { dy };
        }
    }
}
