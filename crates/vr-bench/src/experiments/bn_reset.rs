//! C3: with recomputation, statistics that average over both the iterate and the snapshot give poor test results, and
//! evaluation mode at the snapshot adds variance; restoring the statistics after every evaluation there (the reset) mends it.

use vr_optim::{EstimatorConfig, NormPolicy, NormRule, SvrgConfig};

use super::Experiment;
use crate::cell::Cell;
use crate::figures::FigureError;
use crate::figures::bn_reset::bn_reset as figure;
use crate::measure::{Measures, Places};
use crate::paper::methods::{cell, recomputed};
use crate::results::{EpochRow, ExperimentResult, pairs};
use crate::run_dir::Figure;
use crate::settings::{Model, Settings};
use crate::verdict::Verdict;
use crate::verdict::estimate::{Estimate, INTERVAL};
use crate::verdict::scale::LeastScale;

/// The remedy of section 3.
pub const EXPERIMENT: Experiment = Experiment {
    name: "bn-reset",
    summary: "Test error with naive and with reset batch-norm statistics",
    claim: CLAIM,
    model: Model::LENET,
    models: &[],
    settings: Settings::of,
    cells,
    figures,
    verdicts,
    tuning: None,
};

const CLAIM: &str = "Batch-norm statistics averaged over both the iterate and the snapshot give poor test results, and \
                     evaluation mode at the snapshot adds variance; restoring the statistics after every evaluation at \
                     the snapshot mends it (paper, section 3).";

const LEAST: LeastScale = LeastScale { epochs: 10, seeds: 5 };

const TRAIN_MODE: &str = "svrg-recomputed";
const EVALUATION_MODE: &str = "svrg-evaluation-mode";

fn cells(settings: &Settings, _minibatches: usize) -> Vec<Cell> {
    let measures = Measures::variance(Places::Paper, settings.every);
    let of_seed = |seed| [both(settings, seed), evaluation_mode(settings, seed)].map(|cell| Cell { measures, ..cell });
    settings.seeds.iter().copied().flat_map(of_seed).collect()
}

/// SVRG with recomputation whose control variate is evaluated with the running statistics.
fn evaluation_mode(settings: &Settings, seed: u64) -> Cell {
    let svrg = SvrgConfig { snapshot_norm: NormRule::Current, ..SvrgConfig::default() };
    cell(settings, EVALUATION_MODE, EstimatorConfig::Svrg(svrg), seed)
}

/// SVRG with recomputation, with reset and naive statistics side by side.
pub fn both(settings: &Settings, seed: u64) -> Cell {
    Cell { policies: vec![NormPolicy::Reset, NormPolicy::Naive], ..recomputed(settings, seed) }
}

fn rows(result: &ExperimentResult) -> Vec<EpochRow> {
    result.epochs.iter().filter(|row| row.policy.is_some()).cloned().collect()
}

/// Loss and error of both.
pub fn figures(result: &ExperimentResult) -> Result<Vec<Figure>, FigureError> {
    let title = result.heading("Batch-norm reset");
    let svg = figure(&title, &rows(result))?;
    Ok(vec![("bn-reset", title, svg)])
}

/// Both halves of the claim, as far as they were measured.
pub fn verdicts(result: &ExperimentResult) -> Vec<Verdict> {
    let mut verdicts = vec![naive(result)];
    if result.points.iter().any(|point| point.method == EVALUATION_MODE) {
        verdicts.push(evaluation(result));
    }
    verdicts
}

/// Test error with naive statistics less that with reset ones, in points: a mean over the epochs of each seed.
pub(super) fn naive_cost(result: &ExperimentResult) -> Estimate {
    let rows = rows(result);
    let pairs: Vec<(u64, f64)> = rows
        .iter()
        .filter(|row| row.policy == Some(NormPolicy::Naive))
        .filter_map(|naive| {
            let same = |row: &&EpochRow| (row.seed, row.epoch) == (naive.seed, naive.epoch);
            let reset = rows.iter().filter(|row| row.policy == Some(NormPolicy::Reset)).find(same)?;
            Some((naive.seed, naive.test_error - reset.test_error))
        })
        .collect();
    Estimate::of_runs(&pairs)
}

fn naive(result: &ExperimentResult) -> Verdict {
    let difference = naive_cost(result);
    Verdict {
        id: "C3-reset".into(),
        claim: "C3: naive batch-norm statistics raise the test error over reset ones".into(),
        expected: "naive above reset".into(),
        measured: format!("naive − reset in points of test error: {difference}"),
        outcome: LEAST.word(result, difference.n, difference.sign()),
        rule: LEAST.rule(result, &format!(
            "difference in the same run, its mean over epochs, one for each seed: by the side of 0 on which its {INTERVAL} \
             lies"
        )),
    }
}

