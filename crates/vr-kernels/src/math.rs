//! The exponential and the logarithm, with the same bits on every platform.
//!
//! Only additions, products and quotients, each rounded as IEEE 754 says, and bit operations: no
//! library function whose last bit is the library's choice. Errors stay below 4 units in the last
//! place (of subnormal results, one such unit more).

/// ln 2 with its low 32 bits zero, so that products with small integers are exact, and the rest.
const LN2_HIGH: f64 = f64::from_bits(std::f64::consts::LN_2.to_bits() & !0xffff_ffff);
const LN2_LOW: f64 = LN2_REST + (std::f64::consts::LN_2 - LN2_HIGH);
/// What the double nearest to ln 2 leaves of it.
const LN2_REST: f64 = 2.319_046_813_846_299_6e-17;

/// `2^exponent`, for exponents of normal numbers.
fn power_of_two(exponent: i64) -> f64 {
    f64::from_bits(((exponent + 1023) as u64) << 52)
}

/// `e^x`.
pub fn exp(x: f64) -> f64 {
    if x.is_nan() {
        return x;
    }
    if x > 709.79 {
        return f64::INFINITY;
    }
    if x < -745.14 {
        return 0.0;
    }
    // x = n ln 2 + r with |r| ≤ ln 2 / 2, and e^r from its Taylor series.
    let n = (x * std::f64::consts::LOG2_E + 0.5).floor();
    let r = (x - n * LN2_HIGH) - n * LN2_LOW;
    let mut tail = 0.0;
    let mut k = 14.0;
    while k >= 2.0 {
        tail = (1.0 + tail) * (r / k);
        k -= 1.0;
    }
    // The first two terms last, where their sum is rounded once.
    let e = 1.0 + (r + r * tail);
    // Two factors, since 2^n can be too large or too small for one.
    let half = (n as i64).div_euclid(2);
    e * power_of_two(half) * power_of_two(n as i64 - half)
}

/// The natural logarithm.
pub fn ln(x: f64) -> f64 {
    if x.is_nan() || x == f64::INFINITY {
        return x;
    }
    if x <= 0.0 {
        return if x == 0.0 { f64::NEG_INFINITY } else { f64::NAN };
    }
    // x = 2^n m with √½ ≤ m < √2; subnormal numbers are scaled up first.
    let (x, scaled) = if x < f64::MIN_POSITIVE { (x * power_of_two(54), 54) } else { (x, 0) };
    let mut n = (x.to_bits() >> 52) as i64 - 1023;
    let mut m = f64::from_bits(x.to_bits() & ((1 << 52) - 1) | 1023 << 52);
    if m >= std::f64::consts::SQRT_2 {
        m *= 0.5;
        n += 1;
    }
    let n = (n - scaled) as f64;
    // ln m = 2 artanh s = 2 s + 2 s³/3 + …, of which f = m − 1 is the exact first term:
    // 2 s = f − s f.
    let f = m - 1.0;
    let s = f / (m + 1.0);
    let square = s * s;
    let mut series = 0.0;
    let mut k = 23.0;
    while k >= 3.0 {
        series = square * (series + 2.0 / k);
        k -= 2.0;
    }
    n * LN2_HIGH + (f - (s * (f - series) - n * LN2_LOW))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Relative, and in units of the smallest number where the result is subnormal.
    fn error(value: f64, expected: f64) -> f64 {
        (value - expected).abs() / expected.abs().max(f64::MIN_POSITIVE)
    }

    #[test]
    fn exponential_is_accurate() {
        for i in -745_000..=709_700 {
            let x = f64::from(i) * 1e-3 + 1.7e-7;
            assert!(error(exp(x), x.exp()) < 8e-16, "exp({x}) = {}, not {}", exp(x), x.exp());
        }
        for i in 0..2000 {
            let x = 0.5f64.powf(f64::from(i) * 0.03);
            assert!(error(exp(x), x.exp()) < 8e-16 && error(exp(-x), (-x).exp()) < 8e-16, "{x}");
        }
    }

    #[test]
    fn logarithm_is_accurate() {
        for i in 0..1_000_000 {
            let x = 0.25 + f64::from(i) * 7.3e-6;
            assert!(error(ln(x), x.ln()) < 8e-16, "ln({x}) = {}, not {}", ln(x), x.ln());
        }
        for i in -1074..1024 {
            for m in [1.0, 1.2, 1.41, 1.42, 1.999] {
                let x = f64::from(i).exp2() * m;
                assert!(error(ln(x), x.ln()) < 8e-16, "ln({x})");
            }
        }
        for i in 1..53 {
            let d = f64::from(-i).exp2();
            assert!(error(ln(1.0 + d), d.ln_1p()) < 8e-16 && error(ln(1.0 - d / 2.0), (-d / 2.0).ln_1p()) < 8e-16);
        }
    }

    #[test]
    fn special_values() {
        assert_eq!((exp(0.0), exp(f64::INFINITY), exp(f64::NEG_INFINITY)), (1.0, f64::INFINITY, 0.0));
        assert_eq!((ln(1.0), ln(0.0), ln(f64::INFINITY)), (0.0, f64::NEG_INFINITY, f64::INFINITY));
        assert_eq!((exp(709.7827), exp(710.0), exp(-746.0)), (709.7827f64.exp(), f64::INFINITY, 0.0));
        assert!(exp(f64::NAN).is_nan() && ln(-1.0).is_nan() && ln(f64::NAN).is_nan());
        assert_eq!(exp(-745.1), 5e-324);
    }

    /// Other platforms must find these bits too.
    #[test]
    fn bits_are_fixed() {
        let hash = |f: fn(f64) -> f64, scale: f64| {
            (1..=1000).fold(0u64, |h, i| h.rotate_left(5) ^ f(f64::from(i) * scale).to_bits())
        };
        assert_eq!((hash(exp, 0.713), hash(exp, -0.37)), (3100269546570998491, 9924802169106632815));
        assert_eq!(hash(ln, 0.0171), 3753288700193205486);
    }
}
