//! Student's t distribution with a whole number of degrees of freedom.

use std::f64::consts::{FRAC_2_PI, PI};

/// The probability that |t| lies below a value, by the finite sums of Abramowitz & Stegun, 26.7.3 and 26.7.4.
fn inside(t: f64, freedom: usize) -> f64 {
    let angle = (t / (freedom as f64).sqrt()).atan();
    let (sine, cosine) = angle.sin_cos();
    // The terms of cos θ, cos³ θ, … for odd degrees of freedom, of 1, cos² θ, … for even ones.
    let odd = freedom % 2;
    let (mut term, mut sum) = (if odd == 1 { cosine } else { 1.0 }, 0.0);
    for k in (2 + odd..=freedom).step_by(2) {
        sum += term;
        let k = k as f64;
        term *= cosine * cosine * (k - 1.0) / k;
    }
    if odd == 1 { FRAC_2_PI * (angle + sine * sum) } else { sine * sum }
}

/// The two-sided p-value of `t`.
pub fn two_sided(t: f64, freedom: usize) -> f64 {
    (1.0 - inside(t.abs(), freedom)).clamp(0.0, 1.0)
}

/// The value that |t| exceeds with a probability of 5 %.
pub fn critical(freedom: usize) -> f64 {
    let (mut low, mut high) = (0.0, PI / 2.0);
    // By halves of the angle that t is the tangent of.
    for _ in 0..60 {
        let middle = f64::midpoint(low, high);
        if inside(middle.tan(), freedom) < 0.95 { low = middle } else { high = middle }
    }
    low.tan()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_critical_values_of_the_tables() {
        let found = [1, 2, 3, 4, 9, 10, 30, 100].map(|freedom| (critical(freedom) * 1e3).round() / 1e3);
        assert_eq!(found, [12.706, 4.303, 3.182, 2.776, 2.262, 2.228, 2.042, 1.984]);
    }

    /// By hand: with one degree of freedom 1 − 2/π·atan t, with two 1 − t/√(2 + t²).
    #[test]
    fn p_values_by_hand() {
        assert!((two_sided(1.0, 1) - 0.5).abs() < 1e-12);
        assert!((two_sided(-2.0, 2) - (1.0 - 2.0 / 6.0_f64.sqrt())).abs() < 1e-12);
        assert_eq!([two_sided(0.0, 5), two_sided(f64::INFINITY, 5), two_sided(f64::INFINITY, 4)], [1.0, 0.0, 0.0]);
        assert!((two_sided(critical(7), 7) - 0.05).abs() < 1e-9);
    }
}
