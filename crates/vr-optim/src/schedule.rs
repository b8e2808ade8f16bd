//! Learning-rate schedules: pure functions of the step.

/// A base rate that drops by a factor at given steps: `lr = base·factor^(drops passed)`.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
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

    /// The paper's CIFAR schedule (0.1, divided by ten after epochs 150 and 225 of 250), compressed
    /// in proportion to `epochs` epochs of `minibatches` steps.
    pub fn cifar(epochs: u64, minibatches: u64) -> Self {
        let drops = [150, 225].map(|epoch| epoch * epochs * minibatches / 250);
        Self { drops: drops.to_vec(), ..Self::constant(0.1) }
    }

    /// The rate of 0-based step `step`.
    pub fn at(&self, step: u64) -> f64 {
        let passed = self.drops.iter().filter(|&&drop| drop <= step).count();
        self.base * self.factor.powi(passed as i32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_papers_drops() {
        let schedule = StepDecay::cifar(250, 391);
        for (epoch, rate) in [(0, 0.1), (149, 0.1), (150, 0.01), (224, 0.01), (225, 0.001), (249, 0.001)] {
            assert!((schedule.at(epoch * 391) - rate).abs() < 1e-12, "{epoch}");
        }
        assert_eq!(schedule.at(150 * 391 - 1), 0.1);
    }
}
