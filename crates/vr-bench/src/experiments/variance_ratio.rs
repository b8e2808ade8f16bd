//! C5, C6, Figure 2: SVRG's variance over SGD's at 2, 11, 33 and 100 % of the epoch. Large networks
//! show no reduction for most of each epoch, small ones show some, and each drop of the learning rate helps.

use std::collections::BTreeMap;

use vr_optim::Locking;

use super::Experiment;
use crate::cell::Cell;
use crate::figures::FigureError;
use crate::figures::coefficient::coefficient;
use crate::figures::noise_scale::noise_scale;
use crate::figures::tensors::tensors;
use crate::figures::variance_ratio::{VarianceRatio, variance_ratio as figure};
use crate::measure::Measures;
use crate::paper::methods::stored;
use crate::paper::phases::{BEFORE, BETWEEN, LARGE, PERCENTS, PHASES, Phase, geometric_mean};
use crate::paper::published::{PublishedPoint, published};
use crate::paper::setting::CIFAR10;
use crate::results::{ExperimentResult, Point};
use crate::run_dir::Figure;
use crate::settings::{Model, Settings};
use crate::verdict::estimate::{Estimate, INTERVAL};
use crate::verdict::finding::{HOLM, Test, together};
use crate::verdict::scale::LeastScale;
use crate::verdict::{Outcome, Verdict};

/// Figure 2.
pub const EXPERIMENT: Experiment = Experiment {
    name: "variance-ratio",
    summary: "Variance ratios through training (Figure 2)",
    claim: CLAIM,
    model: Model::LENET,
    models: &[],
    settings: Settings::of,
    cells,
    figures,
    verdicts,
    tuning: None,
};

const CLAIM: &str = "SVRG's variance over SGD's: below 1 is a reduction, about 2 no correlation, and below 1/3 pays \
                     for recomputation. Large networks show no reduction for most of each epoch, small ones some; \
                     drops of the learning rate help everywhere (paper, Figure 2).";

/// The places that stand for most of the epoch.
const MOST: [f64; 3] = [11.0, 33.0, 100.0];
/// Soon after the snapshot, in percent, and the least ratio that is claimed for large networks there.
const SOON: f64 = 2.0;
const SOON_BOUND: f64 = 0.5;
/// A ratio this near 1 counts as 1 to rounding.
const ROUNDING: f64 = 1e-6;
/// Up to this factor, in either direction, a geometric mean is the published one.
const TOLERANCE: f64 = 1.25;

/// Of what is claimed at the first learning rate.
const LEAST: LeastScale = LeastScale { epochs: 10, seeds: 3 };
/// Of the drop: through epochs on both sides of it.
const LEAST_DROP: LeastScale = LeastScale { epochs: 160, seeds: 3 };

fn cells(settings: &Settings, _minibatches: usize) -> Vec<Cell> {
    let measures = Measures::variance(settings.places, settings.every);
    settings.seeds.iter().map(|&seed| Cell { measures, ..stored(settings, Locking::Locked, seed) }).collect()
}

/// The points of locked SVRG that a logarithmic axis can show: at 0 % its ratio is zero by construction.
fn points(result: &ExperimentResult) -> Vec<Point> {
    result.points.iter().filter(|p| p.method == "svrg-locked" && p.percent > 0.0).cloned().collect()
}

/// The ratios through training, over the published ones where the pictures are theirs; the best
/// coefficient; and where in the network the variance lies.
pub fn figures(result: &ExperimentResult) -> Result<Vec<Figure>, FigureError> {
    let title = result.heading("Variance of SVRG over SGD");
    let theirs = if result.data.name.starts_with("CIFAR-10") { published(&result.model) } else { Vec::new() };
    let points = points(result);
    let svg =
        figure(&VarianceRatio { title: &title, points: &points, published: &theirs, schedule: &result.schedule })?;
    let mut figures = vec![("variance-ratio", title, svg)];
    let title = result.heading("Coefficient of least variance");
    let svg = coefficient(&title, &points)?;
    figures.push(("coefficient", title, svg));
    if points.iter().any(|point| point.squared_gradient.is_some()) {
        let title = result.heading("Gradient noise scale");
        let svg = noise_scale(&title, &points, result.batch_size)?;
        figures.push(("noise-scale", title, svg));
    }
    let rows: Vec<_> =
        result.diagnostics.tensors.iter().filter(|row| row.at.method == "svrg-locked").cloned().collect();
    if !rows.is_empty() {
        let title = result.heading("Variance in each tensor");
        let svg = tensors(&title, &rows)?;
        figures.push(("tensors", title, svg));
    }
    Ok(figures)
}

