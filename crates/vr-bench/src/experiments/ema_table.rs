//! C12: with transforms redrawn at every visit, a gradient table whose rows are moving averages of past
//! gradients is the storage-side answer to augmentation: its variance is below that of plain SAGA.

use vr_optim::{EstimatorConfig, Locking, SagaConfig};

use super::Experiment;
use crate::cell::Cell;
use crate::figures::FigureError;
use crate::figures::ratio_and_error::ratio_and_error as figure;
use crate::measure::Measures;
use crate::paper::methods::{cell, sgd};
use crate::results::{ExperimentResult, pairs};
use crate::run_dir::Figure;
use crate::settings::{Model, Settings};
use crate::verdict::Verdict;
use crate::verdict::estimate::{Estimate, INTERVAL};
use crate::verdict::finding::{Finding, HOLM, each};
use crate::verdict::scale::LeastScale;

/// SAGA against averaged rows.
pub const EXPERIMENT: Experiment = Experiment {
    name: "ema-table",
    summary: "SAGA and tables of averaged gradients, transforms redrawn",
    claim: CLAIM,
    model: Model::LENET,
    models: &[],
    settings: Settings::of,
    cells,
    figures,
    verdicts,
    tuning: None,
};

const CLAIM: &str = "With transforms redrawn at every visit, rows that are moving averages of past gradients lower the \
                     variance below that of SAGA, whose rows hold the last gradient alone (paper, after MISO).";

const SAGA: &str = "saga";
/// Weights of a new gradient in its row.
const WEIGHTS: [f64; 2] = [0.5, 0.2];

const LEAST: LeastScale = LeastScale { epochs: 10, seeds: 5 };

fn method(weight: f64) -> String {
    format!("ema-{weight}")
}

fn cells(settings: &Settings, _minibatches: usize) -> Vec<Cell> {
    let table = |name: &str, weight, seed| Cell {
        locking: Locking::Unlocked,
        measures: Measures::variance(settings.places, settings.every),
        ..cell(settings, name, EstimatorConfig::Saga(SagaConfig { weight, seed, ..SagaConfig::default() }), seed)
    };
    let of_seed = |seed| {
        let averaged = WEIGHTS.map(|weight| table(&method(weight), weight, seed));
        [sgd(settings, seed), table(SAGA, 1.0, seed)].into_iter().chain(averaged)
    };
    settings.seeds.iter().copied().flat_map(of_seed).collect()
}

fn figures(result: &ExperimentResult) -> Result<Vec<Figure>, FigureError> {
    let title = result.heading("Tables of averaged gradients");
    let svg = figure(&title, &result.points, &result.epochs)?;
    Ok(vec![("ema-table", title, svg)])
}

fn verdicts(result: &ExperimentResult) -> Vec<Verdict> {
    let gains = WEIGHTS.map(|weight| gain(result, weight));
    let findings = each(&gains.map(|gain| gain.above()));
    let verdict = |((weight, gain), finding)| below(result, weight, gain, finding);
    WEIGHTS.into_iter().zip(gains).zip(findings).map(verdict).collect()
}

/// The logarithm of SAGA's ratio over that of rows averaged with a weight.
fn gain(result: &ExperimentResult, weight: f64) -> Estimate {
    let pairs = pairs(&result.points, SAGA, &method(weight)).into_iter();
    let both = pairs.filter(|(_, [saga, averaged])| saga.min(*averaged) > 0.0);
    Estimate::of_runs(&both.map(|(seed, [saga, averaged])| (seed, (saga / averaged).ln())).collect::<Vec<_>>())
}

fn below(result: &ExperimentResult, weight: f64, gain: Estimate, finding: Finding) -> Verdict {
    Verdict {
        id: format!("C12-{}", method(weight)),
        claim: format!("C12: rows that average with weight {weight} have less variance than SAGA's"),
        expected: "SAGA's variance ratio above".into(),
        measured: format!("SAGA's ratio over it: {}", gain.exponential()),
        outcome: LEAST.word(result, gain.n, finding),
        rule: LEAST.rule(result, &format!(
            "logarithm of SAGA's ratio over the other's with the same seed at the same place, its mean over places and \
             epochs after the first, one for each seed: by the side of 0 on which its {INTERVAL} lies, {HOLM} (here \
             weights)"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::Point;
    use crate::results::made_up::{self, point};
    use crate::verdict::Outcome;

    fn outcomes(result: &ExperimentResult) -> Vec<Outcome> {
        verdicts(result).into_iter().map(|verdict| verdict.outcome).collect()
    }

    /// Pooled, the eight epochs would decide; two seeds do not.
    #[test]
    fn epochs_of_one_run_are_not_independent() {
        let mut result = made_up::result("lenet");
        for (seed, averaged) in [(0, 0.5), (1, 0.8)] {
            for (method, ratio) in [(SAGA, 1.0), ("ema-0.5", averaged), ("ema-0.2", averaged)] {
                result.points.extend((2..6).map(|epoch| Point { seed, ..point(method, epoch, ratio) }));
            }
        }
        assert_eq!(outcomes(&result), [Outcome::Undecided; 2]);
    }

    #[test]
    fn the_verdict_can_go_every_way() {
        let mut result = made_up::result("lenet");
        for seed in 0..5 {
            let wave = 1.0 + 0.1 * seed as f64;
            let of_seed = |method, ratio| Point { seed, ..point(method, 2, ratio) };
            result.points.push(of_seed(SAGA, 1.4 * wave));
            result.points.push(of_seed("ema-0.5", 1.2 * wave * wave));
            result.points.push(of_seed("ema-0.2", 2.9 * wave));
        }
        assert_eq!(outcomes(&result)[1], Outcome::Contradicted);
        result.points.iter_mut().filter(|p| p.method == "ema-0.2").for_each(|p| p.ratio = Some(0.9));
        assert_eq!(outcomes(&result)[0], Outcome::Undecided);
        assert_eq!(outcomes(&result)[1], Outcome::Confirmed);
        assert_eq!(outcomes(&made_up::result("lenet")), [Outcome::Undecided; 2]);
    }
}
