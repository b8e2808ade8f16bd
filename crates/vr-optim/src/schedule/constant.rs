//! The same rate throughout.

use super::Schedule;

/// The same rate throughout.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Constant {
    /// The rate.
    pub base: f64,
}

impl Schedule for Constant {
    fn at(&self, _step: u64) -> f64 {
        self.base
    }
}
