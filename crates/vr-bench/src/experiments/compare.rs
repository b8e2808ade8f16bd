//! E: which method is best where all have the same number of gradients, each at its own best learning rate. The paper compares epochs, at
//! SGD's rate; an epoch costs SVRG two or three times SGD's gradients.
//!
//! A run's budget is that of SGD in the epochs asked for. Its schedule goes with the gradients spent, so that every method anneals to the end within
//! the same number of them; what it does beyond is not looked at. Each rate of the grid runs with seeds for tuning, which
//! choose it, and with the seeds that are reported, at that rate alone.

use std::collections::BTreeSet;

use vr_optim::{
    AdaGradConfig, AdamWConfig, EstimatorConfig, MarsConfig, MegaBatchConfig, PageConfig, RuleConfig, SagaConfig,
    SarahConfig, SelfTuningConfig, SnapshotGradients, StormConfig, SvrgConfig, ZeroSarahConfig,
};
use vr_optim::{LooplessConfig, rule::adagrad::Scale};

use super::Experiment;
use crate::cell::Cell;
use crate::figures::FigureError;
use crate::figures::comparison::comparison as figure;
use crate::paper::methods::cell;
use crate::paper::schedule::{Schedule, Unit};
use crate::paper::setting::Setting;
use crate::results::{Divergence, EpochRow, ExperimentResult};
use crate::run_dir::Figure;
use crate::settings::{Model, PAPER_EPOCHS, Settings};
use crate::verdict::Verdict;
use crate::verdict::estimate::{Estimate, INTERVAL};
use crate::verdict::finding::{HOLM, each};
use crate::verdict::no_better::{difference, diverged, final_error};
use crate::verdict::scale::LeastScale;

/// Methods at equal cost.
pub const EXPERIMENT: Experiment = Experiment {
    name: "compare",
    summary: "Test error of methods with the same number of gradients, each at its own learning rate",
    claim: CLAIM,
    model: Model::LENET,
    models: &[],
    settings: Settings::of,
    cells,
    figures,
    verdicts,
};

const CLAIM: &str = "With the same number of minibatch gradients, each method at the learning rate that suits it, none is better than SGD.";

const SGD: &str = "sgd";

const LEAST: LeastScale = LeastScale { epochs: PAPER_EPOCHS, seeds: 5 };

/// A method that can be compared.
pub struct Method {
    /// Its name on the command line.
    pub name: &'static str,
    /// The estimator of a run of so many gradients in epochs of so many minibatches.
    estimator: fn(gradients: u64, minibatches: u64) -> EstimatorConfig,
    rule: fn(minibatches: u64) -> RuleConfig,
    /// Its usual rate in the paper's minibatches, about which the grid lies.
    rate: f64,
    /// The fewest passes over the training set that an epoch costs, but for a few gradients.
    passes: usize,
}

const STORED: SnapshotGradients = SnapshotGradients::Stored;

fn momentum(_minibatches: u64) -> RuleConfig {
    RuleConfig::default()
}

fn adamw(_minibatches: u64) -> RuleConfig {
    RuleConfig::AdamW(AdamWConfig::default())
}

/// AdaSVRG's: it begins anew with each snapshot.
fn adagrad(minibatches: u64) -> RuleConfig {
    RuleConfig::AdaGrad(AdaGradConfig { per: Scale::Network, restart: Some(minibatches), ..AdaGradConfig::default() })
}

/// All of them.
pub const METHODS: [Method; 16] = [
    method(SGD, |_, _| EstimatorConfig::Sgd, momentum, 0.1, 1),
    method("svrg", |_, _| EstimatorConfig::Svrg(SvrgConfig::default()), momentum, 0.1, 3),
    method("svrg-stored", |_, _| EstimatorConfig::Svrg(stored()), momentum, 0.1, 2),
    method("alpha-svrg", |gradients, _| EstimatorConfig::Svrg(falling(gradients)), momentum, 0.1, 2),
    method("self-tuning", |_, _| EstimatorConfig::SelfTuning(self_tuning()), momentum, 0.1, 1),
    method("l-svrg", |_, _| EstimatorConfig::Loopless(LooplessConfig::default()), momentum, 0.1, 2),
    method("adasvrg", |_, _| EstimatorConfig::Svrg(stored()), adagrad, 1.0, 2),
    method("scsg", |_, _| EstimatorConfig::MegaBatch(MegaBatchConfig::scsg_released()), momentum, 0.1, 2),
    method("saga", |_, _| EstimatorConfig::Saga(SagaConfig::default()), momentum, 0.1, 1),
    method("sarah", |_, _| EstimatorConfig::Sarah(SarahConfig::default()), momentum, 0.1, 3),
    method("page", |_, _| EstimatorConfig::Page(PageConfig::default()), momentum, 0.1, 2),
    method("zero-sarah", |_, _| EstimatorConfig::ZeroSarah(ZeroSarahConfig::default()), momentum, 0.1, 2),
    method("storm", |_, _| EstimatorConfig::Storm(StormConfig::default()), momentum, 0.1, 2),
    method("adamw", |_, _| EstimatorConfig::Sgd, adamw, 1e-3, 1),
    method("mars-adamw", |_, _| EstimatorConfig::Mars(MarsConfig::default()), adamw, 1e-3, 2),
    method("self-tuning-adamw", |_, _| EstimatorConfig::SelfTuning(self_tuning()), adamw, 1e-3, 1),
];

