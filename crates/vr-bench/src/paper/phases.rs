//! What the claims distinguish: the parts of a run between the drops of the learning rate, the places in an epoch, and
//! large networks.

use std::collections::{BTreeMap, BTreeSet};

use crate::paper::published::PublishedPoint;
use crate::paper::schedule::Schedule;
use crate::results::Point;

/// The percentages that the paper measures at.
pub const PERCENTS: [f64; 4] = [2.0, 11.0, 33.0, 100.0];

/// The networks that the claims call large.
pub const LARGE: [&str; 2] = ["resnet110", "densenet-40-36"];

/// Epochs that belong together, in the paper's count of 250.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Phase {
    /// For the ids of verdicts.
    pub id: &'static str,
    /// For readers.
    pub name: &'static str,
    first: f64,
    last: f64,
}

/// The first published epoch.
pub const START: Phase = Phase { id: "start", name: "epoch 2", first: 2.0, last: 2.0 };
/// At the first learning rate.
pub const BEFORE: Phase = Phase { id: "before", name: "epochs 10–140", first: 10.0, last: 140.0 };
/// Between the drops.
pub const BETWEEN: Phase = Phase { id: "between", name: "epochs 160–210", first: 160.0, last: 210.0 };
/// After the second drop.
pub const AFTER: Phase = Phase { id: "after", name: "epochs 230–240", first: 230.0, last: 240.0 };

/// All of them.
pub const PHASES: [Phase; 4] = [START, BEFORE, BETWEEN, AFTER];

impl Phase {
    /// The points of a run with a positive ratio, in the epochs that its schedule puts into the phase.
    /// The first epoch is in none: its snapshot is the initial point.
    pub fn points<'a>(&self, points: &'a [Point], schedule: &Schedule) -> impl Iterator<Item = (&'a Point, f64)> {
        let inside = |p: &&Point| p.epoch > 1 && self.contains(schedule.as_of_paper(p.epoch));
        points.iter().filter(inside).filter_map(|p| Some((p, p.ratio.filter(|&ratio| ratio > 0.0)?)))
    }

    /// Their ratios at a percentage.
    pub fn ratios(&self, points: &[Point], schedule: &Schedule, percent: f64) -> Vec<f64> {
        self.points(points, schedule).filter(|(p, _)| p.percent == percent).map(|(_, ratio)| ratio).collect()
    }

    /// The published ratios at a percentage.
    pub fn published(&self, points: &[PublishedPoint], percent: f64) -> Vec<f64> {
        points.iter().filter(|p| p.percent == percent && self.contains(p.epoch as f64)).map(|p| p.ratio).collect()
    }

    /// The published ratios at a percentage, of the epochs at which points of ours lie there, too; of all where none does, as with a
    /// compressed schedule.
    pub fn published_beside(
        &self,
        theirs: &[PublishedPoint],
        percent: f64,
        points: &[Point],
        schedule: &Schedule,
    ) -> BTreeMap<usize, f64> {
        let there = self.points(points, schedule).filter(|(point, _)| point.percent == percent);
        let ours: BTreeSet<usize> = there.filter_map(|(point, _)| whole(schedule.as_of_paper(point.epoch))).collect();
        let theirs = theirs.iter().filter(|point| point.percent == percent && self.contains(point.epoch as f64));
        let all: BTreeMap<usize, f64> = theirs.map(|point| (point.epoch, point.ratio)).collect();
        let same: BTreeMap<usize, f64> = all.clone().into_iter().filter(|(epoch, _)| ours.contains(epoch)).collect();
        if same.is_empty() { all } else { same }
    }

    /// Its first epoch in the paper's count.
    pub fn first_epoch(&self) -> usize {
        self.first as usize
    }

    /// Whether an epoch of the paper's count lies in it.
    pub fn contains(&self, epoch: f64) -> bool {
        (self.first..=self.last).contains(&epoch)
    }
}

/// An epoch of the paper's count, where it is a whole one.
fn whole(epoch: f64) -> Option<usize> {
    (epoch.fract() == 0.0).then_some(epoch as usize)
}

/// The geometric mean; `None` of nothing.
pub fn geometric_mean(values: &[f64]) -> Option<f64> {
    let sum: f64 = values.iter().map(|value| value.ln()).sum();
    (!values.is_empty()).then(|| (sum / values.len() as f64).exp())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::paper::published::published;

    /// The table of the paper's Figure 2 (geometric means) that the verdicts cite.
    #[test]
    fn the_published_means() {
        let mean = |model, phase: Phase, percent| geometric_mean(&phase.published(&published(model), percent)).unwrap();
        for (model, phase, percent, expected) in [
            ("lenet", BEFORE, 2.0, 0.244),
            ("lenet", BETWEEN, 100.0, 0.158),
            ("resnet-small", BEFORE, 33.0, 0.905),
            ("resnet110", BEFORE, 11.0, 1.11),
            ("densenet-40-36", BETWEEN, 2.0, 0.0016),
        ] {
            let found = mean(model, phase, percent);
            assert!((found / expected - 1.0).abs() < 0.02, "{model} {percent}: {found}");
        }
    }

    /// A run of the first epochs stands beside these, and not beside those that it has not reached.
    #[test]
    fn published_ratios_are_those_of_the_epochs_that_were_run() {
        let theirs = published("lenet");
        let points = crate::figures::render::sample_points("svrg", 20);
        let beside = |schedule: &Schedule| BEFORE.published_beside(&theirs, 11.0, &points, schedule);
        assert_eq!(beside(&Schedule::default()).into_keys().collect::<Vec<_>>(), [10, 20]);
        let compressed = |epochs| Schedule::cifar(0.1, epochs, crate::paper::schedule::Version::Released);
        assert_eq!(beside(&compressed(25)).into_keys().collect::<Vec<_>>(), [20, 100]);
        // Its second epoch is the paper's 33⅓rd, which was not published.
        assert_eq!(beside(&compressed(15)).len(), BEFORE.published(&theirs, 11.0).len());
    }

    #[test]
    fn a_compressed_run_has_the_same_phases() {
        let schedule = Schedule::cifar(0.1, 25, crate::paper::schedule::Version::Released);
        let points = crate::figures::render::sample_points("svrg", 20);
        let epochs: Vec<usize> = (1..=25).filter(|&e| BEFORE.contains(schedule.as_of_paper(e))).collect();
        assert_eq!(epochs, (1..=14).collect::<Vec<_>>());
        // Epochs 2 and 10, two seeds.
        assert_eq!(BEFORE.ratios(&points, &schedule, 11.0).len(), 4);
        assert_eq!(START.ratios(&points, &schedule, 11.0).len(), 0);
        assert_eq!(START.ratios(&points, &Schedule::default(), 11.0).len(), 2);
    }
}
