//! The length of a run and its learning rate, in epochs.

use serde::{Deserialize, Serialize};
use vr_optim::StepDecay;

/// Epochs of the paper's CIFAR schedule.
pub const PAPER_EPOCHS: usize = 250;

/// Pictures in the paper's CIFAR minibatches.
pub const PAPER_BATCH: usize = 128;

/// Which of the paper's text and the authors' released code to follow where they differ.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Version {
    /// The code behind the published figures: epochs 150 and 225, counted from 1, are the first at a
    /// lower rate; stored-gradient SVRG with its snapshot at a moving average of the iterates and the
    /// iterate moved there; SCSG with its mega-batch's own minibatches in order.
    #[default]
    Released,
    /// The text and the papers it cites: drops after 150 and 220 epochs; snapshot at the last iterate;
    /// SCSG with a geometric number of fresh inner minibatches.
    Described,
}

/// A learning rate that is divided by ten at each drop.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Schedule {
    /// Rate before the first drop.
    pub base: f64,
    /// Epochs done before each drop; may lie inside an epoch.
    pub drops: Vec<f64>,
    /// Epochs of the whole schedule: the paper's 250, or what they are compressed to.
    pub length: usize,
}

impl Schedule {
    /// The paper's CIFAR schedule, or the same compressed in proportion to `length` epochs.
    ///
    /// The release lowers the rate *in* epochs 150 and 225, counted from 1, so 149 and 224 are done
    /// before: the published LeNet ratios of epoch 150 lie after the drop. That one epoch of 250 is
    /// kept at full length alone; a compressed schedule drops after 60 and 90 % of its epochs.
    pub fn cifar(base: f64, length: usize, version: Version) -> Self {
        let drops = match version {
            Version::Released if length == PAPER_EPOCHS => [149, 224],
            Version::Released => [150, 225],
            Version::Described => [150, 220],
        };
        let drops = drops.map(|epoch| (epoch * length) as f64 / PAPER_EPOCHS as f64);
        Self { base, drops: drops.to_vec(), length }
    }

    /// The schedule of a run whose epochs have so many steps.
    pub fn in_steps(&self, steps_per_epoch: usize) -> StepDecay {
        let drops = self.drops.iter().map(|drop| (drop * steps_per_epoch as f64).round() as u64).collect();
        StepDecay { drops, ..StepDecay::constant(self.base) }
    }

    /// A 1-based epoch as one of the paper's 250.
    pub fn as_of_paper(&self, epoch: usize) -> f64 {
        epoch as f64 * PAPER_EPOCHS as f64 / self.length.max(1) as f64
    }
}

impl Default for Schedule {
    fn default() -> Self {
        Self::cifar(0.1, PAPER_EPOCHS, Version::Released)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The release computes `lr·0.1^⌊e/150⌋·0.1^⌊e/225⌋` from the epoch e, counted from 1.
    #[test]
    fn the_released_rate_of_every_step() {
        let steps = Schedule::cifar(0.1, 250, Version::Released).in_steps(391);
        for epoch in 1..=250 {
            let rate = 0.1 * 0.1_f64.powi(epoch / 150) * 0.1_f64.powi(epoch / 225);
            for step in [0, 390] {
                let found = steps.at((epoch as u64 - 1) * 391 + step);
                assert!((found / rate - 1.0).abs() < 1e-12, "epoch {epoch}, step {step}: {found} for {rate}");
            }
        }
    }

    #[test]
    fn the_described_rate_drops_after_150_and_220_epochs() {
        let steps = Schedule::cifar(0.05, 250, Version::Described).in_steps(391);
        for (done, rate) in [(0, 0.05), (149, 0.05), (150, 0.005), (219, 0.005), (220, 0.0005)] {
            assert!((steps.at(done * 391) - rate).abs() < 1e-12, "{done}");
        }
    }

    #[test]
    fn a_compressed_schedule_keeps_its_shape() {
        let schedule = Schedule::cifar(0.1, 10, Version::Released);
        assert_eq!(schedule.drops, [6.0, 9.0]);
        assert_eq!(schedule.in_steps(40).drops, [240, 360]);
        assert_eq!(schedule.as_of_paper(6), 150.0);
    }
}
