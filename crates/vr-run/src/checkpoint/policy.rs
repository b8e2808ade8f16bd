//! When to save, and which checkpoints to keep.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::name::Checkpoint;

/// When a run saves itself, and what it keeps of it; never influences a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct CheckpointPolicy {
    /// After this many steps.
    #[serde(rename = "steps", skip_serializing_if = "Option::is_none")]
    pub every_steps: Option<u64>,
    /// After this much time, at the end of a step or between two windows of a snapshot pass.
    #[serde(rename = "minutes", with = "minutes")]
    pub every: Option<Duration>,
    /// How many of the newest stay; at least one always does.
    pub latest: usize,
    /// The first checkpoint of each epoch that is a multiple of this stays for good.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keep_epochs: Option<usize>,
}

/// A time as minutes; what is longer than a duration can be is never, and is written as infinity.
mod minutes {
    use super::Duration;
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

    #[allow(clippy::ref_option, reason = "serde gives a reference")]
    pub fn serialize<S: Serializer>(every: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
        every.map_or(f64::INFINITY, |every| every.as_secs_f64() / 60.0).serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(input: D) -> Result<Option<Duration>, D::Error> {
        // JSON writes infinity as null.
        let minutes = Option::deserialize(input)?.unwrap_or(f64::INFINITY);
        if minutes.is_nan() || minutes < 0.0 {
            return Err(D::Error::custom(format_args!(
                "is {minutes}; expected a number at least 0, or `inf` for never"
            )));
        }
        Ok(Duration::try_from_secs_f64(60.0 * minutes).ok())
    }
}

impl Default for CheckpointPolicy {
    /// Every five minutes; the newest two stay.
    fn default() -> Self {
        Self { every_steps: None, every: Some(Duration::from_secs(300)), latest: 2, keep_epochs: None }
    }
}

impl CheckpointPolicy {
    /// Whether to save, `steps` steps and `elapsed` after the last time.
    pub fn due(&self, steps: u64, elapsed: Duration) -> bool {
        self.every_steps.is_some_and(|every| steps >= every.max(1)) || self.every.is_some_and(|every| elapsed >= every)
    }

    /// Those of `saved`, in the order of their numbers, that may go. The first after each of the epochs `branches` stays.
    pub fn obsolete<'a>(&self, saved: &'a [Checkpoint], branches: &[usize]) -> Vec<&'a Checkpoint> {
        let older = &saved[..saved.len().saturating_sub(self.latest.max(1))];
        let kept = |i: usize| {
            let first = i == 0 || older[i - 1].epoch != older[i].epoch;
            let epoch = older[i].epoch;
            let multiple = self.keep_epochs.is_some_and(|every| epoch.is_multiple_of(every.max(1)));
            first && (multiple || branches.contains(&epoch.saturating_sub(1)))
        };
        (0..older.len()).filter(|&i| !kept(i)).map(|i| &older[i]).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn due_by_steps_or_by_time() {
        let policy = CheckpointPolicy {
            every_steps: Some(10),
            every: Some(Duration::from_secs(60)),
            ..CheckpointPolicy::default()
        };
        assert!(!policy.due(9, Duration::from_secs(59)));
        assert!(policy.due(10, Duration::ZERO));
        assert!(policy.due(0, Duration::from_secs(60)));
        let never = CheckpointPolicy { every_steps: None, every: None, ..policy };
        assert!(!never.due(u64::MAX, Duration::MAX));
    }

    #[track_caller]
    fn check(latest: usize, keep_epochs: Option<usize>, branches: &[usize], epochs: &[usize], expected: &[u64]) {
        let saved: Vec<_> = (0..).zip(epochs).map(|(number, &epoch)| Checkpoint { number, epoch }).collect();
        let policy = CheckpointPolicy { latest, keep_epochs, ..CheckpointPolicy::default() };
        let gone: Vec<u64> = policy.obsolete(&saved, branches).iter().map(|checkpoint| checkpoint.number).collect();
        assert_eq!(gone, expected);
    }

    #[test]
    fn the_newest_stay_and_every_kth_epochs_first() {
        check(2, None, &[], &[1, 1, 1, 2], &[0, 1]);
        check(2, None, &[], &[1], &[]);
        check(0, None, &[], &[1, 1], &[0]);
        check(1, Some(2), &[], &[1, 2, 2, 3, 4, 4], &[0, 2, 3]);
        check(1, None, &[1], &[1, 2, 2, 3, 3], &[0, 2, 3]);
    }
}
