//! Means with their spread, and the two-standard-error rule of the verdicts.

use std::fmt;

use crate::results::Outcome;

/// What the rule of [`Estimate::sign`] is called beside a claim.
pub const RULE: &str = "more than two standard errors from 0";

/// A mean or a difference of means.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// Values that it comes from, the fewer of a difference's two groups.
    pub n: usize,
    /// The mean or difference.
    pub mean: f64,
    /// Its standard error; NaN for fewer than two values.
    pub error: f64,
}

impl Estimate {
    /// The mean of values.
    pub fn of(values: &[f64]) -> Self {
        let n = values.len() as f64;
        let mean = values.iter().sum::<f64>() / n;
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        let error = if values.len() < 2 { f64::NAN } else { (squares / (n * (n - 1.0))).sqrt() };
        Self { n: values.len(), mean, error }
    }

    /// `self − other` of independent groups.
    pub fn minus(self, other: Self) -> Self {
        Self { n: self.n.min(other.n), mean: self.mean - other.mean, error: self.error.hypot(other.error) }
    }

    /// The mean less two standard errors.
    pub fn low(&self) -> f64 {
        self.mean - 2.0 * self.error
    }

    /// The mean and two standard errors.
    pub fn high(&self) -> f64 {
        self.mean + 2.0 * self.error
    }

    /// Of logarithms, as what they are the logarithms of, between two standard errors to both sides.
    pub fn exponential(&self) -> String {
        match self.n {
            0 => "not measured".into(),
            1 => format!("{:.3} (n = 1)", self.mean.exp()),
            n => format!("{:.3}, {:.3}–{:.3} (n = {n})", self.mean.exp(), self.low().exp(), self.high().exp()),
        }
    }

    /// Confirmed above 0, contradicted below, by more than two standard errors.
    pub fn sign(&self) -> Outcome {
        if self.low() > 0.0 {
            Outcome::Confirmed
        } else if self.high() < 0.0 {
            Outcome::Contradicted
        } else {
            Outcome::Undecided
        }
    }
}

impl fmt::Display for Estimate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.n {
            0 => f.write_str("not measured"),
            1 => write!(f, "{:.2} (n = 1)", self.mean),
            n => write!(f, "{:.2} ± {:.2} (n = {n})", self.mean, self.error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mean_and_standard_error_by_hand() {
        let estimate = Estimate::of(&[1.0, 2.0, 6.0]);
        assert_eq!((estimate.n, estimate.mean), (3, 3.0));
        assert!((estimate.error - (14.0_f64 / 6.0).sqrt()).abs() < 1e-15);
        let difference = estimate.minus(Estimate { n: 5, mean: 1.0, error: (14.0_f64 / 6.0).sqrt() });
        assert_eq!((difference.n, difference.mean), (3, 2.0));
        assert!((difference.error - (14.0_f64 / 3.0).sqrt()).abs() < 1e-15);
    }

    #[test]
    fn logarithms_are_shown_as_ratios() {
        let logs = [0.5_f64, 2.0].map(f64::ln);
        assert_eq!(Estimate::of(&logs).exponential(), "1.000, 0.250–4.000 (n = 2)");
        assert_eq!(Estimate::of(&logs[..1]).exponential(), "0.500 (n = 1)");
        assert_eq!(Estimate::of(&[]).exponential(), "not measured");
    }

    #[test]
    fn one_value_or_none_decides_nothing() {
        for values in [&[][..], &[5.0]] {
            assert_eq!(Estimate::of(values).sign(), Outcome::Undecided);
        }
        assert_eq!(Estimate::of(&[5.0, 5.1]).sign(), Outcome::Confirmed);
        assert_eq!(Estimate::of(&[-5.0, -5.1]).sign(), Outcome::Contradicted);
        assert_eq!(Estimate::of(&[-5.0, 5.1]).sign(), Outcome::Undecided);
    }
}
