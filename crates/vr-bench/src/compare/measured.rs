//! What runs measured, with intervals over seeds.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::figures::distinct;
use crate::results::ExperimentResult;
use crate::verdict::estimate::Estimate;

/// A mean over seeds with its 95 % interval by Student's t.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Interval {
    /// Seeds.
    pub n: usize,
    /// The mean: of ratios the geometric one.
    pub mean: f64,
    /// The interval; none for fewer than two seeds.
    pub interval: Option<[f64; 2]>,
}

/// A run against the first, over the seeds that both have.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Difference {
    /// The difference; of ratios the quotient.
    #[serde(flatten)]
    pub of: Interval,
    /// Whether the interval leaves out what says that nothing differs.
    pub differs: bool,
}

/// One quantity of one method in every run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Measured {
    /// The quantity.
    pub quantity: String,
    /// Its unit; `1` for none.
    pub unit: &'static str,
    /// The method; empty where every run has one alone, which are then held against each other.
    pub method: String,
    /// The network of a ratio; empty for what is of a whole run.
    pub model: String,
    /// Whether means are geometric and differences quotients.
    pub relative: bool,
    /// Its value in each run.
    pub values: Vec<Option<Interval>>,
    /// Its difference from the first run; none for that, and where no seed is in both.
    pub differences: Vec<Option<Difference>>,
}

/// One number for each seed: of a relative quantity its logarithm.
type BySeed = BTreeMap<u64, f64>;