const fn method(
    name: &'static str,
    estimator: fn(u64, u64) -> EstimatorConfig,
    rule: fn(u64) -> RuleConfig,
    rate: f64,
    passes: usize,
) -> Method {
    Method { name, estimator, rule, rate, passes }
}

fn stored() -> SvrgConfig<f32> {
    SvrgConfig { gradients: STORED, ..SvrgConfig::default() }
}

/// α-SVRG's coefficient, from ¾ to 0 over the run, two gradients a step.
fn falling(gradients: u64) -> SvrgConfig<f32> {
    let coefficient = vr_optim::vr_core::Coefficient::Scalar(0.75);
    SvrgConfig { coefficient, decay: Some((gradients / 2).max(1)), ..stored() }
}

fn self_tuning() -> SelfTuningConfig {
    SelfTuningConfig { gradients: STORED, ..SelfTuningConfig::default() }
}

/// The name of a method's runs at a multiple of its rate.
fn name(method: &str, multiple: f64) -> String {
    format!("{method}-x{multiple}")
}

fn cells(settings: &Settings, minibatches: usize) -> Vec<Cell> {
    let asked = &settings.comparison;
    let (m, setting) = (minibatches as u64, Setting::of(settings.model));
    let tuning: &[u64] = if asked.rates.len() > 1 { &asked.tuning_seeds } else { &[] };
    let mut cells = Vec::new();
    for &seed in settings.seeds.iter().chain(tuning) {
        for method in METHODS.iter().filter(|method| asked.methods.iter().any(|name| name == method.name)) {
            for &multiple in &asked.rates {
                let rate = settings.scaled(method.rate * multiple);
                let schedule = Schedule::of(setting, rate, settings.epochs, settings.version);
                let estimator = (method.estimator)(settings.epochs as u64 * m, m);
                cells.push(Cell {
                    rule: (method.rule)(m),
                    schedule: Schedule { by: Unit::Gradient, ..schedule },
                    epochs: settings.epochs.div_ceil(method.passes),
                    ..cell(settings, &name(method.name, multiple), estimator, seed)
                });
            }
        }
    }
    cells
}

/// The rows within the budget, that of SGD in the result's epochs.
fn within_budget(result: &ExperimentResult) -> impl Iterator<Item = &EpochRow> {
    let budget = (result.epochs_run * result.minibatches) as u64;
    result.epochs.iter().filter(move |row| row.gradient_evaluations <= budget)
}

/// The methods with their multiples, in order.
fn grid(result: &ExperimentResult) -> Vec<(String, Vec<f64>)> {
    let mut grid: Vec<(String, Vec<f64>)> = Vec::new();
    for track in result.tracks() {
        let Some((method, multiple)) = track.method.rsplit_once("-x") else { continue };
        let Ok(multiple) = multiple.parse::<f64>() else { continue };
        match grid.iter_mut().find(|(name, _)| name == method) {
            Some((_, multiples)) => multiples.push(multiple),
            None => grid.push((method.to_owned(), vec![multiple])),
        }
    }
    grid
}

