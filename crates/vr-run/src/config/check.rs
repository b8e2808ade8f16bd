//! Checks that many keys share, each of which names the key at fault.

use std::collections::HashSet;
use std::fmt::{Debug, Display};
use std::hash::Hash;
use std::ops::RangeBounds;
use std::path::Path;

pub use vr_optim::fault::POSITIVE;

use super::error::Fault;

/// Whether a check holds.
pub type Checked = Result<(), Fault>;

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
    vr_optim::fault::within(key, value, range).map_err(Fault::from)
}