fn verdicts(result: &ExperimentResult) -> Vec<Verdict> {
    let (points, theirs) = (points(result), published(&result.model));
    // The paper shows no ratio of a network for ImageNet.
    if result.setting() != &CIFAR10 {
        return vec![condition(&points)];
    }
    let reached = |phase: &&Phase| PERCENTS.iter().any(|&at| !phase.ratios(&points, &result.schedule, at).is_empty());
    let mut verdicts: Vec<Verdict> =
        PHASES.iter().filter(reached).map(|phase| agreement(result, phase, &points, &theirs)).collect();
    verdicts.extend([condition(&points), throughout(result, &points, &theirs), drop(result, &points, &theirs)]);
    if is_large(result) {
        verdicts.push(soon_after(result, &points, &theirs));
    }
    verdicts
}

fn is_large(result: &ExperimentResult) -> bool {
    LARGE.contains(&result.model.as_str())
}

/// C1, as it stands in the measurements: Var[Y] ≤ 2 Cov[X, Y] says that the best coefficient, Cov[X, Y]/Var[Y], is at
/// least ½. Since the ratio is 1 + Var[Y]/Var[X]·(1 − 2α*), that is an identity, and a check of what measures both.
fn condition(points: &[Point]) -> Verdict {
    let pairs = points.iter().filter_map(|point| Some((point.ratio?, point.optimal_coefficient?)));
    let clear = pairs.filter(|(ratio, _)| (ratio - 1.0).abs() > ROUNDING);
    let agree: Vec<bool> = clear.map(|(ratio, best)| (ratio < 1.0) == (best > 0.5)).collect();
    let count = agree.iter().filter(|&&agrees| agrees).count();
    Verdict {
        id: "C1-condition".into(),
        claim: "check: the variance is lowered exactly where Var[Y] ≤ 2 Cov[X, Y]".into(),
        expected: "at every place measured".into(),
        measured: format!("at {count} of {} places", agree.len()),
        outcome: Outcome::of_check(count, agree.len()),
        rule: format!(
            "passed when the ratio is below 1 wherever the best coefficient Cov/Var[Y] is above ½ and above 1 elsewhere; \
             places within {ROUNDING:e} of 1 do not count"
        ),
    }
}

/// C5: the geometric mean of a phase against the published one, at every place.
fn agreement(result: &ExperimentResult, phase: &Phase, points: &[Point], theirs: &[PublishedPoint]) -> Verdict {
    let (mut listed, mut tests) = (Vec::<String>::new(), Vec::<Test>::new());
    for percent in PERCENTS {
        let factor = factor(result, phase, points, theirs, percent);
        if factor.n > 0 {
            listed.push(format!("{percent} %: ×{}", factor.exponential()));
            tests.push(factor.near(TOLERANCE.ln()));
        }
    }
    let seeds = tests.iter().map(|test| test.n).min().unwrap_or(0);
    let compared = phase.published_beside(theirs, SOON, points, &result.schedule).len();
    let measured = match phase.published(theirs, SOON).len() {
        _ if listed.is_empty() => "no place that was published".into(),
        all if compared < all => format!("{} (at {compared} of the phase's {all} published epochs)", listed.join("; ")),
        _ => listed.join("; "),
    };
    Verdict {
        id: format!("C5-{}", phase.id),
        claim: format!("C5: the published variance ratios, {} of 250", phase.name),
        expected: format!("geometric mean within ×{TOLERANCE} of the published one at every place"),
        measured,
        outcome: LeastScale { epochs: phase.first_epoch(), ..LEAST }.word(result, seeds, together(&tests)),
        rule: LeastScale { epochs: phase.first_epoch(), ..LEAST }.rule(result, &format!(
            "geometric mean over the published one of the same epochs, one for each seed: for when its {INTERVAL} lies \
             within ×{TOLERANCE} at every place, against when outside at one, {HOLM}"
        )),
    }
}

/// The logarithm of our ratio over the published one at a place of a phase: at the epochs that were published, or, where
/// a compressed schedule meets none of them, against the published mean.
fn factor(
    result: &ExperimentResult,
    phase: &Phase,
    points: &[Point],
    theirs: &[PublishedPoint],
    percent: f64,
) -> Estimate {
    let published = phase.published_beside(theirs, percent, points, &result.schedule);
    let Some(mean) = geometric_mean(&published.values().copied().collect::<Vec<_>>()) else {
        return Estimate::of(&[]);
    };
    let ours = || phase.points(points, &result.schedule).filter(|(point, _)| point.percent == percent);
    let same_epoch = ours().filter_map(|(point, ratio)| {
        let epoch = result.schedule.as_of_paper(point.epoch);
        let theirs = published.get(&(epoch as usize)).filter(|_| epoch.fract() == 0.0)?;
        Some((point.seed, (ratio / theirs).ln()))
    });
    let logs: Vec<(u64, f64)> = same_epoch.collect();
    if logs.is_empty() {
        return Estimate::of_runs(&ours().map(|(point, ratio)| (point.seed, (ratio / mean).ln())).collect::<Vec<_>>());
    }
    Estimate::of_runs(&logs)
}

