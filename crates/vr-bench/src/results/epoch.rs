//! The epochs of a run: what they came to, where one diverged, and what they took.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use vr_optim::NormPolicy;

/// A method with one set of running batch-norm statistics: a run that carries several has a test error for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Track<'a> {
    /// Name of the method.
    pub method: &'a str,
    /// Whose statistics, where the run carries more than one set.
    pub policy: Option<NormPolicy>,
}

impl<'a> From<&'a str> for Track<'a> {
    fn from(method: &'a str) -> Self {
        Self { method, policy: None }
    }
}

impl fmt::Display for Track<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.policy {
            Some(policy) => out.pad(&format!("{}/{}", self.method, policy.name())),
            None => out.pad(self.method),
        }
    }
}

/// One epoch of one run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(remote = "Self")]
pub struct EpochRow {
    /// Name of the method.
    pub method: String,
    /// Whose running statistics were tested, where the run carries more than one set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<NormPolicy>,
    /// Seed of the run.
    pub seed: u64,
    /// Epoch, counted from 1.
    pub epoch: usize,
    /// Mean training loss, in nats an example.
    #[serde(with = "vr_run::not_finite")]
    pub train_loss: f64,
    /// Mean test loss, in nats an example.
    #[serde(with = "vr_run::not_finite")]
    pub test_loss: f64,
    /// Misclassified test examples, in percent.
    #[serde(with = "vr_run::not_finite")]
    pub test_error: f64,
    /// Test examples whose class is not among the five likeliest, in percent; `None` where there are no more than five,
    /// and in older results.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test_error_top5: Option<f64>,
    /// Mean loss on the pictures held out of the training set, in nats an example; none where none were, or where it is not
    /// finite.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validation_loss: Option<f64>,
    /// Misclassified ones of them, in percent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validation_error: Option<f64>,
    /// Minibatch gradients evaluated for training since the start of the run, the passes at snapshots included.
    pub gradient_evaluations: u64,
}

impl EpochRow {
    /// What its test error belongs to.
    pub fn track(&self) -> Track<'_> {
        Track { method: &self.method, policy: self.policy }
    }
}

impl Serialize for EpochRow {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        Self::serialize(self, out)
    }
}

/// Older results hold the policy in the method's name: `svrg-recomputed/naive`.
impl<'de> Deserialize<'de> for EpochRow {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        let mut row = Self::deserialize(input)?;
        for policy in [NormPolicy::Naive, NormPolicy::Reset] {
            let method = row.method.strip_suffix(policy.name()).and_then(|rest| rest.strip_suffix('/'));
            if let Some(method) = method.map(str::to_owned) {
                (row.method, row.policy) = (method, Some(policy));
            }
        }
        Ok(row)
    }
}

/// A run whose loss ceased to be a number, or exploded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Divergence {
    /// Name of the method.
    pub method: String,
    /// Seed of the run.
    pub seed: u64,
    /// Epoch, counted from 1.
    pub epoch: usize,
}

/// What one epoch of one run took, in seconds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EpochTime {
    /// Name of the method.
    pub method: String,
    /// Seed of the run.
    pub seed: u64,
    /// Epoch, counted from 1.
    pub epoch: usize,
    /// Steps and passes at snapshots.
    pub training_s: f64,
    /// Measurements.
    pub diagnostics_s: f64,
    /// The test error.
    pub test_s: f64,
}

impl EpochTime {
    /// What an epoch of a method's run with a seed took.
    pub fn of(method: &str, seed: u64, time: &vr_run::EpochTime) -> Self {
        let vr_run::EpochTime { epoch, training_s, diagnostics_s, test_s } = *time;
        Self { method: method.to_owned(), seed, epoch, training_s, diagnostics_s, test_s }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::made_up::row;

    #[test]
    fn a_diverged_epoch_survives_json() {
        let row = EpochRow { train_loss: f64::INFINITY, test_loss: f64::NAN, ..row("svrg", 1, 3, 90.0) };
        let text = serde_json::to_string(&row).unwrap();
        assert!(!text.contains("policy") && !text.contains("top5"), "{text}");
        let back: EpochRow = serde_json::from_str(&text).unwrap();
        assert!(back.train_loss.is_nan() && back.test_loss.is_nan());
        assert_eq!((back.test_error, back.gradient_evaluations), (90.0, row.gradient_evaluations));
    }

    #[test]
    fn a_top5_error_comes_back() {
        let row = EpochRow { test_error_top5: Some(12.5), ..row("svrg", 1, 3, 30.0) };
        let text = serde_json::to_string(&row).unwrap();
        assert_eq!(serde_json::from_str::<EpochRow>(&text).unwrap(), row);
    }

    #[test]
    fn a_policy_in_the_name_is_still_read() {
        let expected = EpochRow { policy: Some(NormPolicy::Naive), ..row("svrg", 0, 1, 50.0) };
        let text = serde_json::to_string(&expected).unwrap();
        assert_eq!(serde_json::from_str::<EpochRow>(&text).unwrap(), expected);
        let old = serde_json::to_string(&row("svrg/naive", 0, 1, 50.0)).unwrap();
        assert_eq!(serde_json::from_str::<EpochRow>(&old).unwrap(), expected);
        assert_eq!(expected.track().to_string(), "svrg/naive");
        let other = serde_json::to_string(&row("a/b", 0, 1, 50.0)).unwrap();
        assert_eq!(serde_json::from_str::<EpochRow>(&other).unwrap().method, "a/b");
    }
}
