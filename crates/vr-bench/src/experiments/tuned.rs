//! Learning rates that are chosen on a grid, for each method its own, by runs with seeds that are not reported.
//!
//! A method's runs are called by it and the rate: `svrg-x0.5` at half its usual rate, `svrg-lr0.05` at that very rate. Those with the
//! seeds for tuning come first, at each rate; those that are reported follow, at the rate chosen.

use std::collections::BTreeMap;

use crate::cell::Cell;
use crate::results::{Divergence, EpochRow, ExperimentResult};
use crate::settings::{Rate, Settings};
use crate::verdict::Outcome;

/// A method with its learning rate.
#[derive(Clone, Debug, PartialEq)]
pub struct Tuned {
    /// The method.
    pub method: String,
    /// The rate chosen.
    pub rate: Rate,
    /// All that were tried.
    pub tried: Vec<Rate>,
}

impl Tuned {
    /// What its runs are called.
    pub fn runs(&self) -> String {
        name(&self.method, self.rate)
    }

    /// Whether the rate is the least or the largest of several, so that a better one may lie beyond.
    pub fn is_at_edge(&self) -> bool {
        let chosen = self.rate.number();
        let beside = |side: fn(&f64, &f64) -> bool| self.tried.iter().any(|rate| side(&rate.number(), &chosen));
        self.tried.len() > 1 && !(beside(f64::lt) && beside(f64::gt))
    }
}

/// The cells of a comparison: each method at each rate, with the seeds that choose before those that are reported.
pub fn cells<M>(settings: &Settings, methods: &[M], cell: impl Fn(&M, Rate, u64) -> Cell) -> Vec<Cell> {
    let (comparison, rates) = (&settings.comparison, settings.comparison.rates.rates());
    let mut cells = Vec::new();
    for &seed in comparison.choosing_seeds().iter().chain(&settings.seeds) {
        for method in methods {
            cells.extend(rates.iter().map(|&rate| cell(method, rate, seed)));
        }
    }
    cells
}

/// The name of a method's runs at a rate.
pub fn name(method: &str, rate: Rate) -> String {
    format!("{method}-{rate}")
}

/// The methods with their rates in the order of a result: of several the one at which the runs that are not reported, none of which
/// diverged, have the least mean of the last value of `measure`; of one that one. A method without such a rate is left out.
pub fn tuned(result: &ExperimentResult, measure: impl Fn(&EpochRow) -> Option<f64>) -> Vec<Tuned> {
    let of = |(method, tried): (String, Vec<Rate>)| {
        let value = |&rate: &Rate| Some((rate, tuning_mean(result, &name(&method, rate), &measure)?));
        let rate = match tried[..] {
            [only] => Some(only),
            _ => tried.iter().filter_map(value).min_by(|a, b| a.1.total_cmp(&b.1)).map(|(rate, _)| rate),
        };
        Some(Tuned { rate: rate?, method, tried })
    };
    grid(result).into_iter().filter_map(of).collect()
}

/// The methods of a result with the rates that were tried.
fn grid(result: &ExperimentResult) -> Vec<(String, Vec<Rate>)> {
    let mut grid: Vec<(String, Vec<Rate>)> = Vec::new();
    let runs = result.tracks().into_iter().map(|track| track.method);
    for runs in runs.chain(result.diverged.iter().map(|run| &*run.method)) {
        let Some((method, rate)) = runs.rsplit_once('-') else { continue };
        let Some(rate) = Rate::parse(rate) else { continue };
        match grid.iter_mut().find(|(name, _)| name == method) {
            Some((_, rates)) if rates.contains(&rate) => {}
            Some((_, rates)) => rates.push(rate),
            None => grid.push((method.to_owned(), vec![rate])),
        }
    }
    grid
}

fn tuning_mean(result: &ExperimentResult, runs: &str, measure: impl Fn(&EpochRow) -> Option<f64>) -> Option<f64> {
    let chooses = |seed: &u64| !result.seeds.contains(seed);
    if result.diverged_seeds(runs).iter().any(chooses) {
        return None;
    }
    let mut last: BTreeMap<u64, f64> = BTreeMap::new();
    for row in result.rows(runs).filter(|row| chooses(&row.seed)) {
        last.extend(measure(row).filter(|value| value.is_finite()).map(|value| (row.seed, value)));
    }
    (!last.is_empty()).then(|| last.values().sum::<f64>() / last.len() as f64)
}