/// The mean logarithm of the ratio at 11, 33 and 100 %, for each epoch and seed before the first drop.
fn most_of_the_epoch(result: &ExperimentResult, points: &[Point]) -> Vec<(u64, f64)> {
    let mut logs: BTreeMap<(u64, usize), Vec<f64>> = BTreeMap::new();
    for (point, ratio) in BEFORE.points(points, &result.schedule).filter(|(point, _)| MOST.contains(&point.percent)) {
        logs.entry((point.seed, point.epoch)).or_default().push(ratio.ln());
    }
    logs.iter().map(|(&(seed, _), logs)| (seed, logs.iter().sum::<f64>() / logs.len() as f64)).collect()
}

/// C6 for one network, before the first drop.
fn throughout(result: &ExperimentResult, points: &[Point], theirs: &[PublishedPoint]) -> Verdict {
    let large = is_large(result);
    let log = Estimate::of_runs(&most_of_the_epoch(result, points));
    let finding = if large { log } else { log.negated() }.sign();
    let beside = |at| BEFORE.published_beside(theirs, at, points, &result.schedule).into_values();
    let theirs: Vec<f64> = MOST.iter().flat_map(|&at| beside(at)).collect();
    let published = geometric_mean(&theirs).map_or_else(String::new, |mean| format!(" (published {mean:.2})"));
    Verdict {
        id: "C6-most-of-the-epoch".into(),
        claim: if large {
            "C6: a large network shows no variance reduction for most of each epoch".into()
        } else {
            "C6: a small network shows some variance reduction for most of each epoch".into()
        },
        expected: format!("ratio over most of the epoch {} 1{published}", if large { "above" } else { "below" }),
        measured: log.exponential(),
        outcome: LEAST.word(result, log.n, finding),
        rule: LEAST.rule(result, &format!(
            "logarithm of the ratio, its mean over 11, 33 and 100 % and epochs (10–140 of 250, not the first), one for \
             each seed: by the side of 0 on which its {INTERVAL} lies"
        )),
    }
}

/// The logarithms of the ratio at a place in the epochs of a phase, each with its seed.
fn log_ratios(result: &ExperimentResult, points: &[Point], phase: &Phase, percent: f64) -> Vec<(u64, f64)> {
    let there = phase.points(points, &result.schedule).filter(|(point, _)| point.percent == percent);
    there.map(|(point, ratio)| (point.seed, ratio.ln())).collect()
}

/// C8: a gain of at most about a factor of two, soon after the snapshot too.
fn soon_after(result: &ExperimentResult, points: &[Point], theirs: &[PublishedPoint]) -> Verdict {
    let log = Estimate::of_runs(&log_ratios(result, points, &BEFORE, SOON));
    let theirs = BEFORE.published_beside(theirs, SOON, points, &result.schedule);
    let published = geometric_mean(&theirs.into_values().collect::<Vec<_>>()).unwrap_or(f64::NAN);
    Verdict {
        id: "C8-soon-after".into(),
        claim: "C8: even at 2 % of the epoch a large network gains at most about a factor of two".into(),
        expected: format!("ratio at {SOON} % above {SOON_BOUND} (published {published:.2})"),
        measured: log.exponential(),
        outcome: LEAST.word(result, log.n, log.less(SOON_BOUND.ln()).sign()),
        rule: LEAST.rule(result, &format!(
            "geometric mean of the ratio over epochs (10–140 of 250, not the first), one for each seed: by the side of \
             {SOON_BOUND} on which its {INTERVAL} lies"
        )),
    }
}

