//! Means with their spread, and the interval that the verdicts' rules go by.

use std::collections::BTreeMap;
use std::fmt;

use crate::verdict::Outcome;

/// How [`Estimate::of_runs`] counts, said beside a claim.
pub const SEEDS: &str = "each seed counts as its mean, a single seed as its epochs and places";

/// What the rule of [`Estimate::sign`] is called beside a claim.
pub const RULE: &str = "decided where the 95 % interval (Student's t) lies on one side of 0";

/// A mean or a difference of means.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// Values that it comes from, the fewer of a difference's two groups.
    pub n: usize,
    /// The mean or difference.
    pub mean: f64,
    /// Its standard error; NaN for fewer than two values.
    pub error: f64,
    /// Degrees of freedom of the error.
    pub freedom: f64,
}

impl Estimate {
    /// The mean of values.
    pub fn of(values: &[f64]) -> Self {
        let n = values.len() as f64;
        let mean = values.iter().sum::<f64>() / n;
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        let error = if values.len() < 2 { f64::NAN } else { (squares / (n * (n - 1.0))).sqrt() };
        Self { n: values.len(), mean, error, freedom: n - 1.0 }
    }

    /// The mean of values measured along runs, each with its seed. What one run gives at different times is not
    /// independent, so of several seeds each counts once, with its mean. Of a single seed every value counts, and the
    /// interval says nothing of other seeds.
    pub fn of_runs(values: &[(u64, f64)]) -> Self {
        let mut runs: BTreeMap<u64, Vec<f64>> = BTreeMap::new();
        for &(seed, value) in values {
            runs.entry(seed).or_default().push(value);
        }
        match runs.len() {
            1 => Self::of(&runs.into_values().flatten().collect::<Vec<_>>()),
            _ => Self::of(&runs.values().map(|run| Self::of(run).mean).collect::<Vec<_>>()),
        }
    }

    /// `self − other` of independent groups, with Welch's degrees of freedom.
    pub fn minus(self, other: Self) -> Self {
        let error = self.error.hypot(other.error);
        let parts = self.error.powi(4) / self.freedom + other.error.powi(4) / other.freedom;
        let freedom = if parts > 0.0 { error.powi(4) / parts } else { self.freedom.min(other.freedom) };
        Self { n: self.n.min(other.n), mean: self.mean - other.mean, error, freedom }
    }

    /// The lower end of the 95 % interval.
    pub fn low(&self) -> f64 {
        self.mean - self.reach()
    }

    /// The upper end of the 95 % interval.
    pub fn high(&self) -> f64 {
        self.mean + self.reach()
    }

    /// Half of the interval. With few values it is much more than two standard errors, so that a pair of values that
    /// happen to be alike decides nothing.
    fn reach(&self) -> f64 {
        // The 97.5 % point of Student's t; beyond the table its leading terms, right to 0.01.
        const T: [f64; 10] = [12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228];
        let whole = self.freedom.floor() as usize;
        self.error * T.get(whole.wrapping_sub(1)).copied().unwrap_or(1.96 + 2.7 / self.freedom)
    }

    /// Of logarithms, as what they are the logarithms of, with the 95 % interval.
    pub fn exponential(&self) -> String {
        match self.n {
            0 => "not measured".into(),
            1 => format!("{:.3} (n = 1)", self.mean.exp()),
            n => format!("{:.3}, {:.3}–{:.3} (n = {n})", self.mean.exp(), self.low().exp(), self.high().exp()),
        }
    }

    /// Confirmed when the 95 % interval lies above 0, contradicted when below.
    pub fn sign(&self) -> Outcome {
        if self.low() > 0.0 {
            Outcome::Confirmed
        } else if self.high() < 0.0 {
            Outcome::Contradicted
        } else {
            Outcome::Undecided
        }
    }

    /// Confirmed when the 95 % interval lies within `bound` of 0, contradicted when beyond it.
    pub fn within(&self, bound: f64) -> Outcome {
        if self.low() >= -bound && self.high() <= bound {
            Outcome::Confirmed
        } else if self.high() < -bound || self.low() > bound {
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
    fn of_several_seeds_each_counts_once() {
        let values = [(0, 1.0), (0, 3.0), (1, 4.0), (1, 6.0), (1, 8.0)];
        assert_eq!(Estimate::of_runs(&values), Estimate::of(&[2.0, 6.0]));
        assert_eq!(Estimate::of_runs(&values[..2]), Estimate::of(&[1.0, 3.0]), "a single seed");
        assert_eq!(Estimate::of_runs(&[]).n, 0);
    }

    #[test]
    fn mean_and_standard_error_by_hand() {
        let estimate = Estimate::of(&[1.0, 2.0, 6.0]);
        assert_eq!((estimate.n, estimate.mean), (3, 3.0));
        assert!((estimate.error - (14.0_f64 / 6.0).sqrt()).abs() < 1e-15);
        let difference = estimate.minus(Estimate { mean: 1.0, ..estimate });
        assert_eq!((difference.n, difference.mean, difference.freedom.round()), (3, 2.0, 4.0));
        assert!((difference.error - (14.0_f64 / 3.0).sqrt()).abs() < 1e-15);
    }

    #[test]
    fn logarithms_are_shown_as_ratios() {
        let logs = [0.5_f64, 1.0, 2.0].map(f64::ln);
        assert_eq!(Estimate::of(&logs).exponential(), "1.000, 0.179–5.596 (n = 3)");
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

    #[test]
    fn the_interval_is_students() {
        let reach = |n: usize| {
            let estimate = Estimate { n, mean: 0.0, error: 1.0, freedom: n as f64 - 1.0 };
            (estimate.high() * 1e2).round() / 1e2
        };
        assert_eq!([2, 3, 4, 11, 21, 101].map(reach), [12.71, 4.3, 3.18, 2.23, 2.09, 1.99]);
        // Two values within a fifth of each other: no decision.
        assert_eq!(Estimate::of(&[5.0, 6.0]).sign(), Outcome::Undecided);
        let narrow = Estimate::of(&[0.1, 0.11, 0.09]);
        assert_eq!(
            [0.2, 0.1, 0.05].map(|bound| narrow.within(bound)),
            [Outcome::Confirmed, Outcome::Undecided, Outcome::Contradicted]
        );
    }
}
