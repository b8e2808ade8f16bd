//! The exponential linear unit with α = 1: `x > 0 ? x : e^x − 1` (Clevert, Unterthiner & Hochreiter,
//! ICLR 2016).

use pulp::{Simd, WithSimd};

use crate::Isa;

/// `x = x > 0 ? x : e^x − 1`, to within 2 units in the last place.
pub fn elu(isa: Isa, x: &mut [f32]) {
    isa.run(Elu { x });
}

/// `dx = y > 0 ? dx : (y + 1) · dx`, for the output y of the unit: its slope is 1 or `e^x = y + 1`.
///
/// # Panics
/// If the lengths differ.
pub fn elu_backward(isa: Isa, y: &[f32], dx: &mut [f32]) {
    assert_eq!(y.len(), dx.len(), "tensors differ in length");
    isa.run(EluBackward { y, dx });
}

struct Elu<'a> {
    x: &'a mut [f32],
}

impl WithSimd for Elu<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        for x in self.x {
            let below = exp_minus_1(*x);
            *x = if *x > 0.0 { *x } else { below };
        }
    }
}

struct EluBackward<'a> {
    y: &'a [f32],
    dx: &'a mut [f32],
}

impl WithSimd for EluBackward<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        for (&y, dx) in self.y.iter().zip(self.dx) {
            *dx = if y > 0.0 { *dx } else { (y + 1.0) * *dx };
        }
    }
}

/// `e^x − 1` for x ≤ 0, without branches, so that loops over it become vectors; what it makes of
/// positive numbers means nothing.
#[inline(always)]
fn exp_minus_1(x: f32) -> f32 {
    /// Added to a small number, it leaves the nearest integer in the last bits.
    const ROUND: f32 = 12_582_912.0;
    const LN2_HIGH: f32 = 0.693_359_4;
    const LN2_LOW: f32 = -2.121_944_4e-4;
    // Below, the result is −1; the comparison lets NaN through.
    let x = if x < -87.0 { -87.0 } else { x };
    // x = n ln 2 + r with |r| ≤ ln 2 / 2, and e^r − 1 from its Taylor series.
    let shifted = x.mul_add(std::f32::consts::LOG2_E, ROUND);
    let n = shifted - ROUND;
    let r = n.mul_add(-LN2_LOW, n.mul_add(-LN2_HIGH, x));
    let mut series = 1.0 / 5040.0;
    for factorial in [720.0, 120.0, 24.0, 6.0, 2.0] {
        series = r.mul_add(series, 1.0 / factorial);
    }
    let e = (r * r).mul_add(series, r);
    let power = f32::from_bits(shifted.to_bits().wrapping_sub(ROUND.to_bits()).wrapping_add(127) << 23);
    power.mul_add(e, power - 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every 61st negative float, and the positive ones around 0 and 1.
    fn numbers() -> Vec<f32> {
        let negative = ((-0.0_f32).to_bits()..=(-1e4_f32).to_bits()).step_by(61).map(f32::from_bits);
        negative.chain([0.0, 1e-38, 1e-7, 1.0, 1e38, f32::INFINITY, f32::NEG_INFINITY]).collect()
    }

    #[test]
    fn values_are_accurate() {
        for (&x, y) in numbers().iter().zip(on(Isa::detect(), numbers())) {
            let exact = if x > 0.0 { f64::from(x) } else { f64::from(x).exp_m1() };
            let unit = f64::from((exact as f32).next_up() - exact as f32).max(f64::from(f32::from_bits(1)));
            assert!(f64::from(y) == exact || (f64::from(y) - exact).abs() <= 2.0 * unit, "{x}: {y}, not {exact}");
        }
        assert!(on(Isa::detect(), vec![f32::NAN])[0].is_nan());
    }

    fn on(isa: Isa, mut x: Vec<f32>) -> Vec<f32> {
        elu(isa, &mut x);
        x
    }

    #[test]
    fn the_slope_is_the_derivative() {
        let x: Vec<f32> = (-400..400).map(|i| i as f32 * 0.02 + 0.003).collect();
        let y = on(Isa::detect(), x.clone());
        let mut slope = vec![3.0; x.len()];
        elu_backward(Isa::detect(), &y, &mut slope);
        for (x, slope) in x.iter().zip(slope) {
            let exact = 3.0 * f64::from(x.min(0.0)).exp();
            assert!((f64::from(slope) - exact).abs() < 1e-6, "{x}: {slope}, not {exact}");
        }
    }

    #[test]
    fn every_instruction_set_gives_the_same_bits() {
        let bits = |x: &[f32]| x.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
        let x: Vec<f32> = numbers().into_iter().step_by(97).collect();
        let run = |isa| {
            let y = on(isa, x.clone());
            let mut dx = x.iter().map(|x| (x * 1e3).sin()).collect::<Vec<_>>();
            elu_backward(isa, &y, &mut dx);
            (bits(&y), bits(&dx))
        };
        let first = run(Isa::detect());
        assert!(Isa::available().into_iter().all(|isa| run(isa) == first));
    }
}
