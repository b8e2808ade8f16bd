//! What an import brought in, and what it passed over.

use crate::{Dataset, DatasetInfo};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Files of a source that are no part of the set, for one reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PassedOver {
    /// Why they are not.
    pub reason: String,
    /// How many there are.
    pub count: usize,
    /// The first few of them.
    pub examples: Vec<String>,
}

/// What an import did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Imported {
    /// The set that was brought in.
    #[serde(flatten)]
    pub info: DatasetInfo,
    /// What the source held beside it.
    pub passed_over: Vec<PassedOver>,
}

/// A set that was read from a source.
#[derive(Clone, Debug, PartialEq)]
pub struct Loaded {
    /// The set.
    pub set: Dataset,
    /// What the source held beside it.
    pub passed_over: Vec<PassedOver>,
}

/// Examples kept of each reason.
const EXAMPLES: usize = 10;
/// No longer piece of a name is kept.
const LONGEST: usize = 200;

/// Counts what is passed over.
#[derive(Default)]
pub(crate) struct Tally(BTreeMap<&'static str, (usize, Vec<String>)>);

impl Tally {
    pub(super) fn add(&mut self, reason: &'static str, name: &str) {
        let (count, examples) = self.0.entry(reason).or_default();
        *count += 1;
        if examples.len() < EXAMPLES {
            examples.push(name.chars().take(LONGEST).flat_map(char::escape_debug).collect());
        }
    }

    /// What was counted, said in the log, too.
    pub(crate) fn finish(self) -> Vec<PassedOver> {
        let groups = self.0.into_iter();
        let groups: Vec<_> =
            groups.map(|(reason, (count, examples))| PassedOver { reason: reason.into(), count, examples }).collect();
        for PassedOver { reason, count, examples } in &groups {
            tracing::warn!(count, examples = examples.join(", "), "passed over: {reason}");
        }
        groups
    }
}
