//! The paper's story within a minute, on an embedded set of pictures that LeNet learns.
//!
//! Its claims are about that set at this scale. What they say of CIFAR-10, the other experiments judge.

use vr_optim::{Locking, NormPolicy};

use super::{Experiment, bn_reset, drawn, locking, variance_ratio};
use crate::cell::Cell;
use crate::figures::FigureError;
use crate::measure::{Measures, Places};
use crate::paper::methods::stored;
use crate::results::ExperimentResult;
use crate::run_dir::Figure;
use crate::settings::{Model, Settings};
use crate::verdict::estimate::{Estimate, INTERVAL};
use crate::verdict::finding::Finding;
use crate::verdict::{Outcome, Verdict, scale};

/// The four effects at once.
pub const EXPERIMENT: Experiment = Experiment {
    name: "quick",
    summary: "The paper's story on the embedded set, in a minute",
    claim: CLAIM,
    model: Model::LENET,
    models: &[],
    settings,
    cells,
    figures,
    verdicts,
    tuning: None,
};

const CLAIM: &str = "SVRG's variance is zero at the snapshot and grows through the epoch; transform locking keeps it below \
                     the unlocked one; naive batch-norm statistics cost test error; a drop of the learning rate lowers the \
                     variance ratio (paper, sections 3 to 5).";

/// From so many seeds on an effect on the embedded set is confirmed or contradicted.
const SEEDS: usize = 3;

/// What is run unless told otherwise: LeNet learns, its rate drops, and four seeds decide every effect more often than not.
fn settings(model: Model) -> Settings {
    Settings {
        train_size: Some(7_000),
        epochs: 6,
        schedule_epochs: 6,
        learning_rate: Some(0.02),
        seeds: (0..4).collect(),
        every: 3,
        // So small a network keeps cores busier by itself on each than shared out over them.
        jobs: 2,
        ..Settings::of(model)
    }
}

fn cells(settings: &Settings, _minibatches: usize) -> Vec<Cell> {
    let measures = Measures::variance(Places::Paper, settings.every);
    let of_seed = |seed| {
        let variance = |locking| Cell { measures, ..stored(settings, locking, seed) };
        [variance(Locking::Locked), variance(Locking::Unlocked), bn_reset::both(settings, seed)]
    };
    settings.seeds.iter().copied().flat_map(of_seed).collect()
}

fn figures(result: &ExperimentResult) -> Result<Vec<Figure>, FigureError> {
    let parts = [locking::figures, bn_reset::figures, variance_ratio::figures];
    let drawn = parts.iter().map(|figures| drawn(figures(result))).collect::<Result<Vec<_>, _>>()?;
    Ok(drawn.into_iter().flatten().collect())
}

fn verdicts(result: &ExperimentResult) -> Vec<Verdict> {
    vec![locking::start(&result.points), growth(result), order(result), naive(result), drop(result)]
}

/// The word for what so many seeds say of the embedded set.
fn word(n: usize, finding: Finding) -> Outcome {
    scale::word(n, finding, n >= SEEDS)
}

fn rule(statistic: &str) -> String {
    format!(
        "{statistic}, one value for each seed: by the side of 0 on which its {INTERVAL} lies; a statement about this set and \
         scale alone, confirmed or contradicted with at least {SEEDS} seeds"
    )
}

/// From the first place after the snapshot to the last of the epoch.
fn growth(result: &ExperimentResult) -> Verdict {
    let factor = locking::growth(result);
    Verdict {
        id: "Q-growth".into(),
        claim: "the variance ratio grows through the epoch".into(),
        expected: "at its end above that soon after the snapshot".into(),
        measured: format!("× {}", factor.exponential()),
        outcome: word(factor.n, factor.sign()),
        rule: rule(locking::GROWTH),
    }
}

/// The locked ratio against the unlocked one.
fn order(result: &ExperimentResult) -> Verdict {
    let (n, finding, measured) = locking::throughout(result);
    Verdict {
        id: "Q-locking".into(),
        claim: "locking keeps the ratio below the unlocked one at every place".into(),
        expected: "at every place".into(),
        measured,
        outcome: word(n, finding),
        rule: rule("unlocked less locked ratio at each place, by Holm's method over places"),
    }
}

