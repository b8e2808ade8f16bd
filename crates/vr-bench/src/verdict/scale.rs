//! The least scale at which a rule may decide.

use super::Outcome;
use super::finding::Finding;
use crate::results::ExperimentResult;

/// The least scale at which a rule may say confirmed or contradicted: on the data set of the network's setting, with the
/// paper's number of minibatches, on its schedule as it is, so many of its epochs with so many seeds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeastScale {
    /// Epochs of the uncompressed schedule, of CIFAR-10's 250; in proportion on ImageNet.
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
        let setting = result.setting();
        result.data.name.starts_with(setting.data)
            && all_minibatches(result) >= setting.minibatches()
            && result.schedule.length == setting.epochs
            && result.epochs_run >= setting.epochs_like(self.epochs)
            && n >= self.seeds
    }

    /// A rule with its least scale for a result.
    pub fn rule(&self, result: &ExperimentResult, rule: &str) -> String {
        let setting = result.setting();
        let (data, minibatches) = (setting.data, setting.minibatches());
        let (epochs, seeds) = (setting.epochs_like(self.epochs), self.seeds);
        let held_out = if result.data.validation_size > 0 { ", those that are held out counted" } else { "" };
        format!(
            "{rule}; confirmed or contradicted on {data} with at least {minibatches} minibatches an epoch{held_out}, {epochs} epochs \
             of the uncompressed schedule and {seeds} seeds, a tendency below that, and of one seed one run"
        )
    }
}

/// Minibatches of an epoch of all that is trained on or held out of the training set for validation.
pub fn all_minibatches(result: &ExperimentResult) -> usize {
    let (trained, batch) = (result.data.train_size, result.batch_size.max(1));
    let held_out = (trained + result.data.validation_size).div_ceil(batch) - trained.div_ceil(batch);
    result.minibatches + held_out
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
    use crate::paper::setting::IMAGENET;
    use crate::results::{DataInfo, made_up};

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
        let smaller: [fn(&mut ExperimentResult); 5] = [
            |result| result.minibatches = 40,
            // Of 49,900 pictures, though parts of a minibatch are left over on both sides.
            |result| {
                result.minibatches = 383;
                (result.data.train_size, result.data.validation_size) = (48_900, 1000);
            },
            |result| result.epochs_run = 9,
            |result| result.schedule = Schedule::cifar(0.1, 15, Version::Released),
            |result| result.data.name = "synthetic".into(),
        ];
        let held_out = ExperimentResult {
            data: DataInfo { train_size: 49_000, validation_size: 1000, ..result.data.clone() },
            minibatches: 383,
            ..result.clone()
        };
        assert_eq!(words(&held_out, 3), [Confirmed, Contradicted, Undecided]);
        for change in smaller {
            let mut result = result.clone();
            change(&mut result);
            assert_eq!(words(&result, 10), tendency);
        }
    }

    #[test]
    fn a_rule_names_its_scale() {
        let least = LeastScale { epochs: 160, seeds: 5 };
        let rule = least.rule(&made_up::result("lenet"), "above 0");
        for part in ["above 0; ", "391 minibatches", "160 epochs", "5 seeds", "tendency", "one run"] {
            assert!(rule.contains(part), "{rule}");
        }
        let rule = least.rule(&made_up::result("resnet18"), "above 0");
        for part in ["on ImageNet", "5005 minibatches", "58 epochs", "5 seeds"] {
            assert!(rule.contains(part), "{rule}");
        }
    }

    #[test]
    fn a_network_for_imagenet_is_judged_there() {
        let least = LeastScale { epochs: 250, seeds: 2 };
        let cifar10 = made_up::result("resnet18");
        let mut imagenet = cifar10.clone();
        (imagenet.data.name, imagenet.minibatches, imagenet.epochs_run) = ("ImageNet".into(), 5005, 90);
        imagenet.schedule = Schedule::of(&IMAGENET, 0.1, 90, Version::Released);
        let word = |result: &ExperimentResult| least.word(result, 2, Finding::For);
        assert_eq!([word(&cifar10), word(&imagenet)], [Outcome::TendencyFor, Outcome::Confirmed]);
        imagenet.minibatches = 500;
        assert_eq!(word(&imagenet), Outcome::TendencyFor);
    }
}
