//! What is measured along a run, where and how often.

use serde::{Deserialize, Serialize};

/// What is measured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Kind {
    /// The variance of the step's direction against that of the plain gradient.
    #[default]
    Variance,
    /// The iterate's distance from the snapshot, and the curvature between them.
    Geometry,
    /// The variance before the steps after a mega-batch, in runs of `size` steps that begin where
    /// mega-batches of `size` minibatches with a step on each do. Where mega-batches are of other lengths,
    /// a run holds parts of several; the steps of one that began before the run are left out.
    Positions {
        /// Minibatches of a mega-batch.
        size: usize,
    },
    /// How much [`SUCCESSIVE`] successive steps resemble each other, and the variance before the first.
    Successive,
}

/// Steps that are compared with each other.
pub const SUCCESSIVE: usize = 5;

/// A measurement that is due in an epoch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Due {
    /// Steps taken.
    pub step: usize,
    /// In percent of the epoch; of several steps that belong together, the first one's.
    pub percent: f64,
    /// Which of several steps that belong together.
    pub index: usize,
    /// Whether a snapshot that is due is taken first.
    pub begins: bool,
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Measures {
    /// What.
    pub kind: Kind,
    /// Where in the epoch.
    pub places: Places,
    /// In which 1-based epochs: every epoch that is a multiple of this.
    pub every: usize,
}

impl Default for Measures {
    /// [`Measures::NONE`].
    fn default() -> Self {
        Self::NONE
    }
}

impl Measures {
    /// Nothing.
    pub const NONE: Self = Self { kind: Kind::Variance, places: Places::None, every: 1 };

    /// The variance at `places` of every `every`-th epoch.
    pub fn variance(places: Places, every: usize) -> Self {
        Self { kind: Kind::Variance, places, every }
    }

    /// The places in a 1-based epoch of `steps` steps, in order.
    pub fn of_epoch(&self, epoch: usize, steps: usize) -> Vec<Due> {
        if !epoch.is_multiple_of(self.every.max(1)) {
            return Vec::new();
        }
        let mut free = 0;
        let mut found = Vec::new();
        for (step, percent) in self.places.of(steps) {
            let (step, percent, last) = match self.kind {
                Kind::Variance | Kind::Geometry => (step, percent, 0),
                Kind::Positions { size } => {
                    let first = step - step % size;
                    (first, 100.0 * first as f64 / steps as f64, size - 1)
                }
                Kind::Successive => (step, percent, SUCCESSIVE),
            };
            // Steps that belong together neither overlap others nor leave the epoch.
            if step < free || step + last > steps {
                continue;
            }
            free = step + last;
            let positions = matches!(self.kind, Kind::Positions { .. });
            found.extend((0..=last).map(|index| Due {
                step: step + index,
                percent,
                index,
                begins: step + index == 0 || positions,
            }));
        }
        found
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
    fn the_steps_after_a_mega_batch() {
        let measures = Measures { kind: Kind::Positions { size: 10 }, places: Places::Paper, every: 1 };
        let places = measures.of_epoch(1, 390);
        assert!(places.iter().all(|place| place.begins), "a mega-batch may be due before any of these steps");
        let first: Vec<usize> = places.iter().filter(|place| place.index == 0).map(|place| place.step).collect();
        assert_eq!(first, [0, 40, 130]);
        assert!(
            places.iter().enumerate().all(|(i, place)| place.index == i % 10 && place.step == first[i / 10] + i % 10)
        );
        assert_eq!(places[10].percent, 100.0 * 40.0 / 390.0);
    }

    #[test]
    fn runs_of_successive_steps_do_not_overlap() {
        let measures = Measures { kind: Kind::Successive, places: Places::Deciles, every: 1 };
        for steps in [4, 40, 391] {
            let places = measures.of_epoch(1, steps);
            assert!(places.is_sorted_by_key(|place| place.step));
            for run in places.chunks(SUCCESSIVE + 1) {
                assert!(run.iter().zip(0..).all(|(place, i)| place.index == i && place.step == run[0].step + i));
                assert!(run[SUCCESSIVE].step <= steps);
            }
        }
        assert!(measures.of_epoch(1, 4).is_empty());
        assert_eq!(measures.of_epoch(1, 391).len(), 10 * (SUCCESSIVE + 1));
    }

    #[test]
    fn every_tenth_epoch() {
        let measures = Measures::variance(Places::Paper, 10);
        let epochs: Vec<usize> = (1..=30).filter(|&epoch| !measures.of_epoch(epoch, 50).is_empty()).collect();
        assert_eq!(epochs, [10, 20, 30]);
        assert!(Measures::NONE.of_epoch(1, 50).is_empty());
    }
}