/// The test error of naive statistics against reset ones.
fn naive(result: &ExperimentResult) -> Verdict {
    let cost = bn_reset::naive_cost(result);
    let last =
        result.epochs.iter().filter(|row| row.epoch == result.epochs_run && row.policy == Some(NormPolicy::Reset));
    let errors: Vec<f64> = last.map(|row| row.test_error).collect();
    Verdict {
        id: "Q-naive".into(),
        claim: "naive batch-norm statistics cost test error".into(),
        expected: "naive above reset".into(),
        measured: format!("{cost} points; reset ones end at {} %", Estimate::of(&errors)),
        outcome: word(cost.n, cost.sign()),
        rule: rule("test error with naive statistics less that with reset ones in the same run, its mean over epochs"),
    }
}

/// The locked ratio before the first drop of the learning rate against that after it.
fn drop(result: &ExperimentResult) -> Verdict {
    let first = result.schedule.drops.iter().copied().fold(f64::INFINITY, f64::min);
    let seeds = result.seeds.iter().filter_map(|&seed| {
        let mean = |after: bool| {
            let side =
                locking::locked(result).filter(|(p, _)| p.seed == seed && (p.epoch as f64 - 1.0 >= first) == after);
            // The epoch in which the rate drops belongs to neither side.
            let whole = side.filter(|(p, _)| after || p.epoch as f64 <= first);
            let logs: Vec<f64> = whole.map(|(_, log)| log).collect();
            (!logs.is_empty()).then(|| Estimate::of(&logs).mean)
        };
        Some((seed, mean(false)? - mean(true)?))
    });
    let fall = Estimate::of_runs(&seeds.collect::<Vec<_>>());
    Verdict {
        id: "Q-drop".into(),
        claim: "a drop of the learning rate lowers the variance ratio".into(),
        expected: "before it above after it".into(),
        measured: format!("before over after × {}", fall.exponential()),
        outcome: word(fall.n, fall.sign()),
        rule: rule(
            "mean logarithm of the locked ratio over places and epochs before the first drop less that after it",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::made_up::{self, point, row};
    use crate::results::{EpochRow, Point};

    /// Seeds a little apart; the factors of growth, locking, naive statistics' cost in points, and the drop.
    fn made_up(seeds: u64, [grown, unlocked, cost, fall]: [f64; 4]) -> ExperimentResult {
        let mut result = made_up::result("lenet");
        (result.seeds, result.epochs_run) = ((0..seeds).collect(), 6);
        result.schedule.drops = vec![3.6, 5.4];
        for seed in 0..seeds {
            let wave = 1.0 + 0.01 * (seed % 3) as f64;
            for (epoch, level) in [(3, 0.2), (6, 0.2 / fall.powf(wave))] {
                for (percent, place) in [(0.0, 1e-17), (2.0, level), (100.0, level * grown.powf(wave))] {
                    let of = |method, ratio| Point { seed, percent, ..point(method, epoch, ratio) };
                    result.points.push(of("svrg-locked", place));
                    result.points.push(of("svrg-unlocked", place * unlocked * wave));
                }
                let of =
                    |policy, error| EpochRow { policy: Some(policy), ..row("svrg-recomputed", seed, epoch, error) };
                result.epochs.push(of(NormPolicy::Reset, 40.0));
                result.epochs.push(of(NormPolicy::Naive, 40.0 + cost * wave));
            }
        }
        result
    }

    fn check(seeds: u64, effects: [f64; 4], expected: Outcome) {
        let found = verdicts(&made_up(seeds, effects));
        let outcomes: Vec<Outcome> = found.iter().map(|verdict| verdict.outcome).collect();
        assert_eq!(outcomes[0], Outcome::Passed);
        assert_eq!(outcomes[1..], [expected; 4], "{found:#?}");
    }

    #[test]
    fn every_effect_can_be_confirmed_and_contradicted() {
        let (for_all, against_all) = ([3.0, 2.0, 1.5, 10.0], [0.3, 0.5, -1.5, 0.1]);
        check(4, for_all, Outcome::Confirmed);
        check(4, against_all, Outcome::Contradicted);
        check(1, for_all, Outcome::OneRunFor);
        check(1, against_all, Outcome::OneRunAgainst);
    }

    #[test]
    fn nothing_measured_decides_nothing() {
        let outcomes: Vec<_> = verdicts(&made_up::result("lenet")).into_iter().map(|v| v.outcome).collect();
        assert_eq!(outcomes, [Outcome::Undecided; 5]);
    }
}
