//! Two outputs along an axis.

use pulp::Simd;

use super::axis::{Axis, MAX_POINTS, MAX_SIDE};

/// `F(2, 3)` at the points 0, ±1 and ∞: hardly less exact than the direct sum.
pub(super) struct Two;

impl Axis for Two {
    const SIDE: usize = 2;

    #[inline(always)]
    fn input<S: Simd>(simd: S, d: [S::f32s; MAX_POINTS]) -> [S::f32s; MAX_POINTS] {
        let zero = simd.splat_f32s(0.0);
        let points = [
            simd.sub_f32s(d[2], d[0]),
            simd.add_f32s(d[2], d[1]),
            simd.sub_f32s(d[2], d[1]),
            simd.sub_f32s(d[3], d[1]),
        ];
        [points[0], points[1], points[2], points[3], zero, zero]
    }

    #[inline(always)]
    fn output<S: Simd>(simd: S, m: [S::f32s; MAX_POINTS]) -> [S::f32s; MAX_SIDE] {
        let zero = simd.splat_f32s(0.0);
        let (sum, difference) = (simd.add_f32s(m[1], m[2]), simd.sub_f32s(m[1], m[2]));
        [simd.add_f32s(m[0], sum), simd.add_f32s(difference, m[3]), zero, zero]
    }

    #[inline(always)]
    fn output_grad<S: Simd>(simd: S, g: [S::f32s; MAX_SIDE]) -> [S::f32s; MAX_POINTS] {
        let zero = simd.splat_f32s(0.0);
        [g[0], simd.add_f32s(g[0], g[1]), simd.sub_f32s(g[0], g[1]), g[1], zero, zero]
    }

    #[inline(always)]
    fn weight_grad<S: Simd>(simd: S, u: [S::f32s; MAX_POINTS]) -> [S::f32s; 3] {
        let half = simd.splat_f32s(0.5);
        let (sum, difference) = (simd.add_f32s(u[1], u[2]), simd.sub_f32s(u[1], u[2]));
        [
            simd.mul_add_f32s(half, sum, simd.neg_f32s(u[0])),
            simd.mul_f32s(half, difference),
            simd.mul_add_f32s(half, sum, u[3]),
        ]
    }

    #[inline(always)]
    fn weights<const R: usize>(taps: [[f64; R]; 3]) -> [[f64; R]; MAX_POINTS] {
        let mut points = [[0.0; R]; MAX_POINTS];
        for r in 0..R {
            let [a, b, c] = taps.map(|tap| tap[r]);
            for (point, value) in points.iter_mut().zip([-a, 0.5 * (a + c + b), 0.5 * (a + c - b), c]) {
                point[r] = value;
            }
        }
        points
    }
}