/// The variance with evaluation mode at the snapshot against that with train mode.
fn evaluation(result: &ExperimentResult) -> Verdict {
    let both = pairs(&result.points, TRAIN_MODE, EVALUATION_MODE).into_iter();
    // In train mode the ratio is zero at the snapshot.
    let after = both.filter(|(_, [train, evaluation])| train.min(*evaluation) > 0.0);
    let log = Estimate::of_runs(&after.map(|(seed, [train, other])| (seed, (other / train).ln())).collect::<Vec<_>>());
    Verdict {
        id: "C3-evaluation".into(),
        claim: "C3: evaluation mode at the snapshot adds variance over train mode".into(),
        expected: "a ratio above train mode's".into(),
        measured: format!("its ratio over train mode's {}", log.exponential()),
        outcome: LEAST.word(result, log.n, log.sign()),
        rule: LEAST.rule(result, &format!(
            "logarithm of one variance ratio over the other with the same seed at the same place after the start, its mean \
             over places and epochs after the first, one for each seed: by the side of 0 on which its {INTERVAL} lies"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::Point;
    use crate::results::made_up::{self, point, row};
    use crate::verdict::Outcome;

    /// Runs of so many epochs with these naive errors, against 50 %.
    fn made_up(runs: &[&[f64]]) -> ExperimentResult {
        let row = |seed, policy, epoch, error| EpochRow { policy: Some(policy), ..row("svrg", seed, epoch, error) };
        let mut result = made_up::result("lenet");
        for (seed, run) in (0..).zip(runs) {
            for (epoch, &error) in (1..).zip(*run) {
                result.epochs.push(row(seed, NormPolicy::Reset, epoch, 50.0));
                result.epochs.push(row(seed, NormPolicy::Naive, epoch, error));
            }
        }
        result
    }

    fn check(runs: &[&[f64]], expected: Outcome) {
        assert_eq!(naive(&made_up(runs)).outcome, expected);
    }

    /// Pooled, the six epochs would decide; two seeds do not, and one seed is one run.
    #[test]
    fn epochs_of_one_run_are_not_independent() {
        check(&[&[60.0, 61.0, 60.0], &[54.0, 55.0, 54.0]], Outcome::Undecided);
        check(&[&[60.0, 61.0, 60.0]], Outcome::OneRunFor);
        check(&[&[40.0, 41.0, 40.0]], Outcome::OneRunAgainst);
    }

    #[test]
    fn the_verdict_can_go_every_way() {
        check(&[&[60.0], &[61.0], &[62.0], &[61.5], &[60.5]], Outcome::Confirmed);
        check(&[&[40.0], &[41.0], &[42.0], &[41.5], &[40.5]], Outcome::Contradicted);
        check(&[&[60.0], &[61.0], &[62.0]], Outcome::TendencyFor);
        check(&[&[49.0], &[50.0], &[51.0]], Outcome::Undecided);
        check(&[], Outcome::Undecided);
    }

    #[test]
    fn evaluation_mode_is_held_against_train_mode() {
        let result = |other: f64| {
            let of_seed = |seed| {
                let at = |method, percent, ratio| Point { seed, percent, ..point(method, 2, ratio) };
                let wave = 1.0 + 0.01 * seed as f64;
                [
                    at(TRAIN_MODE, 0.0, 0.0),
                    at(EVALUATION_MODE, 0.0, 0.1),
                    at(TRAIN_MODE, 50.0, 0.5),
                    at(EVALUATION_MODE, 50.0, other * wave),
                ]
            };
            ExperimentResult { points: (0..5).flat_map(of_seed).collect(), ..made_up::result("lenet") }
        };
        let outcome = |other| verdicts(&result(other))[1].outcome;
        assert_eq!([outcome(0.8), outcome(0.2)], [Outcome::Confirmed, Outcome::Contradicted]);
        assert_eq!(verdicts(&made_up::result("lenet")).len(), 1);
    }

    #[test]
    fn the_second_cell_differs_in_the_mode_alone() {
        let cells = cells(&Settings::default(), 391);
        let modes = cells.iter().map(|cell| match &cell.estimator {
            EstimatorConfig::Svrg(svrg) => (cell.method.as_str(), svrg.snapshot_norm),
            other => panic!("{other:?}"),
        });
        let expected = [(TRAIN_MODE, NormRule::Batch), (EVALUATION_MODE, NormRule::Current)];
        assert_eq!(modes.collect::<Vec<_>>(), expected);
    }
}