/// The runs that are reported, each under its method's own name.
pub fn reported(result: &ExperimentResult, tuned: &[Tuned]) -> ExperimentResult {
    let (mut epochs, mut diverged) = (Vec::new(), Vec::new());
    for chosen in tuned {
        let (runs, method) = (chosen.runs(), &chosen.method);
        let rows = result.rows(&*runs).filter(|row| result.seeds.contains(&row.seed));
        epochs.extend(rows.map(|row| EpochRow { method: method.clone(), ..row.clone() }));
        let lost = result.diverged.iter().filter(|run| run.method == runs && result.seeds.contains(&run.seed));
        diverged.extend(lost.map(|run| Divergence { method: method.clone(), ..run.clone() }));
    }
    ExperimentResult { epochs, diverged, ..result.clone() }
}

/// What [`tempered`] does, for a rule.
pub const AT_EDGE: &str =
    "and a tendency at most where the rate of one of the two is the least or the largest that was tried";

/// The word for a comparison of methods: no more than a tendency where a better rate for one of them may lie beyond the grid.
pub fn tempered(outcome: Outcome, tuned: &[Tuned], methods: &[&str]) -> Outcome {
    let at_edge = tuned.iter().any(|chosen| methods.contains(&&*chosen.method) && chosen.is_at_edge());
    match outcome {
        Outcome::Confirmed if at_edge => Outcome::TendencyFor,
        Outcome::Contradicted if at_edge => Outcome::TendencyAgainst,
        outcome => outcome,
    }
}

/// The rates in words, for the end of a sentence.
pub fn rates(tuned: &[Tuned]) -> String {
    let said = |chosen: &Tuned| {
        let rate = match chosen.rate {
            Rate::Multiple(multiple) => format!("×{multiple}"),
            Rate::Itself(rate) => rate.to_string(),
        };
        let edge = if chosen.is_at_edge() { " (at the edge of what was tried)" } else { "" };
        format!("{} {rate}{edge}", chosen.method)
    };
    format!("rates {}", tuned.iter().map(said).collect::<Vec<_>>().join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::made_up;

    const TUNING: u64 = 1000;

    fn result(errors: &[(&str, f64)]) -> ExperimentResult {
        let row = |&(method, error): &(&str, f64)| [0, TUNING].map(|seed| made_up::row(method, seed, 1, error));
        ExperimentResult { epochs: errors.iter().flat_map(row).collect(), ..made_up::result("lenet") }
    }

    #[test]
    fn the_edge_of_a_grid_is_told() {
        let errors =
            [("sgd-x0.5", 3.0), ("sgd-x1", 2.0), ("sgd-x2", 2.5), ("l-svrg-lr0.1", 1.0), ("l-svrg-lr0.3", 0.5)];
        let found = tuned(&result(&errors), |row| Some(row.test_error));
        assert_eq!(rates(&found), "rates sgd ×1, l-svrg 0.3 (at the edge of what was tried)");
        let names: Vec<String> = found.iter().map(Tuned::runs).collect();
        assert_eq!(names, ["sgd-x1", "l-svrg-lr0.3"]);
        let reported = reported(&result(&errors), &found);
        let rows: Vec<_> = reported.epochs.iter().map(|row| (&*row.method, row.seed, row.test_error)).collect();
        assert_eq!(rows, [("sgd", 0, 2.0), ("l-svrg", 0, 0.5)]);
        let word = |methods: &[&str]| tempered(Outcome::Confirmed, &found, methods);
        assert_eq!([word(&["sgd"]), word(&["sgd", "l-svrg"])], [Outcome::Confirmed, Outcome::TendencyFor]);
        let alone = tuned(&result(&errors[..1]), |_| None);
        assert!(alone.len() == 1 && !alone[0].is_at_edge(), "of one rate there is no edge");
    }

    /// What is reported has no say, and neither has a rate at which a run was lost.
    #[test]
    fn only_whole_tuning_runs_choose() {
        let mut result = result(&[("sgd-x1", 2.0), ("sgd-x2", 1.0)]);
        result
            .epochs
            .iter_mut()
            .filter(|row| row.seed == 0 && row.method == "sgd-x1")
            .for_each(|row| row.test_error = 0.0);
        let best = |result: &ExperimentResult| tuned(result, |row| Some(row.test_error)).first().map(Tuned::runs);
        assert_eq!(best(&result).as_deref(), Some("sgd-x2"));
        let lose = |method: &str, seed| Divergence { method: method.into(), seed, epoch: 1 };
        result.diverged.push(lose("sgd-x2", 0));
        assert_eq!(best(&result).as_deref(), Some("sgd-x2"));
        result.diverged.push(lose("sgd-x2", TUNING));
        assert_eq!(best(&result).as_deref(), Some("sgd-x1"));
        result.diverged.push(lose("sgd-x1", TUNING));
        assert_eq!(best(&result), None);
    }
}
