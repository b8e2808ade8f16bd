//! What is measured along a run, where and how often.

use serde::{Deserialize, Serialize};

/// What is measured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// The variance of the step's direction against that of the plain gradient.
    #[default]
    Variance,
}

/// Where in an epoch something is measured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Places {
    /// Nowhere.
    None,
    /// Before the first step and at the paper's 2, 11, 33 and 100 %.
    #[default]
    Paper,
    /// Before the first step and at every tenth of the epoch.
    Deciles,
}

impl Places {
    /// Pairs (steps taken, percent) for an epoch of `steps` steps, in order. The paper measures after
    /// the steps of 0-based index ⌈m/50⌉, ⌈m/9⌉, ⌈m/3⌉ and m − 1.
    pub fn of(self, steps: usize) -> Vec<(usize, f64)> {
        let after = |index: usize| (index + 1).min(steps);
        match self {
            Self::None => Vec::new(),
            Self::Paper => vec![
                (0, 0.0),
                (after(steps.div_ceil(50)), 2.0),
                (after(steps.div_ceil(9)), 11.0),
                (after(steps.div_ceil(3)), 33.0),
                (steps, 100.0),
            ],
            Self::Deciles => {
                let mut places = vec![(0, 0.0)];
                places.extend((1..10).map(|k| (after(k * steps.div_ceil(10)), 10.0 * k as f64)));
                places.push((steps, 100.0));
                places
            }
        }
    }
}

/// What a cell measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Measures {
    /// What.
    pub kind: Kind,
    /// Where in the epoch.
    pub places: Places,
    /// In which 1-based epochs: every epoch that is a multiple of this, and the first.
    pub every: usize,
}

impl Measures {
    /// Nothing.
    pub const NONE: Self = Self { kind: Kind::Variance, places: Places::None, every: 1 };

    /// The variance at `places` of every `every`-th epoch.
    pub fn variance(places: Places, every: usize) -> Self {
        Self { kind: Kind::Variance, places, every }
    }

    /// The places in a 1-based epoch of `steps` steps.
    pub fn of_epoch(&self, epoch: usize, steps: usize) -> Vec<(usize, f64)> {
        if epoch == 1 || epoch.is_multiple_of(self.every.max(1)) { self.places.of(steps) } else { Vec::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_papers_places() {
        let steps: Vec<usize> = Places::Paper.of(391).iter().map(|place| place.0).collect();
        assert_eq!(steps, [0, 9, 45, 132, 391]);
        let steps: Vec<usize> = Places::Deciles.of(391).iter().map(|place| place.0).collect();
        assert_eq!(steps, [0, 41, 81, 121, 161, 201, 241, 281, 321, 361, 391]);
    }

    #[test]
    fn the_first_epoch_and_every_tenth() {
        let measures = Measures::variance(Places::Paper, 10);
        let epochs: Vec<usize> = (1..=30).filter(|&epoch| !measures.of_epoch(epoch, 50).is_empty()).collect();
        assert_eq!(epochs, [1, 10, 20, 30]);
        assert!(Measures::NONE.of_epoch(1, 50).is_empty());
    }
}