/// C6: the first drop of the learning rate lowers the ratio.
fn drop(result: &ExperimentResult, points: &[Point], theirs: &[PublishedPoint]) -> Verdict {
    let (mut tests, mut listed, mut published) = (Vec::<Test>::new(), Vec::new(), Vec::new());
    for percent in PERCENTS {
        let gain = gain(result, points, percent);
        if gain.n > 0 {
            listed.push(format!("{percent} %: ÷{}", gain.exponential()));
            tests.push(gain.above());
        }
        let theirs = [BEFORE, BETWEEN].map(|phase| geometric_mean(&phase.published(theirs, percent)));
        if let [Some(before), Some(after)] = theirs {
            published.push(format!("{percent} %: ÷{:.1}", before / after));
        }
    }
    Verdict {
        id: "C6-drop".into(),
        claim: "C6: the first drop of the learning rate lowers the variance ratio".into(),
        expected: format!("at every place; published {}", published.join(", ")),
        measured: if listed.is_empty() { "the run does not reach the drop".into() } else { listed.join("; ") },
        outcome: LEAST_DROP.word(result, tests.iter().map(|test| test.n).min().unwrap_or(0), together(&tests)),
        rule: LEAST_DROP.rule(result, &format!(
            "mean logarithm of the ratio in epochs 10–140 of 250 (not the first) less that in 160–210 of the same run, one \
             for each seed: for when its {INTERVAL} lies above 0 at every place, against when below at one, {HOLM}"
        )),
    }
}

