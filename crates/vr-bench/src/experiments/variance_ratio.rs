//! C5, C6, Figure 2: SVRG's variance over SGD's at 2, 11, 33 and 100 % of the epoch. Large networks
//! show no reduction for most of each epoch, small ones show some, and each drop of the learning rate helps.

use std::collections::BTreeMap;

use vr_optim::Locking;

use super::Experiment;
use crate::cell::Cell;
use crate::figures::FigureError;
use crate::figures::coefficient::coefficient;
use crate::figures::tensors::tensors;
use crate::figures::variance_ratio::{VarianceRatio, variance_ratio as figure};
use crate::measure::Measures;
use crate::paper::methods::stored;
use crate::paper::phases::{BEFORE, BETWEEN, LARGE, PERCENTS, PHASES, Phase, geometric_mean};
use crate::paper::published::{PublishedPoint, published};
use crate::results::{ExperimentResult, Point};
use crate::run_dir::Figure;
use crate::settings::{Model, PAPER_EPOCHS, Settings};
use crate::verdict::estimate::{Estimate, RULE, SEEDS};
use crate::verdict::{Outcome, Verdict};

/// Figure 2.
pub const EXPERIMENT: Experiment = Experiment {
    name: "variance-ratio",
    summary: "Variance ratios through training (Figure 2)",
    claim: CLAIM,
    model: Model::LENET,
    models: &[],
    cells,
    figures,
    verdicts,
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
/// How far beyond the published range a mean may lie.
const TOLERANCE: f64 = 1.5;

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
/// least ½.
fn condition(points: &[Point]) -> Verdict {
    let pairs = points.iter().filter_map(|point| Some((point.ratio?, point.optimal_coefficient?)));
    let clear = pairs.filter(|(ratio, _)| (ratio - 1.0).abs() > ROUNDING);
    let agree: Vec<bool> = clear.map(|(ratio, best)| (ratio < 1.0) == (best > 0.5)).collect();
    let count = agree.iter().filter(|&&agrees| agrees).count();
    Verdict {
        id: "C1-condition".into(),
        claim: "C1: the variance is lowered exactly where Var[Y] ≤ 2 Cov[X, Y]".into(),
        expected: "at every place measured".into(),
        measured: format!("at {count} of {} places", agree.len()),
        outcome: match agree.len() {
            0 => Outcome::Undecided,
            all if all == count => Outcome::Confirmed,
            _ => Outcome::Contradicted,
        },
        rule: format!(
            "confirmed when the ratio is below 1 wherever the best coefficient Cov/Var[Y] is above ½ and above 1 \
             elsewhere, contradicted when one place differs; places within {ROUNDING:e} of 1 do not count"
        ),
    }
}

/// C5: the geometric mean of a phase against the published range.
fn agreement(result: &ExperimentResult, phase: &Phase, points: &[Point], theirs: &[PublishedPoint]) -> Verdict {
    let (mut listed, mut all_near) = (Vec::new(), true);
    for percent in PERCENTS {
        let (ours, theirs) = (phase.ratios(points, &result.schedule, percent), phase.published(theirs, percent));
        let (Some(mean), Some(their_mean)) = (geometric_mean(&ours), geometric_mean(&theirs)) else { continue };
        let low = theirs.iter().copied().fold(f64::INFINITY, f64::min);
        let high = theirs.iter().copied().fold(0.0, f64::max);
        all_near &= (low / TOLERANCE..=high * TOLERANCE).contains(&mean);
        let factor = mean / their_mean;
        listed.push(format!("{percent} %: {mean:.3} against {their_mean:.3} (×{factor:.2}, n = {})", ours.len()));
    }
    let same_task =
        result.data.name.starts_with("CIFAR-10") && result.minibatches == 391 && result.schedule.length == PAPER_EPOCHS;
    Verdict {
        id: format!("C5-{}", phase.id),
        claim: format!("C5: the published variance ratios, {} of 250", phase.name),
        expected: "geometric mean at every place as published".into(),
        measured: if listed.is_empty() { "no place that was published".into() } else { listed.join("; ") },
        outcome: match (same_task, listed.is_empty(), all_near) {
            (false, ..) | (_, true, _) => Outcome::Undecided,
            (.., true) => Outcome::Confirmed,
            (.., false) => Outcome::Contradicted,
        },
        rule: format!(
            "confirmed when every geometric mean lies in the published range widened by a factor of {TOLERANCE}, \
             contradicted otherwise; undecided unless on all of CIFAR-10 with m = 391 and the full schedule"
        ),
    }
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
    let sign = if large { log } else { Estimate { mean: -log.mean, ..log } }.sign();
    let theirs: Vec<f64> = MOST.iter().flat_map(|&at| BEFORE.published(theirs, at)).collect();
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
        outcome: sign,
        rule: format!(
            "mean over epochs (10–140 of 250, not the first) and seeds of the logarithm of the ratio at 11, 33 and \
             100 %; {SEEDS}: {RULE}"
        ),
    }
}

