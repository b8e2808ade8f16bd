//! What is compared at equal cost, and the learning rates that are tried for it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use vr_run::config::{Fault, POSITIVE, distinct, within};

/// What is compared at equal cost, and how each method's learning rate is chosen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Comparison {
    /// The methods, by name.
    pub methods: Vec<String>,
    /// The learning rates that are tried.
    pub rates: Grid,
    /// The seeds that choose among them, none of which is reported.
    pub tuning_seeds: Vec<u64>,
    /// The minibatch gradients of a run, in place of the settings' epochs of SGD.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub budget: Option<u64>,
}

impl Default for Comparison {
    fn default() -> Self {
        let methods = ["sgd", "svrg-stored", "self-tuning"].map(str::to_owned).to_vec();
        Self { methods, rates: Grid::Multiples(vec![0.5, 1.0, 2.0]), tuning_seeds: vec![1000], budget: None }
    }
}

impl Comparison {
    pub(super) fn is_default(&self) -> bool {
        *self == Self::default()
    }

    pub(super) fn check(&self, seeds: &[u64]) -> Result<(), Fault> {
        distinct("comparison.methods", &self.methods)?;
        let rates: Vec<f64> = self.rates.rates().into_iter().map(Rate::number).collect();
        for &rate in &rates {
            within("comparison.rates", rate, POSITIVE)?;
        }
        distinct("comparison.rates", &rates.iter().map(f64::to_string).collect::<Vec<_>>())?;
        distinct("comparison.tuning-seeds", &self.tuning_seeds)?;
        match self.tuning_seeds.iter().find(|seed| seeds.contains(seed)) {
            Some(seed) => Err(Fault::new(
                "comparison.tuning-seeds",
                format!("has {seed}, which is reported; expected other seeds"),
            )),
            None => Ok(()),
        }
    }

    /// The epochs of SGD that the budget pays, where epochs have so many minibatches; what is left over is not spent, since tests
    /// fall between epochs. `None` without a budget.
    ///
    /// # Errors
    /// When it pays none.
    pub(super) fn epochs(&self, minibatches: usize) -> Result<Option<usize>, Fault> {
        let Some(budget) = self.budget else { return Ok(None) };
        match usize::try_from(budget / minibatches.max(1) as u64).unwrap_or(usize::MAX) {
            0 => Err(Fault::new(
                "comparison.budget",
                format!("is {budget} minibatch gradients; expected at least the {minibatches} of an epoch of SGD"),
            )),
            epochs => Ok(Some(epochs)),
        }
    }

    /// The seeds that choose; of one rate there is nothing to choose.
    pub fn choosing_seeds(&self) -> &[u64] {
        if self.rates.rates().len() > 1 { &self.tuning_seeds } else { &[] }
    }
}

/// What every method may spend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Budget {
    /// So many minibatch gradients.
    Gradients(u64),
    /// Those of so many epochs of SGD.
    Epochs(usize),
}

/// `12000`, or `30epochs`.
impl FromStr for Budget {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        const EXPECTED: &str = "expected minibatch gradients as in `12000`, or epochs of SGD as in `30epochs`";
        let end = text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
        let (number, unit) = (&text[..end], text[end..].trim());
        let budget = match unit {
            "" => number.parse().map(Self::Gradients),
            "epoch" | "epochs" => number.parse().map(Self::Epochs),
            "s" | "sec" | "seconds" | "min" | "minutes" | "h" | "hours" => {
                return Err(format!(
                    "is a time, which differs from machine to machine, while results have the same bytes on all; {EXPECTED}"
                ));
            }
            _ => return Err(EXPECTED.into()),
        };
        match budget {
            Ok(Self::Gradients(0) | Self::Epochs(0)) => Err(format!("is nothing; {EXPECTED}")),
            Ok(budget) => Ok(budget),
            Err(_) => Err(EXPECTED.into()),
        }
    }
}

/// The learning rates that are tried: multiples of each method's usual one, or the same for all.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Grid {
    /// Multiples of each method's usual rate.
    Multiples(Vec<f64>),
    /// Rates.
    Rates {
        /// The rates.
        #[serde(rename = "learning-rate")]
        rates: Vec<f64>,
    },
}

const LEARNING_RATE: &str = "learning-rate=";

impl Grid {
    /// Its rates.
    pub fn rates(&self) -> Vec<Rate> {
        match self {
            Self::Multiples(multiples) => multiples.iter().copied().map(Rate::Multiple).collect(),
            Self::Rates { rates } => rates.iter().copied().map(Rate::Itself).collect(),
        }
    }
}