/// The mean logarithm before the first drop less that after it, by seed.
fn gain(result: &ExperimentResult, points: &[Point], percent: f64) -> Estimate {
    let [before, after] = [BEFORE, BETWEEN].map(|phase| {
        let mut runs: BTreeMap<u64, Vec<f64>> = BTreeMap::new();
        for (seed, log) in log_ratios(result, points, &phase, percent) {
            runs.entry(seed).or_default().push(log);
        }
        runs.into_iter()
            .map(|(seed, logs)| (seed, logs.iter().sum::<f64>() / logs.len() as f64))
            .collect::<BTreeMap<_, _>>()
    });
    let gains = before.iter().filter_map(|(seed, before)| Some(before - after.get(seed)?));
    Estimate::of(&gains.collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::paper::published::MODELS;
    use crate::results::made_up;

    /// Ratios before and after the first drop at the published epochs.
    fn run(seed: u64, before: f64, after: f64) -> Vec<Point> {
        let mut points = Vec::new();
        for epoch in (10..=240).step_by(10).filter(|epoch| ![150, 220].contains(epoch)) {
            for percent in PERCENTS {
                let scale = if epoch < 150 { before } else { after };
                let ratio = scale * (1.0 + 0.02 * (epoch % 20) as f64 / 10.0);
                points.push(Point { seed, percent, ..made_up::point("svrg-locked", epoch, ratio) });
            }
        }
        points
    }

    fn outcomes(model: &str, points: Vec<Point>) -> Vec<(String, Outcome)> {
        let result = ExperimentResult { points, ..made_up::result(model) };
        verdicts(&result).into_iter().map(|v| (v.id, v.outcome)).collect()
    }

    /// Three seeds that differ a little.
    fn check(model: &str, before: f64, after: f64) -> Vec<(String, Outcome)> {
        let of_seed = |(seed, wave): (u64, f64)| run(seed, before * wave, after * (2.0 - wave));
        outcomes(model, (0..).zip([0.99, 1.0, 1.02]).flat_map(of_seed).collect())
    }

    fn outcome(verdicts: &[(String, Outcome)], id: &str) -> Outcome {
        verdicts.iter().find(|v| v.0 == id).map(|v| v.1).unwrap()
    }

    /// Pooled, the epochs would decide; two seeds do not.
    #[test]
    fn epochs_of_one_run_are_not_independent() {
        let found = outcomes("resnet110", [run(0, 1.5, 0.5), run(1, 3.0, 2.9)].concat());
        let ids = ["C6-most-of-the-epoch", "C8-soon-after", "C6-drop"];
        assert_eq!(ids.map(|id| outcome(&found, id)), [Outcome::Undecided; 3]);
    }

    #[test]
    fn a_large_network_must_not_reduce_and_a_small_one_must() {
        for (model, high, low) in [
            ("densenet-40-36", Outcome::Confirmed, Outcome::Contradicted),
            ("lenet", Outcome::Contradicted, Outcome::Confirmed),
        ] {
            assert_eq!(outcome(&check(model, 1.4, 0.1), "C6-most-of-the-epoch"), high);
            assert_eq!(outcome(&check(model, 0.5, 0.1), "C6-most-of-the-epoch"), low);
        }
        assert_eq!(outcome(&check("resnet110", 0.6, 0.1), "C8-soon-after"), Outcome::Confirmed);
        assert_eq!(outcome(&check("resnet110", 0.3, 0.1), "C8-soon-after"), Outcome::Contradicted);
    }

    #[test]
    fn the_condition_is_a_check_of_the_best_coefficient() {
        let points = |best: [f64; 2]| {
            let point =
                |(ratio, best)| Point { optimal_coefficient: Some(best), ..made_up::point("svrg-locked", 2, ratio) };
            [0.8, 1.6].into_iter().zip(best).map(point).collect::<Vec<_>>()
        };
        assert_eq!(condition(&points([0.6, 0.2])).outcome, Outcome::Passed);
        assert_eq!(condition(&points([0.6, 0.7])).outcome, Outcome::Failed);
        assert_eq!(condition(&points([0.4, 0.2])).outcome, Outcome::Failed);
    }

    #[test]
    fn one_seed_is_one_run() {
        let found = outcomes("resnet110", run(0, 1.4, 0.1));
        let ids = ["C6-most-of-the-epoch", "C8-soon-after", "C6-drop"];
        assert_eq!(ids.map(|id| outcome(&found, id)), [Outcome::OneRunFor; 3]);
    }

    #[test]
    fn a_drop_must_lower_the_ratio() {
        assert_eq!(outcome(&check("lenet", 0.5, 0.1), "C6-drop"), Outcome::Confirmed);
        assert_eq!(outcome(&check("lenet", 0.5, 0.9), "C6-drop"), Outcome::Contradicted);
        assert_eq!(outcome(&check("lenet", 0.5, 0.5), "C6-drop"), Outcome::Undecided);
    }

    /// The published points of one network as five runs of another, each a percent or so off.
    fn published_as(one: &str, other: &str) -> ExperimentResult {
        let of_seed = |(seed, wave): (u64, f64)| {
            published(one).into_iter().map(move |theirs| Point {
                seed,
                percent: theirs.percent,
                ..made_up::point("svrg-locked", theirs.epoch, wave * theirs.ratio)
            })
        };
        let points = (0..).zip([0.985, 0.99, 1.0, 1.01, 1.015]).flat_map(of_seed).collect();
        ExperimentResult { points, ..made_up::result(other) }
    }

    fn phases(result: &ExperimentResult) -> Vec<(String, Outcome)> {
        let verdicts = verdicts(result).into_iter().filter(|v| v.id.starts_with("C5"));
        verdicts.map(|v| (v.id, v.outcome)).collect()
    }

    /// A band of ×1.5 about the published range let LeNet's points pass as the small ResNet's.
    #[test]
    fn each_networks_published_points_fail_for_every_other() {
        for one in MODELS {
            for other in MODELS {
                for (id, outcome) in phases(&published_as(one, other)) {
                    let expected = match one == other {
                        true => Outcome::Confirmed,
                        // Nothing of its epoch 2 was published.
                        false if (other, id.as_str()) == ("resnet110", "C5-start") => Outcome::Undecided,
                        false => Outcome::Contradicted,
                    };
                    assert_eq!(outcome, expected, "{one} as {other}: {id}");
                }
            }
        }
    }

    #[test]
    fn a_factor_beyond_the_bound_or_too_noisy_does_not_agree() {
        let scaled = |waves: [f64; 5]| {
            let mut result = published_as("lenet", "lenet");
            for point in &mut result.points {
                point.ratio = point.ratio.map(|ratio| ratio * waves[point.seed as usize]);
            }
            outcome(&phases(&result), "C5-before")
        };
        assert_eq!(scaled([1.1; 5]), Outcome::Confirmed);
        assert_eq!(scaled([1.4; 5]), Outcome::Contradicted);
        assert_eq!(scaled([0.7, 0.8, 1.0, 1.25, 1.4]), Outcome::Undecided);
    }

    #[test]
    fn agreement_needs_the_papers_task() {
        let mut result = published_as("lenet", "lenet");
        result.minibatches = 40;
        assert!(phases(&result).iter().all(|(_, outcome)| *outcome == Outcome::TendencyFor));
        result.points.retain(|point| point.seed == 0);
        assert!(phases(&result).iter().all(|(_, outcome)| *outcome == Outcome::OneRunFor));
    }

    /// Where a run has not measured all epochs of a phase, it is held against those that it has.
    #[test]
    fn a_beginning_is_held_against_the_same_epochs() {
        let mut result = published_as("lenet", "lenet");
        result.points.retain(|point| point.epoch <= 20);
        result.epochs_run = 20;
        assert_eq!(outcome(&phases(&result), "C5-before"), Outcome::Confirmed);
    }

    #[test]
    fn nothing_measured_decides_nothing() {
        assert!(verdicts(&made_up::result("lenet")).iter().all(|v| v.outcome == Outcome::Undecided));
    }
}
