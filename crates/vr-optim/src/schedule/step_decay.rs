//! A rate that drops at given steps.

use super::Schedule;

/// A base rate that drops by a factor at given steps: `lr = base·factor^(drops passed)`, PyTorch's
/// `MultiStepLR`. The paper's on CIFAR-10 is 0.1, divided by ten at steps 150·391 and 225·391.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct StepDecay {
    /// Rate before the first drop.
    pub base: f64,
    /// What each drop multiplies the rate by.
    pub factor: f64,
    /// 0-based steps from which each drop acts, in any order.
    pub drops: Vec<u64>,
}

impl StepDecay {
    /// The same rate throughout.
    pub fn constant(base: f64) -> Self {
        Self { base, factor: 0.1, drops: Vec::new() }
    }
}

impl Schedule for StepDecay {
    fn at(&self, step: u64) -> f64 {
        let passed = self.drops.iter().filter(|&&drop| drop <= step).count();
        self.base * self.factor.powi(passed as i32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_papers_drops() {
        let schedule = StepDecay { drops: vec![150 * 391, 225 * 391], ..StepDecay::constant(0.1) };
        for (epoch, rate) in [(0, 0.1), (149, 0.1), (150, 0.01), (224, 0.01), (225, 0.001), (249, 0.001)] {
            assert!((schedule.at(epoch * 391) - rate).abs() < 1e-12, "{epoch}");
        }
        assert_eq!(schedule.at(150 * 391 - 1), 0.1);
    }
}
