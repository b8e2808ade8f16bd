//! Means with their spread over seeds, and the interval that the verdicts' rules go by.

use std::collections::BTreeMap;
use std::fmt;

use super::finding::{Finding, Test, together};
use super::student::{critical, two_sided};

/// What the interval of an [`Estimate`] is called beside a claim.
pub const INTERVAL: &str = "95 % interval over seeds (Student's t)";

/// A mean over seeds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// Seeds that it comes from.
    pub n: usize,
    /// The mean.
    pub mean: f64,
    /// Its standard error; NaN for fewer than two seeds.
    pub error: f64,
}

impl Estimate {
    /// The mean of values, one for each seed.
    pub fn of(values: &[f64]) -> Self {
        let n = values.len() as f64;
        let mean = values.iter().sum::<f64>() / n;
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        let error = if values.len() < 2 { f64::NAN } else { (squares / (n * (n - 1.0))).sqrt() };
        Self { n: values.len(), mean, error }
    }

    /// The mean of values measured along runs, each with its seed. What one run gives at different times is not
    /// independent, so each seed counts once, with its mean.
    pub fn of_runs(values: &[(u64, f64)]) -> Self {
        let mut runs: BTreeMap<u64, Vec<f64>> = BTreeMap::new();
        for &(seed, value) in values {
            runs.entry(seed).or_default().push(value);
        }
        Self::of(&runs.values().map(|run| run.iter().sum::<f64>() / run.len() as f64).collect::<Vec<_>>())
    }

    /// The same with `offset` taken from every value.
    pub fn less(self, offset: f64) -> Self {
        Self { mean: self.mean - offset, ..self }
    }

    /// The same with the other sign.
    pub fn negated(self) -> Self {
        Self { mean: -self.mean, ..self }
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
        if self.n < 2 { f64::NAN } else { self.error * critical(self.n - 1) }
    }

    /// Of logarithms, as what they are the logarithms of, with the 95 % interval.
    pub fn exponential(&self) -> String {
        match self.n {
            0 => "not measured".into(),
            1 => format!("{:.3} (one run)", self.mean.exp()),
            n => format!("{:.3}, {:.3}–{:.3} (n = {n})", self.mean.exp(), self.low().exp(), self.high().exp()),
        }
    }

    /// Whether the mean lies above 0.
    pub fn above(&self) -> Test {
        self.test(self.mean)
    }

    /// Whether the mean lies within `bound` of 0.
    pub fn near(&self, bound: f64) -> Test {
        self.test(bound - self.mean.abs())
    }

    /// Whether `margin`, which has the mean's error, lies above 0.
    fn test(&self, margin: f64) -> Test {
        let p = match self.n {
            0 | 1 => 1.0,
            _ if margin == 0.0 => 1.0,
            n => two_sided(margin / self.error, n - 1),
        };
        Test { n: self.n, holds: margin > 0.0, p }
    }

    /// For a claim that the mean lies above 0.
    pub fn sign(&self) -> Finding {
        together(&[self.above()])
    }

    /// For a claim that the mean lies within `bound` of 0.
    pub fn within(&self, bound: f64) -> Finding {
        together(&[self.near(bound)])
    }
}

impl fmt::Display for Estimate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.n {
            0 => f.write_str("not measured"),
            1 => write!(f, "{:.2} (one run)", self.mean),
            n => write!(f, "{:.2} ± {:.2} (n = {n})", self.mean, self.error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The places and epochs of one run count once, of a single seed too.
    #[test]
    fn each_seed_counts_once() {
        let values = [(0, 1.0), (0, 3.0), (1, 4.0), (1, 6.0), (1, 8.0)];
        assert_eq!(Estimate::of_runs(&values), Estimate::of(&[2.0, 6.0]));
        let one = Estimate::of_runs(&values[..2]);
        assert_eq!((one.n, one.mean, one.error.is_nan()), (1, 2.0, true));
        assert_eq!(Estimate::of_runs(&[]).n, 0);
    }

    #[test]
    fn mean_and_standard_error_by_hand() {
        let estimate = Estimate::of(&[1.0, 2.0, 6.0]);
        assert_eq!((estimate.n, estimate.mean), (3, 3.0));
        assert!((estimate.error - (14.0_f64 / 6.0).sqrt()).abs() < 1e-15);
        assert_eq!((estimate.less(1.0).mean, estimate.negated().mean), (2.0, -3.0));
    }

    #[test]
    fn logarithms_are_shown_as_ratios() {
        let logs = [0.5_f64, 1.0, 2.0].map(f64::ln);
        assert_eq!(Estimate::of(&logs).exponential(), "1.000, 0.179–5.595 (n = 3)");
        assert_eq!(Estimate::of(&logs[..1]).exponential(), "0.500 (one run)");
        assert_eq!(Estimate::of(&[]).exponential(), "not measured");
    }

    #[test]
    fn the_interval_decides() {
        assert_eq!(Estimate::of(&[]).sign(), Finding::Open);
        assert_eq!(Estimate::of(&[5.0, 5.1]).sign(), Finding::For);
        assert_eq!(Estimate::of(&[-5.0, -5.1]).sign(), Finding::Against);
        assert_eq!(Estimate::of(&[-5.0, 5.1]).sign(), Finding::Open);
        // Two values within a fifth of each other: no decision.
        assert_eq!(Estimate::of(&[5.0, 6.0]).sign(), Finding::Open);
        assert_eq!(
            [&[1.0, 1.0], &[-1.0, -1.0], &[0.0, 0.0]].map(|v| Estimate::of(v).sign()),
            [Finding::For, Finding::Against, Finding::Open]
        );
        let narrow = Estimate::of(&[0.1, 0.11, 0.09]);
        assert_eq!([0.2, 0.1, 0.05].map(|bound| narrow.within(bound)), [Finding::For, Finding::Open, Finding::Against]);
        assert_eq!(narrow.negated().within(0.2), Finding::For);
    }

    #[test]
    fn one_seed_has_a_direction() {
        let one = Estimate::of(&[0.1]);
        assert_eq!([one.sign(), one.negated().sign()], [Finding::For, Finding::Against]);
        assert_eq!([one.within(0.2), one.within(0.05)], [Finding::For, Finding::Against]);
    }
}