/// The multiple at which a method's tuning runs, none of which diverged, have the least mean error at the end; of a single one that one.
fn best(result: &ExperimentResult, method: &str, multiples: &[f64]) -> Option<f64> {
    let error = |&multiple: &f64| {
        let name = name(method, multiple);
        let diverged = result.diverged_seeds(&name);
        let mut last: Vec<(u64, &EpochRow)> = Vec::new();
        for row in within_budget(result).filter(|row| row.method == name && !result.seeds.contains(&row.seed)) {
            match last.iter_mut().find(|(seed, _)| *seed == row.seed) {
                Some((_, latest)) => *latest = row,
                None => last.push((row.seed, row)),
            }
        }
        let whole = diverged.iter().all(|seed| result.seeds.contains(seed)) && !last.is_empty();
        whole.then(|| (multiple, last.iter().map(|(_, row)| row.test_error).sum::<f64>() / last.len() as f64))
    };
    match multiples {
        [only] => Some(*only),
        _ => multiples.iter().filter_map(error).min_by(|a, b| a.1.total_cmp(&b.1)).map(|(multiple, _)| multiple),
    }
}

/// The reported runs of each method at its best rate within the budget, under the method's own name. All end at the result's last epoch.
fn tuned(result: &ExperimentResult) -> (ExperimentResult, Vec<(String, f64)>) {
    let (mut epochs, mut diverged, mut rates) = (Vec::new(), Vec::new(), Vec::new());
    for (method, multiples) in grid(result) {
        let Some(multiple) = best(result, &method, &multiples) else { continue };
        let name = name(&method, multiple);
        for &seed in &result.seeds {
            let run: Vec<&EpochRow> =
                within_budget(result).filter(|row| row.method == name && row.seed == seed).collect();
            let behind = result.epochs_run - run.last().map_or(0, |row| row.epoch.min(result.epochs_run));
            epochs.extend(run.into_iter().map(|row| EpochRow {
                method: method.clone(),
                epoch: row.epoch + behind,
                ..row.clone()
            }));
        }
        let lost: BTreeSet<u64> =
            result.diverged_seeds(&name).into_iter().filter(|s| result.seeds.contains(s)).collect();
        diverged.extend(lost.into_iter().map(|seed| Divergence { method: method.clone(), seed, epoch: 1 }));
        rates.push((method, multiple));
    }
    (ExperimentResult { epochs, diverged, ..result.clone() }, rates)
}

fn figures(result: &ExperimentResult) -> Result<Vec<Figure>, FigureError> {
    let title = result.heading("Test error at equal cost");
    let svg = figure(&title, &tuned(result).0)?;
    Ok(vec![("compare", title, svg)])
}

/// One for each method but SGD, and who wins at this budget.
fn verdicts(result: &ExperimentResult) -> Vec<Verdict> {
    let (tuned, rates) = tuned(result);
    let methods: Vec<&str> = rates.iter().map(|(method, _)| method.as_str()).filter(|&method| method != SGD).collect();
    let advantages: Vec<Estimate> = methods.iter().map(|method| difference(&tuned, SGD, method)).collect();
    // Better than SGD speaks against the claim.
    let findings = each(&advantages.iter().map(|advantage| advantage.negated().above()).collect::<Vec<_>>());
    let rule = LEAST.rule(
        result,
        &format!(
            "the difference of the test errors at the end between runs with the same seed: for when its {INTERVAL} lies \
             below 0, against when above, {HOLM} (here methods); each method at the rate with which other seeds did best"
        ),
    );
    let verdict = |((method, advantage), finding): ((&&str, &Estimate), _)| Verdict {
        id: format!("E-{method}"),
        claim: format!("E: with SGD's gradients and its own learning rate, {method} is no better than SGD"),
        expected: "an advantage of at most 0".into(),
        measured: format!(
            "test error in %: {}; advantage over sgd in pairs {advantage}; {}{}",
            ranking(&tuned, &rates),
            rates_of(&rates),
            diverged(&tuned, &[SGD, method])
        ),
        outcome: LEAST.word(result, advantage.n, finding),
        rule: rule.clone(),
    };
    methods.iter().zip(&advantages).zip(findings).map(verdict).collect()
}

/// The methods from the best to the worst, with their errors.
fn ranking(tuned: &ExperimentResult, rates: &[(String, f64)]) -> String {
    let mut errors: Vec<(&str, Estimate)> =
        rates.iter().map(|(method, _)| (method.as_str(), final_error(tuned, method))).collect();
    errors.sort_by(|a, b| a.1.mean.total_cmp(&b.1.mean));
    errors.iter().map(|(method, error)| format!("{method} {error}")).collect::<Vec<_>>().join(", ")
}

