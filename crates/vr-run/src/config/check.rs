//! Checks that many keys share, each of which names the key at fault.

use std::collections::HashSet;
use std::fmt::{Debug, Display};
use std::hash::Hash;
use std::ops::{Bound, RangeBounds};
use std::path::Path;

use super::error::Fault;

/// Whether a check holds.
pub type Checked = Result<(), Fault>;

/// Above 0 and finite.
pub const POSITIVE: (Bound<f64>, Bound<f64>) = (Bound::Excluded(0.0), Bound::Excluded(f64::INFINITY));

/// Whether a folder is there.
///
/// # Errors
/// When it is not.
pub fn folder(key: &str, path: &Path) -> Checked {
    if path.is_dir() { Ok(()) } else { Err(Fault::new(key, format!("`{}` is no folder", path.display()))) }
}

/// Whether there is at least one value and none twice.
///
/// # Errors
/// When there is none, or the first that stands there twice.
pub fn distinct<T: Hash + Eq + Debug>(key: &str, values: &[T]) -> Checked {
    let mut seen = HashSet::new();
    if values.is_empty() {
        return Err(Fault::new(key, "is empty; at least one is needed"));
    }
    match values.iter().position(|value| !seen.insert(value)) {
        Some(twice) => Err(Fault::new(format!("{key}[{twice}]"), format!("{:?} stands there twice", values[twice]))),
        None => Ok(()),
    }
}

/// Whether a number is in its range.
///
/// # Errors
/// When it is not; the nearest is the end of the range that it is beyond.
pub fn within<T: PartialOrd + Display>(key: &str, value: T, range: impl RangeBounds<T>) -> Checked {
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
