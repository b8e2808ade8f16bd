//! The length of a run and its learning rate, in epochs.

use serde::{Deserialize, Serialize};
use vr_optim::schedule::{ByEpoch, Constant, Cosine, Polynomial, ScheduleConfig, StepDecay, WarmUp};

use super::setting::{CIFAR10, Setting};
pub use super::version::Version;

/// Epochs of the paper's CIFAR schedule.
pub const PAPER_EPOCHS: usize = CIFAR10.epochs;

/// Pictures in the paper's CIFAR minibatches.
pub const PAPER_BATCH: usize = CIFAR10.batch;

/// The learning rate from epoch to epoch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(from = "Table")]
pub struct Schedule {
    /// Rate before the first drop, or at the beginning of a curve.
    pub base: f64,
    /// Epochs done before each drop of the shape `steps`; may lie inside an epoch.
    pub drops: Vec<f64>,
    /// Epochs of the whole schedule: the paper's 250, or what they are compressed to.
    pub length: usize,
    /// How the rate falls.
    #[serde(skip_serializing_if = "is_default")]
    pub shape: Shape,
    /// What each drop multiplies the rate by.
    #[serde(skip_serializing_if = "is_tenth")]
    pub factor: f64,
    /// Whether the rate may change at every step or only between epochs.
    #[serde(skip_serializing_if = "is_default")]
    pub by: Unit,
    /// A linear rise over the first epochs.
    #[serde(rename = "warm-up", skip_serializing_if = "Option::is_none")]
    pub warm_up: Option<Rise>,
}

/// How a learning rate falls over the length of its schedule.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "kebab-case", deny_unknown_fields)]
pub enum Shape {
    /// By a factor at each drop.
    #[default]
    Steps,
    /// Not at all.
    Constant,
    /// Along half a period of a cosine.
    Cosine {
        /// The rate at the end.
        last: f64,
    },
    /// As a power of what is left.
    Polynomial {
        /// The rate at the end.
        last: f64,
        /// The power; 1 is linear.
        power: f64,
    },
}

/// When a learning rate may change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unit {
    /// At every step.
    #[default]
    Step,
    /// Between epochs.
    Epoch,
    /// With the gradients of the method, whatever its steps cost: epochs of the schedule are passes over the training set.
    Gradient,
}

/// A linear rise of the learning rate; what follows begins when it is over.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rise {
    /// Its length; may end inside an epoch.
    pub epochs: f64,
    /// The share of the rate that it begins with.
    #[serde(default)]
    pub first: f64,
}

/// A [`Schedule`] as it is written: drops that are left out are the paper's for `steps`, and none for another shape.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
struct Table {
    base: f64,
    drops: Option<Vec<f64>>,
    length: usize,
    shape: Shape,
    factor: f64,
    by: Unit,
    warm_up: Option<Rise>,
}

impl Default for Table {
    fn default() -> Self {
        let Schedule { base, length, shape, factor, by, warm_up, .. } = Schedule::default();
        Self { base, drops: None, length, shape, factor, by, warm_up }
    }
}

impl From<Table> for Schedule {
    fn from(table: Table) -> Self {
        let Table { base, drops, length, shape, factor, by, warm_up } = table;
        let left_out = || if shape == Shape::Steps { Self::default().drops } else { Vec::new() };
        Self { base, drops: drops.unwrap_or_else(left_out), length, shape, factor, by, warm_up }
    }
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// What the paper divides by.
const TENTH: f64 = 0.1;

fn is_tenth(factor: &f64) -> bool {
    *factor == TENTH
}

impl Schedule {
    /// The paper's CIFAR schedule, or the same compressed in proportion to `length` epochs.
    pub fn cifar(base: f64, length: usize, version: Version) -> Self {
        Self::of(&CIFAR10, base, length, version)
    }

    /// The schedule of one of the paper's settings, or the same compressed in proportion to `length` epochs.
    pub fn of(setting: &Setting, base: f64, length: usize, version: Version) -> Self {
        let (shape, by) = (Shape::default(), Unit::default());
        Self { base, drops: setting.drops(length, version), length, shape, factor: TENTH, by, warm_up: None }
    }