/// `0.5,1,2`, or `learning-rate=0.01,0.03,0.1`.
impl FromStr for Grid {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (numbers, itself) = match text.strip_prefix(LEARNING_RATE) {
            Some(rates) => (rates, true),
            None => (text, false),
        };
        let number = |word: &str| match word.trim().parse::<f64>() {
            Ok(number) if number > 0.0 && number.is_finite() => Ok(number),
            Ok(number) => Err(format!("has {number}; expected finite numbers above 0")),
            Err(_) => Err(format!(
                "has `{word}`; expected multiples of each method's usual rate as in `0.5,1,2`, or rates as in \
                 `{LEARNING_RATE}0.01,0.03,0.1`"
            )),
        };
        let numbers = numbers.split(',').map(number).collect::<Result<Vec<_>, _>>()?;
        Ok(if itself { Self::Rates { rates: numbers } } else { Self::Multiples(numbers) })
    }
}

impl fmt::Display for Grid {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (before, numbers) = match self {
            Self::Multiples(numbers) => ("", numbers),
            Self::Rates { rates } => (LEARNING_RATE, rates),
        };
        let numbers: Vec<String> = numbers.iter().map(f64::to_string).collect();
        write!(out, "{before}{}", numbers.join(","))
    }
}

/// A learning rate of a grid.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Rate {
    /// A multiple of the method's usual one.
    Multiple(f64),
    /// The rate itself.
    Itself(f64),
}

impl Rate {
    /// Of a method whose usual rate is `usual`.
    pub fn times(self, usual: f64) -> f64 {
        match self {
            Self::Multiple(multiple) => multiple * usual,
            Self::Itself(rate) => rate,
        }
    }

    /// The multiple, or the rate.
    pub fn number(self) -> f64 {
        match self {
            Self::Multiple(number) | Self::Itself(number) => number,
        }
    }
}

/// As in names of runs: `x0.5`, or `lr0.05`.
impl fmt::Display for Rate {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Multiple(multiple) => write!(out, "x{multiple}"),
            Self::Itself(rate) => write!(out, "lr{rate}"),
        }
    }
}

impl Rate {
    /// Of a part of a name, where it is one.
    pub fn parse(text: &str) -> Option<Self> {
        let number = |text: &str| text.parse::<f64>().ok();
        match text.strip_prefix("lr") {
            Some(rate) => number(rate).map(Self::Itself),
            None => text.strip_prefix('x').and_then(number).map(Self::Multiple),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grids_and_rates_come_back_from_their_texts() {
        for text in ["0.5,1,2", "learning-rate=0.01,0.03,0.1", "1"] {
            let grid: Grid = text.parse().unwrap();
            assert_eq!(grid.to_string(), text);
            let json = serde_json::to_string(&grid).unwrap();
            assert_eq!(serde_json::from_str::<Grid>(&json).unwrap(), grid);
            for rate in grid.rates() {
                assert_eq!(Rate::parse(&rate.to_string()), Some(rate));
            }
        }
        // As records of earlier versions have them.
        assert_eq!(serde_json::from_str::<Grid>("[0.5, 1]").unwrap(), Grid::Multiples(vec![0.5, 1.0]));
        for text in ["", "0,1", "momentum=0.9", "learning-rate=much", "inf"] {
            text.parse::<Grid>().unwrap_err();
        }
        assert_eq!((Rate::Multiple(0.5).times(0.1), Rate::Itself(0.5).times(0.1)), (0.05, 0.5));
    }

    #[test]
    fn a_budget_is_gradients_or_epochs_and_no_time() {
        assert_eq!("12000".parse(), Ok(Budget::Gradients(12_000)));
        assert_eq!(["30epochs", "1 epoch"].map(str::parse), [Ok(Budget::Epochs(30)), Ok(Budget::Epochs(1))]);
        let time = "300s".parse::<Budget>().unwrap_err();
        assert!(time.contains("is a time") && time.contains("30epochs"), "{time}");
        for text in ["", "0", "0epochs", "-3", "1.5epochs", "30 passes"] {
            text.parse::<Budget>().unwrap_err();
        }
        let budget = |gradients| Comparison { budget: gradients, ..Comparison::default() }.epochs(100);
        assert_eq!([None, Some(100), Some(399)].map(|gradients| budget(gradients).unwrap()), [None, Some(1), Some(3)]);
        assert!(budget(Some(99)).unwrap_err().to_string().contains("at least the 100"));
    }

    #[test]
    fn one_rate_needs_no_choice() {
        let one = Comparison { rates: "1".parse().unwrap(), ..Comparison::default() };
        assert_eq!((one.choosing_seeds().len(), Comparison::default().choosing_seeds().len()), (0, 1));
        assert!(one.check(&[0]).is_ok() && one.check(&[1000]).is_err());
    }
}
