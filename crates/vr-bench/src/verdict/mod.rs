//! Verdicts on the claims: the word, the rule that led to it, and the statistics that rules go by.

pub mod estimate;
pub mod fill;
pub mod finding;
pub mod no_better;
pub mod page;
pub mod scale;
mod student;
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
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// The measurement agrees with the claim.
    Confirmed,
    /// The measurement disagrees with the claim.
    Contradicted,
    /// The measurement does not settle the claim.
    Undecided,
    /// The measurement agrees with the claim, at less than the scale that its rule asks for.
    TendencyFor,
    /// The measurement disagrees with the claim, at less than the scale that its rule asks for.
    TendencyAgainst,
    /// A single seed agrees with the claim.
    OneRunFor,
    /// A single seed disagrees with the claim.
    OneRunAgainst,
    /// What must hold whatever is trained holds: a check of the implementation, not a finding.
    Passed,
    /// What must hold whatever is trained does not.
    Failed,
}

impl Outcome {
    /// Whether it speaks for the claim; `None` where it settles nothing.
    pub fn direction(self) -> Option<bool> {
        match self {
            Self::Confirmed | Self::TendencyFor | Self::OneRunFor | Self::Passed => Some(true),
            Self::Contradicted | Self::TendencyAgainst | Self::OneRunAgainst | Self::Failed => Some(false),
            Self::Undecided => None,
        }
    }

    /// The judgement on what must hold at every one of `places`, and held at so many; undecided of none.
    pub fn of_check(held: usize, places: usize) -> Self {
        match places {
            0 => Self::Undecided,
            _ if held == places => Self::Passed,
            _ => Self::Failed,
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(match self {
            Self::Confirmed => "confirmed",
            Self::Contradicted => "contradicted",
            Self::Undecided => "undecided",
            Self::TendencyFor => "tendency for",
            Self::TendencyAgainst => "tendency against",
            Self::OneRunFor => "one run, for",
            Self::OneRunAgainst => "one run, against",
            Self::Passed => "check passed",
            Self::Failed => "check failed",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcomes_are_written_in_lower_case() {
        assert_eq!(serde_json::to_string(&Outcome::Contradicted).unwrap(), "\"contradicted\"");
        assert_eq!(serde_json::to_string(&Outcome::OneRunFor).unwrap(), "\"one-run-for\"");
        assert_eq!(Outcome::Undecided.to_string(), "undecided");
    }

    #[test]
    fn a_check_holds_everywhere_or_fails() {
        assert_eq!(
            [(3, 3), (2, 3), (0, 0)].map(|(held, places)| Outcome::of_check(held, places)),
            [Outcome::Passed, Outcome::Failed, Outcome::Undecided]
        );
    }
}