/// What tells rows apart: quantity, unit, method, network, and whether it is relative.
type Key = (String, &'static str, String, String, bool);

impl Interval {
    fn of(values: &[f64], relative: bool) -> Option<Self> {
        let estimate = Estimate::of(values);
        let scale = |x: f64| if relative { x.exp() } else { x };
        let interval = (estimate.n > 1).then(|| [scale(estimate.low()), scale(estimate.high())]);
        (estimate.n > 0).then(|| Self { n: estimate.n, mean: scale(estimate.mean), interval })
    }
}

impl Difference {
    fn of(first: &BySeed, other: &BySeed, relative: bool) -> Option<Self> {
        let pairs: Vec<f64> =
            other.iter().filter_map(|(seed, value)| Some(value - first.get(seed)?)).filter(|x| x.is_finite()).collect();
        let of = Interval::of(&pairs, relative)?;
        let same = if relative { 1.0 } else { 0.0 };
        let differs = of.interval.is_some_and(|[low, high]| same < low || high < same);
        Some(Self { of, differs })
    }
}

/// Every quantity that a run has, in the order of first sight.
pub fn all(runs: &[ExperimentResult]) -> Vec<Measured> {
    // Runs of one method each, such as two learning rates, are meant to be compared whatever it is called.
    let single = runs.iter().all(|run| run.tracks().len() == 1);
    let found: Vec<Vec<(Key, BySeed)>> = runs.iter().map(|run| of_run(run, single)).collect();
    let keys = distinct(found.iter().flatten().map(|(key, _)| key));
    let row = |key: &Key| {
        let (quantity, unit, method, model, relative) = key.clone();
        let of =
            |run: &Vec<(Key, BySeed)>| run.iter().find(|(other, _)| other == key).map(|(_, values)| values.clone());
        let values: Vec<Option<BySeed>> = found.iter().map(of).collect();
        let interval =
            |values: &Option<BySeed>| Interval::of(&values.as_ref()?.values().copied().collect::<Vec<_>>(), relative);
        let difference = |(index, other): (usize, &Option<BySeed>)| match (&values[0], other) {
            (Some(first), Some(other)) if index > 0 => Difference::of(first, other, relative),
            _ => None,
        };
        let differences = values.iter().enumerate().map(difference).collect();
        let values = values.iter().map(interval).collect();
        Measured { quantity, unit, method, model, relative, values, differences }
    };
    keys.into_iter().map(row).collect()
}

fn of_run(run: &ExperimentResult, single: bool) -> Vec<(Key, BySeed)> {
    let mut found = Vec::new();
    for track in run.tracks() {
        let method = if single { String::new() } else { track.to_string() };
        let key = |quantity: &str, unit| (quantity.to_owned(), unit, method.clone(), String::new(), false);
        let losses = run.last_train_losses(track);
        found.push((key("final test error", "%"), run.final_errors(track)));
        let held_out = run.final_validation_errors(track);
        if !held_out.is_empty() {
            found.push((key("final validation error", "%"), held_out));
        }
        found.push((key("last training loss", "nats"), losses));
    }
    for (model, method) in distinct(run.points.iter().map(|point| (&point.model, &point.method))) {
        let same = || run.points.iter().filter(|point| (&point.model, &point.method) == (model, method));
        let mut places = distinct(same().map(|point| point.percent));
        places.sort_by(f64::total_cmp);
        for place in places.into_iter().filter(|&place| place > 0.0) {
            let mut logs: BTreeMap<u64, Vec<f64>> = BTreeMap::new();
            for point in same().filter(|point| point.percent == place && point.epoch > 1) {
                if let Some(ratio) = point.ratio.filter(|&ratio| ratio > 0.0) {
                    logs.entry(point.seed).or_default().push(ratio.ln());
                }
            }
            let means: BySeed =
                logs.into_iter().map(|(seed, logs)| (seed, logs.iter().sum::<f64>() / logs.len() as f64)).collect();
            if !means.is_empty() {
                let method = if single { String::new() } else { method.clone() };
                found.push(((format!("variance ratio at {place} %"), "1", method, model.clone(), true), means));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::made_up::{self, point};
    use crate::results::{Divergence, Point};

    #[test]
    fn differences_are_taken_seed_by_seed() {
        // The seeds lie far apart, their differences do not.
        let first = made_up::final_errors(&[("sgd", &[10.0, 20.0, 30.0])]);
        let other = made_up::final_errors(&[("slow", &[11.0, 21.1, 30.9])]);
        let found = all(&[first.clone(), other]);
        let errors = &found[0];
        assert_eq!((errors.quantity.as_str(), errors.method.as_str()), ("final test error", ""));
        let values: Vec<_> = errors.values.iter().map(|value| value.unwrap().mean).collect();
        assert!((values[0] - 20.0).abs() < 1e-9 && (values[1] - 21.0).abs() < 1e-9);
        let difference = errors.differences[1].unwrap();
        assert!(errors.differences[0].is_none() && difference.differs && (difference.of.mean - 1.0).abs() < 1e-9);
        // t(0.975, 2) = 4.3027 times the standard error 0.1/√3.
        let [low, high] = difference.of.interval.unwrap();
        assert!((low - (1.0 - 4.3027 * 0.1 / 3f64.sqrt())).abs() < 1e-4 && (low + high - 2.0).abs() < 1e-9);

        let same = all(&[first.clone(), first]);
        assert!(same.iter().all(|row| row.differences[1].is_some_and(|difference| !difference.differs)));
    }

    #[test]
    fn a_method_that_one_run_lacks_has_no_value_there() {
        let two = made_up::final_errors(&[("sgd", &[10.0, 20.0]), ("svrg", &[9.0, 19.0])]);
        let mut one = made_up::final_errors(&[("sgd", &[10.0, 20.0])]);
        one.diverged.push(Divergence { method: "sgd".into(), seed: 1, epoch: 250 });
        let found = all(&[two, one]);
        let of =
            |method: &str| found.iter().find(|row| row.quantity.starts_with("final") && row.method == method).unwrap();
        assert_eq!((of("svrg").values[1], of("svrg").differences[1]), (None, None));
        let difference = of("sgd").differences[1].unwrap();
        assert_eq!((difference.of.n, difference.of.interval, difference.differs), (1, None, false));
    }

    #[test]
    fn ratios_are_compared_by_their_quotient() {
        let run = |factor: f64| {
            let points = (0..4_u64).flat_map(|seed| {
                (1..=3).map(move |epoch| Point { seed, ..point("svrg", epoch, factor * (1.0 + seed as f64)) })
            });
            let rows = (0..4).map(|seed| made_up::row("svrg", seed, 1, 50.0));
            ExperimentResult { points: points.collect(), epochs: rows.collect(), ..made_up::result("lenet") }
        };
        let found = all(&[run(0.5), run(0.25)]);
        let ratio = found.iter().find(|row| row.relative).unwrap();
        assert_eq!((ratio.quantity.as_str(), ratio.model.as_str()), ("variance ratio at 100 %", "lenet"));
        assert!((ratio.values[0].unwrap().mean - 0.5 * 24f64.powf(0.25)).abs() < 1e-9);
        let difference = ratio.differences[1].unwrap();
        assert!((difference.of.mean - 0.5).abs() < 1e-9 && difference.differs);
    }
}