fn rates_of(rates: &[(String, f64)]) -> String {
    let said: Vec<String> = rates.iter().map(|(method, multiple)| format!("{method} ×{multiple}")).collect();
    format!("rates {}", said.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::made_up;
    use crate::settings::Comparison;
    use crate::verdict::Outcome;

    const TUNING: u64 = 1000;

    /// Runs over thirty epochs of the budget of thirty of SGD, whose epochs cost so many passes; each method is best at a multiple.
    fn result(methods: &[(&str, usize, f64, f64)], seeds: u64) -> ExperimentResult {
        let mut epochs = Vec::new();
        for &(method, passes, at, error) in methods {
            for multiple in [0.5, 1.0, 2.0] {
                for seed in (0..seeds).chain([TUNING]) {
                    for epoch in 1..=30 {
                        let noise = 0.05 * (seed % 3) as f64;
                        // Beyond the budget it would be far better.
                        let beyond = if epoch * passes > 30 { 10.0 } else { 0.0 };
                        let found = error + (multiple / at).log2().abs() + noise + 1.0 / epoch as f64 - beyond;
                        let row = made_up::row(&name(method, multiple), seed, epoch, found);
                        epochs.push(EpochRow { gradient_evaluations: (391 * passes * epoch) as u64, ..row });
                    }
                }
            }
        }
        ExperimentResult { epochs, epochs_run: 30, seeds: (0..seeds).collect(), ..made_up::result("lenet") }
    }

    #[test]
    fn each_method_has_its_own_rate_and_no_more_than_the_budget() {
        let result = result(&[("sgd", 1, 1.0, 30.0), ("svrg", 3, 0.5, 28.0), ("storm", 2, 2.0, 33.0)], 4);
        let (tuned, rates) = tuned(&result);
        assert_eq!(rates, [("sgd".into(), 1.0), ("svrg".into(), 0.5), ("storm".into(), 2.0)]);
        let svrg: Vec<_> = tuned.rows("svrg").filter(|row| row.seed == 0).map(|row| row.epoch).collect();
        assert_eq!(svrg, (21..=30).collect::<Vec<_>>(), "ten epochs, which end with SGD's");
        assert!(tuned.epochs.iter().all(|row| row.seed != TUNING && row.gradient_evaluations <= 30 * 391));
        let found: Vec<_> = verdicts(&result).into_iter().map(|verdict| (verdict.id, verdict.outcome)).collect();
        let expected = [("E-svrg", Outcome::TendencyAgainst), ("E-storm", Outcome::TendencyFor)];
        assert_eq!(found, expected.map(|(id, outcome)| (id.to_owned(), outcome)));
        let said = &verdicts(&result)[0].measured;
        assert!(said.starts_with("test error in %: svrg 28.") && said.contains("storm ×2"), "{said}");
        figures(&result).unwrap();
    }

    #[test]
    fn a_rate_at_which_a_tuning_run_diverged_is_not_taken() {
        let mut result = result(&[("sgd", 1, 1.0, 30.0), ("svrg", 3, 2.0, 28.0)], 2);
        let lose = |result: &mut ExperimentResult, seed| {
            result.diverged.push(Divergence { method: name("svrg", 2.0), seed, epoch: 3 });
        };
        lose(&mut result, 1);
        assert_eq!(best(&result, "svrg", &[0.5, 1.0, 2.0]), Some(2.0));
        assert!(verdicts(&result)[0].measured.contains("svrg diverged with seed 1"));
        lose(&mut result, TUNING);
        assert_eq!(best(&result, "svrg", &[0.5, 1.0, 2.0]), Some(1.0));
        assert_eq!(verdicts(&made_up::result("lenet")), []);
    }

    #[test]
    fn cells_are_the_grid_with_both_kinds_of_seeds() {
        let comparison = Comparison {
            methods: vec!["svrg".into(), "mars-adamw".into()],
            rates: vec![0.5, 1.0],
            tuning_seeds: vec![7],
        };
        let settings = Settings { comparison, epochs: 9, seeds: vec![0, 1], batch_size: 64, ..Settings::default() };
        let found = cells(&settings, 10);
        assert_eq!(found.len(), 2 * 2 * 3);
        assert_eq!((found[0].method.as_str(), found[0].epochs, found[0].schedule.length), ("svrg-x0.5", 3, 9));
        assert_eq!((found[0].schedule.base, found[0].schedule.by), (0.025, Unit::Gradient));
        assert_eq!((found[11].method.as_str(), found[11].seed), ("mars-adamw-x1", 7));
        let mut alone = settings.clone();
        alone.comparison.rates = vec![1.0];
        assert_eq!(cells(&alone, 10).len(), 2 * 2, "one rate needs no tuning");
        let names: BTreeSet<&str> = METHODS.iter().map(|method| method.name).collect();
        assert_eq!(names.len(), METHODS.len());
    }
}
