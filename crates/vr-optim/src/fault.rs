//! Options that are out of their bounds.

use std::fmt::Display;
use std::ops::{Bound, RangeBounds};

/// An option with a wrong value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{key}` {reason}{}", .nearest.as_ref().map_or_else(String::new, |nearest| format!("; the nearest is `{nearest}`")))]
pub struct Fault {
    /// The option, as a path through the method's options such as `snapshot.moving-average.keep`.
    pub key: String,
    /// What is wrong and what was expected.
    pub reason: String,
    /// The valid value that is nearest to the one found, where there is one.
    pub nearest: Option<String>,
}

/// Above 0 and finite.
pub const POSITIVE: (Bound<f64>, Bound<f64>) = (Bound::Excluded(0.0), Bound::Excluded(f64::INFINITY));

/// At least 0 and finite.
pub const NOT_NEGATIVE: (Bound<f64>, Bound<f64>) = (Bound::Included(0.0), Bound::Excluded(f64::INFINITY));

impl Fault {
    /// An option with what is wrong.
    pub fn new(key: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { key: key.into(), reason: reason.into(), nearest: None }
    }

    /// The same of a method's options within a larger whole, where they stand under `key`.
    #[must_use]
    pub fn within(self, key: &str) -> Self {
        Self { key: format!("{key}.{}", self.key), ..self }
    }

    /// The same with the valid value that is nearest.
    #[must_use]
    pub fn with_nearest(self, nearest: impl Into<String>) -> Self {
        Self { nearest: Some(nearest.into()), ..self }
    }
}

/// Checks that a number lies in its range; otherwise the nearest valid one is the end of the range that
/// it is beyond.
///
/// # Errors
/// When it does not.
pub fn within<T: PartialOrd + Display>(key: &str, value: T, range: impl RangeBounds<T>) -> Result<(), Fault> {
    if range.contains(&value) {
        return Ok(());
    }
    let (mut expected, mut nearest) = (Vec::new(), None);
    match range.start_bound() {
        Bound::Included(low) => {
            expected.push(format!("at least {low}"));
            nearest = (value < *low).then(|| low.to_string());
        }
        Bound::Excluded(low) => expected.push(format!("above {low}")),
        Bound::Unbounded => {}
    }
    match range.end_bound() {
        Bound::Included(high) => {
            expected.push(format!("at most {high}"));
            nearest = nearest.or_else(|| (value > *high).then(|| high.to_string()));
        }
        Bound::Excluded(high) if high.to_string() == "inf" => expected.push("finite".into()),
        Bound::Excluded(high) => expected.push(format!("below {high}")),
        Bound::Unbounded => {}
    }
    let reason = format!("is {value}; expected a number {}", expected.join(" and "));
    Err(Fault { nearest, ..Fault::new(key, reason) })
}
