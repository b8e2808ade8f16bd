//! C8: more frequent snapshots do not rescue SVRG: what they gain in variance they cost in gradients.

use std::collections::BTreeMap;

use vr_optim::{EstimatorConfig, NormPolicy, SnapshotGradients, SvrgConfig};

use super::Experiment;
use crate::cell::Cell;
use crate::figures::FigureError;
use crate::figures::snapshot_interval::{Interval, snapshot_interval as figure};
use crate::measure::{Measures, Places};
use crate::paper::methods::{cell, snapshot};
use crate::paper::phases::BEFORE;
use crate::results::ExperimentResult;
use crate::run_dir::Figure;
use crate::settings::{Model, Settings};
use crate::verdict::Verdict;
use crate::verdict::estimate::{Estimate, INTERVAL};
use crate::verdict::finding::{HOLM, together};
use crate::verdict::scale::LeastScale;

/// Intervals on both sides of an epoch.
pub const EXPERIMENT: Experiment = Experiment {
    name: "snapshot-interval",
    summary: "Variance ratios with snapshots every 1/8 to 4 epochs",
    claim: CLAIM,
    model: Model::LENET,
    models: &[],
    settings: Settings::of,
    cells,
    figures,
    verdicts,
    tuning: None,
};

const CLAIM: &str = "More frequent snapshots do not rescue SVRG: even after 2 % of an epoch large networks gain at \
                     most about a factor of two, less than a snapshot costs (paper, on Figure 2).";

/// Epochs between snapshots.
const INTERVALS: [f64; 6] = [0.125, 0.25, 0.5, 1.0, 2.0, 4.0];

const LEAST: LeastScale = LeastScale { epochs: 10, seeds: 3 };

fn method(interval: f64) -> String {
    format!("svrg-every-{interval}")
}

/// Minibatch gradients a step with stored ones, the cheapest form: the step's own and its share of the pass.
fn gradients_a_step(interval: f64) -> f64 {
    1.0 + 1.0 / interval
}

fn cells(settings: &Settings, minibatches: usize) -> Vec<Cell> {
    let of = |interval: f64, seed| {
        let svrg = SvrgConfig {
            snapshot: snapshot(settings.version),
            gradients: SnapshotGradients::Stored,
            interval: Some((interval * minibatches as f64).ceil() as u64),
            ..SvrgConfig::default()
        };
        Cell {
            policies: vec![NormPolicy::Naive],
            measures: Measures::variance(Places::Deciles, settings.every),
            ..cell(settings, &method(interval), EstimatorConfig::Svrg(svrg), seed)
        }
    };
    settings.seeds.iter().flat_map(|&seed| INTERVALS.map(|interval| of(interval, seed))).collect()
}

/// The variance ratio averaged over an epoch, by epoch and seed.
fn means(result: &ExperimentResult, method: &str) -> BTreeMap<(usize, u64), f64> {
    let mut ratios: BTreeMap<(usize, u64), Vec<f64>> = BTreeMap::new();
    for point in result.points.iter().filter(|p| p.method == method && p.percent > 0.0) {
        ratios.entry((point.epoch, point.seed)).or_default().extend(point.ratio);
    }
    ratios.retain(|_, ratios| !ratios.is_empty());
    ratios.into_iter().map(|(at, ratios)| (at, ratios.iter().sum::<f64>() / ratios.len() as f64)).collect()
}

fn figures(result: &ExperimentResult) -> Result<Vec<Figure>, FigureError> {
    let title = result.heading("Snapshots every so many epochs");
    let lines = INTERVALS.map(|interval| {
        let means = means(result, &method(interval)).into_iter();
        Interval {
            name: format!("every {interval} epochs"),
            gradients_a_step: gradients_a_step(interval),
            ratios: means.map(|((epoch, _), mean)| (epoch as f64, mean)).collect(),
        }
    });
    let svg = figure(&title, &lines)?;
    Ok(vec![("snapshot-interval", title, svg)])
}

fn verdicts(result: &ExperimentResult) -> Vec<Verdict> {
    vec![rescue(result)]
}

fn rescue(result: &ExperimentResult) -> Verdict {
    let mut listed = Vec::new();
    let mut tests = Vec::new();
    for interval in INTERVALS {
        let cost = gradients_a_step(interval);
        let inside = |epoch: usize| epoch > 1 && BEFORE.contains(result.schedule.as_of_paper(epoch));
        let means = means(result, &method(interval));
        let logs =
            means.iter().filter(|((epoch, _), _)| inside(*epoch)).map(|((_, seed), mean)| (*seed, (mean * cost).ln()));
        let log = Estimate::of_runs(&logs.collect::<Vec<_>>());
        if log.n > 0 {
            let ratio = log.mean.exp() / cost;
            listed.push(format!("every {interval}: {ratio:.2} × {cost} = {}", log.exponential()));
        }
        tests.push(log.above());
    }
    Verdict {
        id: "C8-interval".into(),
        claim: "C8: no interval between snapshots pays for itself".into(),
        expected: "ratio × gradients a step above 1 at every interval".into(),
        measured: if listed.is_empty() { "not measured".into() } else { listed.join("; ") },
        outcome: LEAST.word(result, tests.iter().map(|test| test.n).min().unwrap_or(0), together(&tests)),
        rule: LEAST.rule(result, &format!(
            "the ratio averaged over each epoch, times the gradients a step of SVRG with stored ones, before the first \
             drop but for the first epoch; the mean of its logarithm over epochs, one for each seed: for when its \
             {INTERVAL} lies above 0 at every interval between snapshots, against when below at one, {HOLM} (here \
             intervals)"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::{
        Point,
        made_up::{self, point},
    };
    use crate::verdict::Outcome;

    /// Every interval with its ratio, for epochs 10 to 13 of a run for each function.
    fn check(ratios: &[fn(f64) -> f64], expected: Outcome) {
        let mut points = Vec::new();
        for (seed, ratio) in (0..).zip(ratios) {
            for interval in INTERVALS {
                points.extend((10..=13).map(|e| Point {
                    seed,
                    percent: 50.0,
                    ..point(&method(interval), e, ratio(interval) * (1.0 + 0.01 * e as f64))
                }));
            }
        }
        let result = ExperimentResult { points, ..made_up::result("lenet") };
        assert_eq!(rescue(&result).outcome, expected);
    }

    /// Pooled, the eight epochs would decide; two seeds do not.
    #[test]
    fn epochs_of_one_run_are_not_independent() {
        check(&[|i| 2.0 / gradients_a_step(i), |i| 4.0 / gradients_a_step(i)], Outcome::Undecided);
    }

    #[test]
    fn the_verdict_can_go_every_way() {
        check(&[|i| i.min(1.0), |i| 1.02 * i.min(1.0), |i| 0.98 * i.min(1.0)], Outcome::Confirmed);
        check(&[|_| 0.2, |_| 0.21, |_| 0.19], Outcome::Contradicted);
        check(&[|interval| interval.min(1.0)], Outcome::OneRunFor);
        assert_eq!(rescue(&made_up::result("lenet")).outcome, Outcome::Undecided);
    }

    #[test]
    fn intervals_are_parts_and_multiples_of_an_epoch() {
        let steps = cells(&Settings::default(), 391).into_iter().map(|cell| match cell.estimator {
            EstimatorConfig::Svrg(config) => config.interval.unwrap(),
            _ => unreachable!(),
        });
        assert_eq!(steps.collect::<Vec<_>>(), [49, 98, 196, 391, 782, 1564]);
    }
}
