//! The least scale at which a rule may decide.

use super::Outcome;
use super::finding::Finding;
use crate::paper::schedule::{PAPER_BATCH, PAPER_EPOCHS};
use crate::results::ExperimentResult;

/// Minibatches in the paper's CIFAR epoch.
const MINIBATCHES: usize = 50_000_usize.div_ceil(PAPER_BATCH);

/// What the paper's setting is called in the names of data sets.
const DATA: &str = "CIFAR-10";

/// The least scale at which a rule may say confirmed or contradicted: on CIFAR-10 with the paper's number of minibatches,
/// on the paper's schedule as it is, so many of its epochs with so many seeds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeastScale {
    /// Epochs of the uncompressed schedule.
    pub epochs: usize,
    /// Seeds that the measured mean comes from.
    pub seeds: usize,
}

impl LeastScale {
    /// The word for what a statistic of `n` seeds says at a result's scale.
    pub fn word(&self, result: &ExperimentResult, n: usize, finding: Finding) -> Outcome {
        word(n, finding, self.is_reached(result, n))
    }

    fn is_reached(&self, result: &ExperimentResult, n: usize) -> bool {
        result.data.name.starts_with(DATA)
            && result.minibatches >= MINIBATCHES
            && result.schedule.length == PAPER_EPOCHS
            && result.epochs_run >= self.epochs
            && n >= self.seeds
    }

    /// A rule with its least scale.
    pub fn rule(&self, rule: &str) -> String {
        let Self { epochs, seeds } = self;
        format!(
            "{rule}; confirmed or contradicted on {DATA} with at least {MINIBATCHES} minibatches an epoch, {epochs} epochs \
             of the uncompressed schedule and {seeds} seeds, a tendency below that, and of one seed one run"
        )
    }
}

/// The word for what a statistic of `n` seeds says, where the scale at which its rule decides is reached or not.
pub fn word(n: usize, finding: Finding, reached: bool) -> Outcome {
    match (finding, n) {
        (Finding::Open, _) | (_, 0) => Outcome::Undecided,
        (Finding::For, 1) => Outcome::OneRunFor,
        (Finding::Against, 1) => Outcome::OneRunAgainst,
        (Finding::For, _) if reached => Outcome::Confirmed,
        (Finding::Against, _) if reached => Outcome::Contradicted,
        (Finding::For, _) => Outcome::TendencyFor,
        (Finding::Against, _) => Outcome::TendencyAgainst,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::paper::schedule::{Schedule, Version};
    use crate::results::made_up;

    #[test]
    fn below_the_scale_it_is_a_tendency() {
        let least = LeastScale { epochs: 10, seeds: 3 };
        let result = made_up::result("lenet");
        let words = |result: &ExperimentResult, n| {
            [Finding::For, Finding::Against, Finding::Open].map(|f| least.word(result, n, f))
        };
        use Outcome::{Confirmed, Contradicted, OneRunAgainst, OneRunFor, TendencyAgainst, TendencyFor, Undecided};
        assert_eq!(words(&result, 3), [Confirmed, Contradicted, Undecided]);
        assert_eq!(words(&result, 1), [OneRunFor, OneRunAgainst, Undecided]);
        assert_eq!(words(&result, 0), [Undecided; 3]);
        let tendency = [TendencyFor, TendencyAgainst, Undecided];
        assert_eq!(words(&result, 2), tendency);
        let smaller: [fn(&mut ExperimentResult); 4] = [
            |result| result.minibatches = 40,
            |result| result.epochs_run = 9,
            |result| result.schedule = Schedule::cifar(0.1, 15, Version::Released),
            |result| result.data.name = "synthetic".into(),
        ];
        for change in smaller {
            let mut result = result.clone();
            change(&mut result);
            assert_eq!(words(&result, 10), tendency);
        }
    }

    #[test]
    fn a_rule_names_its_scale() {
        let rule = LeastScale { epochs: 160, seeds: 5 }.rule("above 0");
        for part in ["above 0; ", "391 minibatches", "160 epochs", "5 seeds", "tendency", "one run"] {
            assert!(rule.contains(part), "{rule}");
        }
    }
}
