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
    /// The code behind the published figures: second drop after epoch 225; stored-gradient SVRG with
    /// its snapshot at a moving average of the iterates and the iterate moved there; SCSG with its
    /// mega-batch's own minibatches in order.
    #[default]
    Released,
    /// The text and the papers it cites: second drop after epoch 220; snapshot at the last iterate;
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
    /// The paper's CIFAR schedule compressed in proportion to `length` epochs.
    pub fn cifar(base: f64, length: usize, version: Version) -> Self {
        let second = match version {
            Version::Released => 225,
            Version::Described => 220,
        };
        let drops = [150, second].map(|epoch| (epoch * length) as f64 / PAPER_EPOCHS as f64);
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

    #[test]
    fn the_second_drop_is_225_in_the_code_and_220_in_the_text() {
        for (version, epoch) in [(Version::Released, 225), (Version::Described, 220)] {
            let steps = Schedule::cifar(0.05, 250, version).in_steps(391);
            for (at, rate) in [(0, 0.05), (149, 0.05), (150, 0.005), (epoch - 1, 0.005), (epoch, 0.0005)] {
                assert!((steps.at(at * 391) - rate).abs() < 1e-12, "{version:?} {at}");
            }
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
