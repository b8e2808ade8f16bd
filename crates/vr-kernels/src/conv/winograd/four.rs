//! Four outputs along an axis.

use pulp::Simd;

use super::axis::{Axis, MAX_POINTS, MAX_SIDE};

/// `F(4, 3)` at the points 0, ±2/3, ±3/2 and ∞.
///
/// Reciprocal points keep the powers small: with four outputs along both axes the error stays below
/// three times that of the direct sum, where the usual points 0, ±1, ±2 give five times.
pub(super) struct Four;

const P: f64 = 2.0 / 3.0;
const Q: f64 = 3.0 / 2.0;
/// The products of the differences between a point and the others.
const P_SCALE: f64 = 2.0 * P * P * (P * P - Q * Q);
const Q_SCALE: f64 = 2.0 * Q * Q * (Q * Q - P * P);

impl Axis for Four {
    const SIDE: usize = 4;

    #[inline(always)]
    fn input<S: Simd>(simd: S, d: [S::f32s; MAX_POINTS]) -> [S::f32s; MAX_POINTS] {
        let fma = |factor: f64, a, b| simd.mul_add_f32s(simd.splat_f32s(factor as f32), a, b);
        let [even_p, odd_p] = [fma(-Q * Q, d[2], d[4]), fma(-Q * Q, d[1], d[3])];
        let [even_q, odd_q] = [fma(-P * P, d[2], d[4]), fma(-P * P, d[1], d[3])];
        [
            fma(-P * P - Q * Q, d[2], simd.add_f32s(d[0], d[4])),
            fma(P, odd_p, even_p),
            fma(-P, odd_p, even_p),
            fma(Q, odd_q, even_q),
            fma(-Q, odd_q, even_q),
            fma(-P * P - Q * Q, d[3], simd.add_f32s(d[1], d[5])),
        ]
    }

    #[inline(always)]
    fn output<S: Simd>(simd: S, m: [S::f32s; MAX_POINTS]) -> [S::f32s; MAX_SIDE] {
        let times = |factor: f64, a| simd.mul_f32s(simd.splat_f32s(factor as f32), a);
        let fma = |factor: f64, a, b| simd.mul_add_f32s(simd.splat_f32s(factor as f32), a, b);
        let [sum_p, sum_q] = [simd.add_f32s(m[1], m[2]), simd.add_f32s(m[3], m[4])];
        let [difference_p, difference_q] = [simd.sub_f32s(m[1], m[2]), simd.sub_f32s(m[3], m[4])];
        [
            simd.add_f32s(m[0], simd.add_f32s(sum_p, sum_q)),
            fma(P, difference_p, times(Q, difference_q)),
            fma(P * P, sum_p, times(Q * Q, sum_q)),
            fma(P * P * P, difference_p, fma(Q * Q * Q, difference_q, m[5])),
        ]
    }

    #[inline(always)]
    fn output_grad<S: Simd>(simd: S, g: [S::f32s; MAX_SIDE]) -> [S::f32s; MAX_POINTS] {
        let fma = |factor: f64, a, b| simd.mul_add_f32s(simd.splat_f32s(factor as f32), a, b);
        let [even_p, odd_p] = [fma(P * P, g[2], g[0]), fma(P * P, g[3], g[1])];
        let [even_q, odd_q] = [fma(Q * Q, g[2], g[0]), fma(Q * Q, g[3], g[1])];
        [g[0], fma(P, odd_p, even_p), fma(-P, odd_p, even_p), fma(Q, odd_q, even_q), fma(-Q, odd_q, even_q), g[3]]
    }

    #[inline(always)]
    fn weight_grad<S: Simd>(simd: S, u: [S::f32s; MAX_POINTS]) -> [S::f32s; 3] {
        let times = |factor: f64, a| simd.mul_f32s(simd.splat_f32s(factor as f32), a);
        let fma = |factor: f64, a, b| simd.mul_add_f32s(simd.splat_f32s(factor as f32), a, b);
        let [sum_p, sum_q] = [simd.add_f32s(u[1], u[2]), simd.add_f32s(u[3], u[4])];
        let [difference_p, difference_q] = [simd.sub_f32s(u[1], u[2]), simd.sub_f32s(u[3], u[4])];
        [
            fma(1.0 / P_SCALE, sum_p, fma(1.0 / Q_SCALE, sum_q, u[0])),
            fma(P / P_SCALE, difference_p, times(Q / Q_SCALE, difference_q)),
            fma(P * P / P_SCALE, sum_p, fma(Q * Q / Q_SCALE, sum_q, u[5])),
        ]
    }

    #[inline(always)]
    fn weights<const R: usize>(taps: [[f64; R]; 3]) -> [[f64; R]; MAX_POINTS] {
        let mut points = [[0.0; R]; MAX_POINTS];
        for r in 0..R {
            let [a, b, c] = taps.map(|tap| tap[r]);
            let [even_p, odd_p] = [(a + P * P * c) * (1.0 / P_SCALE), b * (P / P_SCALE)];
            let [even_q, odd_q] = [(a + Q * Q * c) * (1.0 / Q_SCALE), b * (Q / Q_SCALE)];
            let values = [a, even_p + odd_p, even_p - odd_p, even_q + odd_q, even_q - odd_q, c];
            for (point, value) in points.iter_mut().zip(values) {
                point[r] = value;
            }
        }
        points
    }
}
