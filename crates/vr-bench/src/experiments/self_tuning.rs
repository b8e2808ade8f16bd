//! S: with a coefficient that is estimated on the way, SVRG's direction never has more variance than SGD's, and where SVRG's has less, about
//! as little. Not the paper's: its answer.

use vr_optim::estimators::self_tuning::switch::SwitchRule;
use vr_optim::{EstimatorConfig, SelfTuningConfig, SnapshotGradients, SvrgConfig};

use super::Experiment;
use crate::cell::Cell;
use crate::figures::FigureError;
use crate::figures::tuning::tuning as figure;
use crate::measure::Measures;
use crate::paper::methods::cell;
use crate::results::{ExperimentResult, pairs};
use crate::run_dir::Figure;
use crate::settings::{Model, Settings};
use crate::verdict::Verdict;
use crate::verdict::estimate::{Estimate, INTERVAL};
use crate::verdict::finding::Finding;
use crate::verdict::scale::LeastScale;

/// SVRG, the same with the estimated coefficient, and with the switch as well.
pub const EXPERIMENT: Experiment = Experiment {
    name: "self-tuning",
    summary: "Variance with an estimated coefficient, which keeps to SGD where it does not pay",
    claim: CLAIM,
    model: Model::LENET,
    models: &[],
    settings: Settings::of,
    cells,
    figures,
    verdicts,
    tuning: None,
};

const CLAIM: &str = "With a coefficient that is estimated from the steps before, SVRG's direction never has more variance than SGD's, \
                     and where SVRG's has less, about as little.";

const SVRG: &str = "svrg-stored";
const TUNED: &str = "tuned";

/// What the largest ratio may be.
const WORST: f64 = 1.05;
/// What it may be over SVRG's where that is below 1.
const OVER_SVRG: f64 = 1.1;

const LEAST: LeastScale = LeastScale { epochs: 250, seeds: 3 };

fn cells(settings: &Settings, _minibatches: usize) -> Vec<Cell> {
    let gradients = SnapshotGradients::Stored;
    let tuning = SelfTuningConfig { gradients, ..SelfTuningConfig::default() };
    let methods = [
        (SVRG, EstimatorConfig::Svrg(SvrgConfig { gradients, ..SvrgConfig::default() })),
        (TUNED, EstimatorConfig::SelfTuning(SelfTuningConfig { switch: SwitchRule::Never, ..tuning.clone() })),
        ("self-tuning", EstimatorConfig::SelfTuning(tuning)),
    ];
    let measures = Measures::variance(settings.places, settings.every);
    let of = |seed| methods.clone().map(|(name, estimator)| Cell { measures, ..cell(settings, name, estimator, seed) });
    settings.seeds.iter().copied().flat_map(of).collect()
}

fn figures(result: &ExperimentResult) -> Result<Vec<Figure>, FigureError> {
    let title = result.heading("Estimated coefficient");
    let svg = figure(&title, TUNED, &result.diagnostics.tensors, &result.points)?;
    Ok(vec![("self-tuning", title, svg)])
}

fn verdicts(result: &ExperimentResult) -> Vec<Verdict> {
    vec![no_worse(result), as_good(result)]
}

/// Of each seed the largest ratio at any place.
fn no_worse(result: &ExperimentResult) -> Verdict {
    let worst = |method: &str| {
        let of = |&seed: &u64| {
            let same = result.points.iter().filter(|point| point.method == method && point.seed == seed);
            same.filter_map(|point| point.ratio).reduce(f64::max)
        };
        Estimate::of(&result.seeds.iter().filter_map(of).collect::<Vec<_>>())
    };
    let tuned = worst(TUNED);
    Verdict {
        id: "S-no-worse".into(),
        claim: "S: with the estimated coefficient the variance is nowhere above SGD's".into(),
        expected: format!("the largest ratio at most {WORST}"),
        measured: format!("the largest ratio: {tuned}; SVRG's {}", worst(SVRG)),
        outcome: LEAST.word(result, tuned.n, tuned.less(WORST).negated().sign()),
        rule: LEAST.rule(
            result,
            &format!(
                "the largest ratio of each seed over all places: by the side of {WORST} on which its {INTERVAL} lies"
            ),
        ),
    }
}

/// Of each seed the mean of the logarithm of the ratios' ratio, at the places after the first epoch where SVRG's is below 1.
fn as_good(result: &ExperimentResult) -> Verdict {
    let both = pairs(&result.points, TUNED, SVRG).into_iter();
    let reduced = both.filter(|(_, [tuned, svrg])| *svrg > 0.0 && *svrg < 1.0 && *tuned > 0.0);
    let over = Estimate::of_runs(&reduced.map(|(seed, [tuned, svrg])| (seed, (tuned / svrg).ln())).collect::<Vec<_>>());
    let finding = if over.n == 0 { Finding::Open } else { over.less(OVER_SVRG.ln()).negated().sign() };
    Verdict {
        id: "S-as-good".into(),
        claim: "S: where SVRG has less variance than SGD, the estimated coefficient leaves about as little".into(),
        expected: format!("at most {OVER_SVRG} times SVRG's"),
        measured: format!("over SVRG's: {}", over.exponential()),
        outcome: LEAST.word(result, over.n, finding),
        rule: LEAST.rule(
            result,
            &format!(
                "geometric mean of the tuned ratio over SVRG's, at the places after the first epoch where SVRG's is \
                 below 1, a mean for each seed: by the side of {OVER_SVRG} on which its {INTERVAL} lies"
            ),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::{Point, made_up};
    use crate::verdict::Outcome;

    fn outcomes(tuned: f64, svrg: f64, seeds: u64) -> Vec<Outcome> {
        let point = |method: &str, seed: u64, percent, ratio: f64| Point {
            seed,
            percent,
            ..made_up::point(method, 2, ratio * (1.0 + 0.01 * seed as f64))
        };
        let of = |seed| {
            [33.0, 100.0].map(|percent| [point(TUNED, seed, percent, tuned), point(SVRG, seed, percent, svrg)]).concat()
        };
        let points = (0..seeds).flat_map(of).collect();
        let seeds = (0..seeds).collect();
        let result = ExperimentResult { points, seeds, ..made_up::result("lenet") };
        verdicts(&result).into_iter().map(|verdict| verdict.outcome).collect()
    }

    #[test]
    fn each_can_go_every_way() {
        assert_eq!(outcomes(0.4, 0.5, 3), [Outcome::Confirmed, Outcome::Confirmed]);
        assert_eq!(outcomes(0.7, 0.5, 3), [Outcome::Confirmed, Outcome::Contradicted]);
        assert_eq!(outcomes(1.3, 2.5, 3), [Outcome::Contradicted, Outcome::Undecided]);
        assert_eq!(outcomes(1.04, 2.5, 3)[0], Outcome::Undecided);
        assert_eq!(outcomes(0.4, 0.5, 1), [Outcome::OneRunFor; 2]);
        assert_eq!(outcomes(0.4, 0.5, 0), [Outcome::Undecided; 2]);
    }
}