/// The mean logarithm of the ratio at a place, over the epochs of a phase and seeds.
fn log_ratio(result: &ExperimentResult, points: &[Point], phase: &Phase, percent: f64) -> Estimate {
    let there = phase.points(points, &result.schedule).filter(|(point, _)| point.percent == percent);
    Estimate::of_runs(&there.map(|(point, ratio)| (point.seed, ratio.ln())).collect::<Vec<_>>())
}

/// C8: a gain of at most about a factor of two, soon after the snapshot too.
fn soon_after(result: &ExperimentResult, points: &[Point], theirs: &[PublishedPoint]) -> Verdict {
    let log = log_ratio(result, points, &BEFORE, SOON);
    let published = geometric_mean(&BEFORE.published(theirs, SOON)).unwrap_or(f64::NAN);
    Verdict {
        id: "C8-soon-after".into(),
        claim: "C8: even at 2 % of the epoch a large network gains at most about a factor of two".into(),
        expected: format!("ratio at {SOON} % above {SOON_BOUND} (published {published:.2})"),
        measured: log.exponential(),
        outcome: Estimate { mean: log.mean - SOON_BOUND.ln(), ..log }.sign(),
        rule: format!(
            "mean logarithm of the ratio over {SOON_BOUND}, over epochs (10–140 of 250, not the first) and seeds; \
             {SEEDS}: {RULE}"
        ),
    }
}

/// C6: the first drop of the learning rate lowers the ratio.
fn drop(result: &ExperimentResult, points: &[Point], theirs: &[PublishedPoint]) -> Verdict {
    let mut gains = Vec::new();
    let mut listed = Vec::new();
    let mut published = Vec::new();
    for percent in PERCENTS {
        let [before, after] = [BEFORE, BETWEEN].map(|phase| log_ratio(result, points, &phase, percent));
        if before.n > 0 && after.n > 0 {
            let gain = before.minus(after);
            listed.push(format!("{percent} %: ÷{:.1} (n = {})", gain.mean.exp(), gain.n));
            gains.push(gain.sign());
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
        outcome: match gains.as_slice() {
            [] => Outcome::Undecided,
            gains if gains.contains(&Outcome::Contradicted) => Outcome::Contradicted,
            gains if gains.contains(&Outcome::Undecided) => Outcome::Undecided,
            _ => Outcome::Confirmed,
        },
        rule: format!(
            "per place, mean logarithm of the ratio in epochs 10–140 of 250 (not the first) less that in 160–210; {SEEDS}: \
             confirmed when its 95 % interval (Student's t) lies above 0 at all places, contradicted when below at one"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
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

    fn check(model: &str, before: f64, after: f64) -> Vec<(String, Outcome)> {
        outcomes(model, run(0, before, after))
    }

    fn outcome(verdicts: &[(String, Outcome)], id: &str) -> Outcome {
        verdicts.iter().find(|v| v.0 == id).map(|v| v.1).unwrap()
    }

    /// Pooled, the epochs would decide; two seeds do not.
    #[test]
    fn epochs_of_one_run_are_not_independent() {
        let found = outcomes("resnet110", [run(0, 1.5, 0.5), run(1, 3.0, 1.0)].concat());
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
    fn the_condition_is_one_on_the_best_coefficient() {
        let points = |best: [f64; 2]| {
            let point =
                |(ratio, best)| Point { optimal_coefficient: Some(best), ..made_up::point("svrg-locked", 2, ratio) };
            [0.8, 1.6].into_iter().zip(best).map(point).collect::<Vec<_>>()
        };
        assert_eq!(condition(&points([0.6, 0.2])).outcome, Outcome::Confirmed);
        assert_eq!(condition(&points([0.6, 0.7])).outcome, Outcome::Contradicted);
        assert_eq!(condition(&points([0.4, 0.2])).outcome, Outcome::Contradicted);
    }

    #[test]
    fn a_drop_must_lower_the_ratio() {
        assert_eq!(outcome(&check("lenet", 0.5, 0.1), "C6-drop"), Outcome::Confirmed);
        assert_eq!(outcome(&check("lenet", 0.5, 0.9), "C6-drop"), Outcome::Contradicted);
        assert_eq!(outcome(&check("lenet", 0.5, 0.5), "C6-drop"), Outcome::Undecided);
    }

    #[test]
    fn the_published_points_agree_with_themselves_only() {
        let points = published("lenet")
            .into_iter()
            .map(|p| Point { percent: p.percent, ..made_up::point("svrg-locked", p.epoch, p.ratio) });
        let mut result = ExperimentResult { points: points.collect(), ..made_up::result("lenet") };
        let outcomes = |result: &ExperimentResult| {
            let verdicts = verdicts(result).into_iter().filter(|v| v.id.starts_with("C5"));
            verdicts.map(|v| v.outcome).collect::<Vec<_>>()
        };
        assert_eq!(outcomes(&result), [Outcome::Confirmed; 4]);
        result.minibatches = 40;
        assert_eq!(outcomes(&result), [Outcome::Undecided; 4]);
        (result.minibatches, result.model) = (391, "densenet-40-36".into());
        assert_eq!(outcomes(&result), [Outcome::Contradicted; 4]);
    }

    #[test]
    fn nothing_measured_decides_nothing() {
        assert!(verdicts(&made_up::result("lenet")).iter().all(|v| v.outcome == Outcome::Undecided));
    }
}