    /// The schedule of a run whose epochs have so many steps, or, by gradients, passes so many minibatches.
    pub fn in_steps(&self, steps_per_epoch: usize) -> ScheduleConfig {
        let unit = match self.by {
            Unit::Step | Unit::Gradient => steps_per_epoch as f64,
            Unit::Epoch => 1.0,
        };
        let rise = self.warm_up.unwrap_or(Rise { epochs: 0.0, first: 1.0 });
        // The rise itself goes step by step.
        let risen = (rise.epochs * steps_per_epoch as f64).round() as u64;
        let left = |epoch: f64| (unit * (epoch - rise.epochs).max(0.0)).round() as u64;
        let (base, length) = (self.base, left(self.length as f64));
        let schedule = match self.shape {
            Shape::Steps => {
                let drops = self.drops.iter().map(|&drop| left(drop)).collect();
                ScheduleConfig::Steps(StepDecay { base, factor: self.factor, drops })
            }
            Shape::Constant => ScheduleConfig::Constant(Constant { base }),
            Shape::Cosine { last } => ScheduleConfig::Cosine(Cosine { base, last, length }),
            Shape::Polynomial { last, power } => ScheduleConfig::Polynomial(Polynomial { base, last, length, power }),
        };
        let schedule = match self.by {
            Unit::Step | Unit::Gradient => schedule,
            Unit::Epoch => {
                ScheduleConfig::ByEpoch(Box::new(ByEpoch { steps_per_epoch: steps_per_epoch as u64, schedule }))
            }
        };
        if risen == 0 {
            return schedule;
        }
        ScheduleConfig::WarmUp(Box::new(WarmUp { first: rise.first, length: risen, then: schedule }))
    }

    /// How the rate changes, in words.
    pub fn fall(&self) -> String {
        let fall = match self.shape {
            Shape::Steps if self.drops.is_empty() => "not at all".to_owned(),
            Shape::Steps => {
                let drops: Vec<String> = self.drops.iter().map(f64::to_string).collect();
                format!("times {} after {} epochs", self.factor, drops.join(" and "))
            }
            Shape::Constant => "not at all".to_owned(),
            Shape::Cosine { last } => format!("along a cosine to {last} over {} epochs", self.length),
            Shape::Polynomial { last, power } => {
                format!("to the power {power} of what is left, to {last} over {} epochs", self.length)
            }
        };
        match self.warm_up {
            Some(Rise { epochs, first }) => format!("{fall}; rises from {first} of it over the first {epochs} epochs"),
            None => fall,
        }
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
    use vr_optim::Schedule as _;

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
        let drops = StepDecay { drops: vec![240, 360], ..StepDecay::constant(0.1) };
        assert_eq!(schedule.in_steps(40), ScheduleConfig::Steps(drops));
        assert_eq!(schedule.as_of_paper(6), 150.0);
    }

    #[test]
    fn every_shape_is_said_in_words() {
        let read = |text: &str| serde_json::from_str::<Schedule>(text).unwrap().fall();
        assert_eq!(read("{}"), "times 0.1 after 149 and 224 epochs");
        assert_eq!(read(r#"{"drops": []}"#), "not at all");
        assert_eq!(read(r#"{"shape": "constant"}"#), "not at all");
        assert_eq!(
            read(r#"{"shape": {"cosine": {"last": 0.001}}, "length": 9, "warm-up": {"epochs": 2, "first": 0.5}}"#),
            "along a cosine to 0.001 over 9 epochs; rises from 0.5 of it over the first 2 epochs"
        );
        assert_eq!(
            read(r#"{"shape": {"polynomial": {"last": 0, "power": 2}}, "length": 4}"#),
            "to the power 2 of what is left, to 0 over 4 epochs"
        );
    }

    #[test]
    fn an_old_record_is_read_and_written_as_it_was() {
        let old = r#"{"base":0.1,"drops":[149.0,224.0],"length":250}"#;
        assert_eq!(serde_json::from_str::<Schedule>(old).unwrap(), Schedule::default());
        assert_eq!(serde_json::to_string(&Schedule::default()).unwrap(), old);
    }

    #[test]
    fn drops_are_of_steps_alone() {
        let read = |text: &str| serde_json::from_str::<Schedule>(text).unwrap();
        assert_eq!(read("{}"), Schedule::default());
        let cosine = read(r#"{"shape": {"cosine": {"last": 0.001}}, "length": 4, "by": "epoch"}"#);
        assert!(cosine.drops.is_empty());
        assert_eq!(read(&serde_json::to_string(&cosine).unwrap()), cosine);
    }

    #[test]
    fn a_rise_comes_out_of_the_length() {
        let read = |text: &str| serde_json::from_str::<Schedule>(text).unwrap().in_steps(10);
        let cosine = read(r#"{"base": 1, "shape": {"cosine": {"last": 0}}, "length": 5, "warm-up": {"epochs": 1}}"#);
        assert_eq!([0, 5, 10, 30, 50].map(|step| (cosine.at(step) * 1e6).round() / 1e6), [0.0, 0.5, 1.0, 0.5, 0.0]);
        let steps = r#"{"base": 1, "drops": [2], "length": 5, "warm-up": {"epochs": 0.5, "first": 0.2}, "by": "BY"}"#;
        for by in ["step", "epoch"] {
            let steps = read(&steps.replace("BY", by));
            assert_eq!([0, 5, 14].map(|step| steps.at(step)), [0.2, 1.0, 1.0], "{by}");
            // By epoch, epochs count from the end of the rise: the drop is at the first whole one.
            let drop = if by == "step" { 20 } else { 25 };
            assert_eq!([steps.at(drop - 1), steps.at(drop)], [1.0, 0.1], "{by}");
        }
    }
}
