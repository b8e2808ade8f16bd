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
use crate::verdict::estimate::{Estimate, INTERVAL};
use crate::verdict::finding::{Finding, HOLM, Test, together};
use crate::verdict::scale::LeastScale;
use crate::verdict::{Outcome, Verdict};

/// Figure 1.
pub const EXPERIMENT: Experiment = Experiment {
    name: "locking",
    summary: "Variance with and without transform locking (Figure 1)",
    claim: CLAIM,
    model: Model::LENET,
    models: &[],
    settings: Settings::of,
    cells,
    figures,
    verdicts,
    tuning: None,
};

const CLAIM: &str = "With transform locking the SVRG step's variance starts at 0 and grows through the epoch; \
                         without it, it is above 0 at the start and uniformly worse (paper, Figure 1).";

/// As long as the released script behind Figure 1.
const LEAST: LeastScale = LeastScale { epochs: 3, seeds: 3 };
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

/// The check at the snapshot, and the claim.
pub fn verdicts(result: &ExperimentResult) -> Vec<Verdict> {
    vec![start(&result.points), grows(result), order(result)]
}

/// Zero at 0 % with locking, whatever is trained: there the iterate is the snapshot.
pub(super) fn start(points: &[Point]) -> Verdict {
    let ratios: Vec<f64> = points
        .iter()
        .filter(|point| point.method == "svrg-locked" && point.percent == 0.0)
        .filter_map(|point| point.ratio)
        .collect();
    let zero = ratios.iter().filter(|&&ratio| ratio <= ROUNDING).count();
    Verdict {
        id: "C2-start".into(),
        claim: "check: with locked transforms the variance at the snapshot is zero".into(),
        expected: format!("ratio ≤ {ROUNDING:e} at 0 %"),
        measured: format!("at most {}", show(ratios.iter().copied().reduce(f64::max))),
        outcome: Outcome::of_check(zero, ratios.len()),
        rule: "passed when it holds in every epoch and seed measured".into(),
    }
}

/// The logarithms of the locked ratio after the start of an epoch, from epoch 2, with their points.
pub(super) fn locked(result: &ExperimentResult) -> impl Iterator<Item = (&Point, f64)> {
    let points = result.points.iter().filter(|p| p.method == "svrg-locked" && p.epoch > 1 && p.percent > 0.0);
    points.filter_map(|point| Some((point, point.ratio?.ln()))).filter(|(_, log)| log.is_finite())
}

/// What the logarithm of the locked ratio gains from the first place after the snapshot to the end of the epoch.
pub(super) fn growth(result: &ExperimentResult) -> Estimate {
    let at = |percent: f64| locked(result).filter(move |(point, _)| point.percent == percent);
    let first = locked(result).map(|(point, _)| point.percent).fold(f64::INFINITY, f64::min);
    let factors: Vec<(u64, f64)> = at(first)
        .filter_map(|(early, before)| {
            let (_, after) = at(100.0).find(|(late, _)| (late.seed, late.epoch) == (early.seed, early.epoch))?;
            Some((early.seed, after - before))
        })
        .collect();
    Estimate::of_runs(&factors)
}

/// What [`growth`] is.
pub(super) const GROWTH: &str =
    "logarithm of the locked ratio at 100 % less that at the first place after 0 %, its mean over epochs";

fn grows(result: &ExperimentResult) -> Verdict {
    let factor = growth(result);
    Verdict {
        id: "C2-growth".into(),
        claim: "C2: the locked ratio grows through the epoch (from epoch 2)".into(),
        expected: "at its end above that soon after the snapshot".into(),
        measured: format!("× {}", factor.exponential()),
        outcome: LEAST.word(result, factor.n, factor.sign()),
        rule: LEAST.rule(result, &format!(
            "{GROWTH}, one value for each seed: for when its {INTERVAL} lies above 0, against when below; from epoch 2"
        )),
    }
}

/// Whether the locked ratio lies below the unlocked one at every place from epoch 2: the seeds, what they say, and the
/// count of places and pairs.
pub(super) fn throughout(result: &ExperimentResult) -> (usize, Finding, String) {
    let gains_at = |place: f64| -> Vec<(u64, f64)> {
        let there: Vec<Point> = result.points.iter().filter(|point| point.percent == place).cloned().collect();
        let pairs = pairs(&there, "svrg-locked", "svrg-unlocked").into_iter();
        pairs.map(|(seed, [locked, unlocked])| (seed, unlocked - locked)).collect()
    };
    let places: Vec<_> = distinct(result.points.iter().map(|point| point.percent)).into_iter().map(gains_at).collect();
    let tests: Vec<Test> =
        places.iter().filter(|gains| !gains.is_empty()).map(|gains| Estimate::of_runs(gains).above()).collect();
    let gains: Vec<f64> = places.iter().flatten().map(|&(_, gain)| gain).collect();
    let seeds = tests.iter().map(|test| test.n).min().unwrap_or(0);
    let counts = format!(
        "on the mean at {} of {} places, in {} of {} pairs (n = {seeds})",
        tests.iter().filter(|test| test.holds).count(),
        tests.len(),
        gains.iter().filter(|&&gain| gain > 0.0).count(),
        gains.len()
    );
    (seeds, together(&tests), counts)
}

