//! C2, Figure 1: with transform locking the variance of the step starts at zero and grows through
//! the epoch; without it, it starts above zero and is uniformly worse.

use vr_optim::Locking;

use super::Experiment;
use crate::cell::Cell;
use crate::figures::locking::locking as figure;
use crate::figures::{FigureError, distinct};
use crate::measure::{Measures, Places};
use crate::paper::methods::stored;
use crate::results::{ExperimentResult, Point, pairs};
use crate::run_dir::Figure;
use crate::settings::{Model, Settings};
use crate::verdict::estimate::{Estimate, SEEDS};
use crate::verdict::{Outcome, Verdict};

/// Figure 1.
pub const EXPERIMENT: Experiment = Experiment {
    name: "locking",
    summary: "Variance with and without transform locking (Figure 1)",
    claim: CLAIM,
    model: Model::LENET,
    models: &[],
    cells,
    figures,
    verdicts,
};

const CLAIM: &str = "With transform locking the SVRG step's variance starts at 0 and grows through the epoch; \
                         without it, it is above 0 at the start and uniformly worse (paper, Figure 1).";

/// Below this share of SGD's variance a ratio counts as zero to rounding.
const ROUNDING: f64 = 1e-6;

fn cells(settings: &Settings, _minibatches: usize) -> Vec<Cell> {
    let deciles = Measures::variance(Places::Deciles, settings.every);
    let pair = |seed| {
        [Locking::Locked, Locking::Unlocked]
            .map(|locking| Cell { measures: deciles, ..stored(settings, locking, seed) })
    };
    settings.seeds.iter().copied().flat_map(pair).collect()
}

/// The ratio through each epoch, locked and not.
pub fn figures(result: &ExperimentResult) -> Result<Vec<Figure>, FigureError> {
    let title = result.heading("Transform locking");
    let svg = figure(&title, &result.points)?;
    Ok(vec![("locking", title, svg)])
}

/// Both halves of the claim.
pub fn verdicts(result: &ExperimentResult) -> Vec<Verdict> {
    vec![start(&result.points), order(&result.points)]
}

fn worst(ratios: impl Iterator<Item = f64>, pick: fn(f64, f64) -> f64) -> Option<f64> {
    ratios.reduce(pick)
}

/// Zero at 0 % with locking, and not without.
pub(super) fn start(points: &[Point]) -> Verdict {
    let at_start = |method: &'static str| {
        points.iter().filter(move |p| p.method == method && p.percent == 0.0).filter_map(|p| p.ratio)
    };
    let locked = worst(at_start("svrg-locked"), f64::max);
    let unlocked = worst(at_start("svrg-unlocked"), f64::min);
    let outcome = match (locked, unlocked) {
        (Some(l), Some(u)) if l <= ROUNDING && u > ROUNDING => Outcome::Confirmed,
        (Some(_), Some(_)) => Outcome::Contradicted,
        _ => Outcome::Undecided,
    };
    Verdict {
        id: "C2-start".into(),
        claim: "C2: locked, the variance at 0 % is zero; unlocked, it is not".into(),
        expected: format!("locked ratio ≤ {ROUNDING:e}, unlocked above"),
        measured: format!("locked at most {}, unlocked at least {}", show(locked), show(unlocked)),
        outcome,
        rule: "confirmed when it holds in every epoch and seed measured, contradicted when it fails in one".into(),
    }
}

/// The locked ratio below the unlocked one at every place from epoch 2.
fn order(points: &[Point]) -> Verdict {
    let gains_of = |points: &[Point]| -> Vec<(u64, f64)> {
        let pairs = pairs(points, "svrg-locked", "svrg-unlocked").into_iter();
        pairs.map(|(seed, [locked, unlocked])| (seed, unlocked - locked)).collect()
    };
    let places = distinct(points.iter().map(|point| point.percent)).into_iter().map(|place| {
        let there: Vec<Point> = points.iter().filter(|point| point.percent == place).cloned().collect();
        Estimate::of_runs(&gains_of(&there)).sign()
    });
    let reversed = places.filter(|&outcome| outcome == Outcome::Contradicted).count();
    let gains = gains_of(points);
    let worse = gains.iter().filter(|(_, gain)| *gain <= 0.0).count();
    Verdict {
        id: "C2-throughout".into(),
        claim: "C2: the locked ratio is below the unlocked one throughout (from epoch 2)".into(),
        expected: "at every place".into(),
        measured: format!("at {} of {} places", gains.len() - worse, gains.len()),
        outcome: match (gains.len(), worse, reversed) {
            (0, ..) => Outcome::Undecided,
            (_, 0, _) => Outcome::Confirmed,
            (.., 0) => Outcome::Undecided,
            _ => Outcome::Contradicted,
        },
        rule: format!(
            "confirmed when every pair of the same seed, epoch and place agrees, contradicted when at some place the 95 % \
             interval (Student's t) of unlocked less locked, over epochs and seeds, lies below 0; {SEEDS}; needs two epochs"
        ),
    }
}

fn show(value: Option<f64>) -> String {
    value.map_or_else(|| "not measured".into(), |v| format!("{v:.3e}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::made_up::point;

    fn check(locked: [f64; 2], unlocked: [f64; 2], expected: [Outcome; 2]) {
        let mut points = Vec::new();
        for (i, percent) in [0.0, 50.0].into_iter().enumerate() {
            for (epoch, wave) in [(2, 1.0), (3, 1.01)] {
                points.push(Point { percent, ..point("svrg-locked", epoch, wave * locked[i]) });
                points.push(Point { percent, ..point("svrg-unlocked", epoch, wave * unlocked[i]) });
            }
        }
        let outcomes: Vec<Outcome> = [start(&points), order(&points)].map(|v| v.outcome).to_vec();
        assert_eq!(outcomes, expected);
    }

    /// Pooled, the eight epochs would decide; two seeds do not.
    #[test]
    fn epochs_of_one_run_are_not_independent() {
        let mut points = Vec::new();
        for (seed, locked) in [(0, 1.2), (1, 1.6)] {
            for (method, ratio) in [("svrg-locked", locked), ("svrg-unlocked", 1.0)] {
                points.extend((2..6).map(|epoch| Point { seed, ..point(method, epoch, ratio) }));
            }
        }
        assert_eq!(order(&points).outcome, Outcome::Undecided);
    }

    #[test]
    fn verdicts_can_go_either_way() {
        check([0.0, 0.4], [0.8, 1.0], [Outcome::Confirmed, Outcome::Confirmed]);
        check([0.1, 0.4], [0.8, 1.0], [Outcome::Contradicted, Outcome::Confirmed]);
        check([0.0, 1.4], [0.8, 1.0], [Outcome::Confirmed, Outcome::Contradicted]);
        // An exception that is within the noise.
        let mut points: Vec<Point> = Vec::new();
        for (epoch, locked) in [(2, 0.4), (3, 1.1), (4, 0.5)] {
            points.extend([point("svrg-locked", epoch, locked), point("svrg-unlocked", epoch, 1.0)]);
        }
        assert_eq!(order(&points).outcome, Outcome::Undecided);
        assert_eq!([start(&[]), order(&[])].map(|v| v.outcome), [Outcome::Undecided; 2]);
    }
}
