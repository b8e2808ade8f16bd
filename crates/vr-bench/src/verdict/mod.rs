//! Verdicts on the claims: the word, the rule that led to it, and the statistics that rules go by.

pub mod estimate;
pub mod no_better;
pub mod table;

use std::fmt;

use serde::{Deserialize, Serialize};

/// What the measurements say about one claim.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// Names the claim, or the part of it, within the experiment: `C2-start`.
    #[serde(default)]
    pub id: String,
    /// The claim.
    pub claim: String,
    /// What the claim leads one to expect.
    pub expected: String,
    /// What was measured.
    pub measured: String,
    /// The judgement.
    pub outcome: Outcome,
    /// The rule that led from the measurement to the judgement.
    pub rule: String,
}

/// The judgement on a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// The measurement agrees with the claim.
    Confirmed,
    /// The measurement disagrees with the claim.
    Contradicted,
    /// The measurement does not settle the claim.
    Undecided,
}

impl fmt::Display for Outcome {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(match self {
            Self::Confirmed => "confirmed",
            Self::Contradicted => "contradicted",
            Self::Undecided => "undecided",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcomes_are_written_in_lower_case() {
        assert_eq!(serde_json::to_string(&Outcome::Contradicted).unwrap(), "\"contradicted\"");
        assert_eq!(Outcome::Undecided.to_string(), "undecided");
    }
}