pub(super) fn order(result: &ExperimentResult) -> Verdict {
    let (seeds, finding, measured) = throughout(result);
    Verdict {
        id: "C2-throughout".into(),
        claim: "C2: the locked ratio is below the unlocked one throughout (from epoch 2)".into(),
        expected: "at every place".into(),
        measured,
        outcome: LEAST.word(result, seeds, finding),
        rule: LEAST.rule(result, &format!(
            "unlocked less locked ratio in pairs of the same seed, epoch and place, a mean for each seed: for when its \
             {INTERVAL} lies above 0 at every place, against when below at one, {HOLM}; from epoch 2"
        )),
    }
}

fn show(value: Option<f64>) -> String {
    value.map_or_else(|| "not measured".into(), |v| format!("{v:.3e}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::made_up::point;

    fn judged(points: Vec<Point>) -> Outcome {
        order(&ExperimentResult { points, ..crate::results::made_up::result("lenet") }).outcome
    }

    /// Three seeds, two epochs, the places 0 and 50 %, each seed a little apart.
    fn check(locked: [f64; 2], unlocked: [f64; 2], expected: [Outcome; 2]) {
        let mut points = Vec::new();
        for seed in 0..3 {
            let wave = 1.0 + 0.01 * seed as f64;
            for (i, percent) in [0.0, 50.0].into_iter().enumerate() {
                for epoch in [2, 3] {
                    points.push(Point { seed, percent, ..point("svrg-locked", epoch, wave * locked[i]) });
                    points.push(Point { seed, percent, ..point("svrg-unlocked", epoch, wave * unlocked[i]) });
                }
            }
        }
        assert_eq!([start(&points).outcome, judged(points)], expected);
    }

    fn pairs_of(locked: &[(u64, f64)]) -> Vec<Point> {
        let both = |&(seed, locked): &(u64, f64)| {
            (2..6).flat_map(move |epoch| {
                [("svrg-locked", locked), ("svrg-unlocked", 1.0)]
                    .map(|(method, ratio)| Point { seed, ..point(method, epoch, ratio) })
            })
        };
        locked.iter().flat_map(both).collect()
    }

    /// Pooled, the eight epochs would decide; two seeds do not.
    #[test]
    fn epochs_of_one_run_are_not_independent() {
        assert_eq!(judged(pairs_of(&[(0, 1.2), (1, 1.6)])), Outcome::Undecided);
    }

    #[test]
    fn growth_can_go_either_way() {
        let judged = |growth: f64, seeds| {
            let of_seed = |seed: u64| {
                let wave = 1.0 + 0.01 * seed as f64;
                [(10.0, 0.2), (50.0, 0.1), (100.0, 0.2 * growth * wave)].map(|(percent, ratio)| Point {
                    seed,
                    percent,
                    ..point("svrg-locked", 2, ratio)
                })
            };
            let points = (0..seeds).flat_map(of_seed).collect();
            grows(&ExperimentResult { points, ..crate::results::made_up::result("lenet") }).outcome
        };
        assert_eq!(judged(3.0, 3), Outcome::Confirmed);
        assert_eq!(judged(0.5, 3), Outcome::Contradicted);
        assert_eq!(judged(1.0, 3), Outcome::Undecided);
        assert_eq!(judged(3.0, 1), Outcome::OneRunFor);
    }

    #[test]
    fn one_seed_confirms_nothing() {
        assert_eq!(judged(pairs_of(&[(0, 0.5)])), Outcome::OneRunFor);
        assert_eq!(judged(pairs_of(&[(0, 1.5)])), Outcome::OneRunAgainst);
        assert_eq!(judged(pairs_of(&[(0, 0.5), (1, 0.51)])), Outcome::TendencyFor);
    }

    #[test]
    fn verdicts_can_go_either_way() {
        check([0.0, 0.4], [0.8, 1.0], [Outcome::Passed, Outcome::Confirmed]);
        check([0.1, 0.4], [0.8, 1.0], [Outcome::Failed, Outcome::Confirmed]);
        check([0.0, 1.4], [0.8, 1.0], [Outcome::Passed, Outcome::Contradicted]);
        // An exception that is within the noise.
        assert_eq!(judged(pairs_of(&[(0, 0.4), (1, 1.1), (2, 0.5)])), Outcome::Undecided);
        assert_eq!([start(&[]).outcome, judged(vec![])], [Outcome::Undecided; 2]);
    }
}
