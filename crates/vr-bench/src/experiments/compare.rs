//! E: which method is best where all have the same number of gradients, each at its own best learning rate. The paper compares epochs, at
//! SGD's rate; an epoch costs SVRG two or three times SGD's gradients.
//!
//! A run's budget is that of SGD in the epochs asked for. Its schedule goes with the gradients spent, so that every method anneals to the end within
//! the same number of them; what it does beyond is not looked at. Each rate of the grid runs with the seeds for tuning. They choose
//! it by their error on pictures that are held out of the training set, and the seeds that are reported run at that rate alone.

use std::collections::BTreeMap;

use vr_optim::{
    AdaGradConfig, AdamWConfig, EstimatorConfig, MarsConfig, MegaBatchConfig, PageConfig, RuleConfig, SagaConfig,
    SarahConfig, SelfTuningConfig, SnapshotGradients, StormConfig, SvrgConfig, ZeroSarahConfig,
};
use vr_optim::{LooplessConfig, rule::adagrad::Scale};

use super::Experiment;
use super::tuned::{self, AT_EDGE, Tuned, name, rates, reported, tempered};
use crate::cell::Cell;
use crate::figures::FigureError;
use crate::figures::comparison::comparison as figure;
use crate::paper::alpha_svrg;
use crate::paper::methods::{SGD, cell};
use crate::paper::schedule::{Schedule, Unit};
use crate::paper::setting::Setting;
use crate::results::{EpochRow, ExperimentResult};
use crate::run_dir::Figure;
use crate::settings::{Model, PAPER_EPOCHS, Settings};
use crate::verdict::Verdict;
use crate::verdict::estimate::Estimate;
use crate::verdict::no_better::{Question, final_error, no_better};
use crate::verdict::scale::LeastScale;

/// Methods at equal cost.
pub const EXPERIMENT: Experiment = Experiment {
    name: "compare",
    summary: "Test error of methods with the same number of gradients, each at its own learning rate",
    claim: CLAIM,
    model: Model::LENET,
    models: &[],
    settings,
    cells,
    figures,
    verdicts,
    tuning: Some(chosen),
};

const CLAIM: &str = "With the same number of minibatch gradients, each method at the learning rate that suits it, none is better than SGD.";

/// Pictures that are held out unless told otherwise, on which an error of a third is known to 1.5 percentage points.
const HELD_OUT: usize = 1000;

fn settings(model: Model) -> Settings {
    Settings { validation: Some(HELD_OUT), ..Settings::of(model) }
}

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
    method("alpha-svrg", |gradients, _| EstimatorConfig::Svrg(alpha_svrg::svrg(gradients / 2)), momentum, 0.1, 2),
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

fn self_tuning() -> SelfTuningConfig {
    SelfTuningConfig { gradients: STORED, ..SelfTuningConfig::default() }
}

fn cells(settings: &Settings, minibatches: usize) -> Vec<Cell> {
    let (m, setting, asked) = (minibatches as u64, Setting::of(settings.model), &settings.comparison.methods);
    let methods: Vec<&Method> = METHODS.iter().filter(|method| asked.iter().any(|name| name == method.name)).collect();
    tuned::cells(settings, &methods, |method, rate, seed| {
        let base = rate.times(settings.scaled(method.rate));
        let schedule = Schedule::of(setting, base, settings.epochs, settings.version);
        let estimator = (method.estimator)(settings.epochs as u64 * m, m);
        Cell {
            rule: (method.rule)(m),
            schedule: Schedule { by: Unit::Gradient, ..schedule },
            epochs: settings.epochs.div_ceil(method.passes),
            ..cell(settings, &name(method.name, rate), estimator, seed)
        }
    })
}

/// The minibatch gradients that every method has: those of SGD in the result's epochs.
fn budget(result: &ExperimentResult) -> u64 {
    (result.epochs_run * result.minibatches) as u64
}

/// Each method at the rate at which its runs with the seeds for tuning have the least error on what is held out, at their last epoch
/// within the budget.
fn chosen(result: &ExperimentResult) -> Vec<Tuned> {
    let within = |row: &EpochRow| row.gradient_evaluations <= budget(result);
    tuned::tuned(result, |row| row.validation_error.filter(|_| within(row)))
}

/// The reported runs of each method within the budget, under the method's own name, with passes over the training set in place of epochs.
/// All end at the result's last one, so that the errors at the end are means over the same passes for all.
fn at_budget(result: &ExperimentResult, tuned: &[Tuned]) -> ExperimentResult {
    let mut runs = reported(result, tuned);
    runs.epochs.retain(|row| row.gradient_evaluations <= budget(result));
    for row in &mut runs.epochs {
        row.epoch = row.gradient_evaluations.div_ceil(result.minibatches.max(1) as u64) as usize;
    }
    let mut last: BTreeMap<(String, u64), usize> = BTreeMap::new();
    for row in &runs.epochs {
        let epoch = last.entry((row.method.clone(), row.seed)).or_default();
        *epoch = row.epoch.max(*epoch);
    }
    for row in &mut runs.epochs {
        row.epoch += result.epochs_run.saturating_sub(last[&(row.method.clone(), row.seed)]);
    }
    runs
}

fn figures(result: &ExperimentResult) -> Result<Vec<Figure>, FigureError> {
    let title = result.heading("Test error at equal cost");
    let svg = figure(&title, &at_budget(result, &chosen(result)))?;
    Ok(vec![("compare", title, svg)])
}

/// One for each method but SGD, and who wins at this budget.
fn verdicts(result: &ExperimentResult) -> Vec<Verdict> {
    let tuned = chosen(result);
    let runs = at_budget(result, &tuned);
    let methods: Vec<&str> = tuned.iter().map(|chosen| &*chosen.method).filter(|&method| method != SGD).collect();
    let question = |method: &&str| Question {
        id: format!("E-{method}"),
        claim: format!("E: with SGD's gradients and its own learning rate, {method} is no better than SGD"),
        published: "nothing",
        method: (*method).to_owned(),
    };
    let (ranking, rates) = (ranking(&runs, &tuned), rates(&tuned));
    let at_their_rates = |(verdict, method): (Verdict, &str)| Verdict {
        measured: format!("{}; of all {ranking}; {rates}", verdict.measured),
        outcome: tempered(verdict.outcome, &tuned, &[SGD, method]),
        rule: format!(
            "{}; each method at the rate at which other seeds have the least error on pictures that are held out of the training set, \
             {AT_EDGE}",
            verdict.rule
        ),
        ..verdict
    };
    let questions: Vec<Question> = methods.iter().map(question).collect();
    no_better(&runs, &questions, LEAST).into_iter().zip(methods).map(at_their_rates).collect()
}

/// The methods from the best to the worst, with their errors.
fn ranking(runs: &ExperimentResult, tuned: &[Tuned]) -> String {
    let mut errors: Vec<(&str, Estimate)> =
        tuned.iter().map(|chosen| (&*chosen.method, final_error(runs, &chosen.method))).collect();
    errors.sort_by(|a, b| a.1.mean.total_cmp(&b.1.mean));
    errors.iter().map(|(method, error)| format!("{method} {error}")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    use crate::results::{Divergence, made_up};
    use crate::settings::{Comparison, Rate};
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
                        let row = made_up::row(&name(method, Rate::Multiple(multiple)), seed, epoch, found);
                        let gradient_evaluations = (391 * passes * epoch) as u64;
                        epochs.push(EpochRow { gradient_evaluations, validation_error: Some(found), ..row });
                    }
                }
            }
        }
        ExperimentResult { epochs, epochs_run: 30, seeds: (0..seeds).collect(), ..made_up::result("lenet") }
    }

    #[test]
    fn each_method_has_its_own_rate_and_no_more_than_the_budget() {
        let result = result(&[("sgd", 1, 1.0, 30.0), ("svrg", 3, 0.5, 28.0), ("storm", 2, 2.0, 33.0)], 4);
        let tuned = chosen(&result);
        let names: Vec<String> = tuned.iter().map(Tuned::runs).collect();
        assert_eq!(names, ["sgd-x1", "svrg-x0.5", "storm-x2"]);
        let runs = at_budget(&result, &tuned);
        let svrg: Vec<_> = runs.rows("svrg").filter(|row| row.seed == 0).map(|row| row.epoch).collect();
        assert_eq!(svrg, (1..=10).map(|epoch| 3 * epoch).collect::<Vec<_>>(), "ten epochs of three passes");
        assert!(runs.epochs.iter().all(|row| row.seed != TUNING && row.gradient_evaluations <= 30 * 391));
        let found: Vec<_> = verdicts(&result).into_iter().map(|verdict| (verdict.id, verdict.outcome)).collect();
        let expected = [("E-svrg", Outcome::TendencyAgainst), ("E-storm", Outcome::TendencyFor)];
        assert_eq!(found, expected.map(|(id, outcome)| (id.to_owned(), outcome)));
        let said = &verdicts(&result)[0].measured;
        assert!(
            said.starts_with("test error in %: sgd 30.")
                && said.contains("of all svrg 28.")
                && said.contains("storm ×2"),
            "{said}"
        );
        figures(&result).unwrap();
    }

    /// The rate that does best on the test set does worst on what is held out, and is not taken.
    #[test]
    fn rates_are_chosen_by_what_is_held_out() {
        let mut result = result(&[("sgd", 1, 1.0, 30.0), ("svrg", 3, 0.5, 28.0)], 2);
        let best = |result: &ExperimentResult| chosen(result).last().map(Tuned::runs);
        assert_eq!(best(&result).as_deref(), Some("svrg-x0.5"));
        for row in &mut result.epochs {
            row.validation_error = Some(100.0 - row.test_error);
        }
        assert_eq!(best(&result).as_deref(), Some("svrg-x2"));
        assert!(verdicts(&result)[0].measured.contains("svrg ×2 (at the edge of what was tried)"));
        assert_eq!(settings(Model::LENET).validation, Some(1000));
    }

    #[test]
    fn a_run_that_diverged_is_told() {
        let mut result = result(&[("sgd", 1, 1.0, 30.0), ("svrg", 3, 2.0, 28.0)], 2);
        result.diverged.push(Divergence { method: "svrg-x2".into(), seed: 1, epoch: 3 });
        assert!(verdicts(&result)[0].measured.contains("svrg diverged with seed 1"));
        assert_eq!(verdicts(&made_up::result("lenet")), []);
    }

    #[test]
    fn cells_are_the_grid_with_both_kinds_of_seeds() {
        let comparison = Comparison {
            methods: vec!["svrg".into(), "mars-adamw".into()],
            rates: "0.5,1".parse().unwrap(),
            tuning_seeds: vec![7],
            ..Comparison::default()
        };
        let settings = Settings { comparison, epochs: 9, seeds: vec![0, 1], batch_size: 64, ..Settings::default() };
        let found = cells(&settings, 10);
        assert_eq!(found.len(), 2 * 2 * 3);
        assert_eq!((found[0].method.as_str(), found[0].seed), ("svrg-x0.5", 7));
        assert_eq!((found[4].method.as_str(), found[4].epochs, found[4].schedule.length), ("svrg-x0.5", 3, 9));
        assert_eq!((found[4].schedule.base, found[4].schedule.by), (0.025, Unit::Gradient));
        assert_eq!((found[11].method.as_str(), found[11].seed), ("mars-adamw-x1", 1));
        let mut alone = settings.clone();
        alone.comparison.rates = "1".parse().unwrap();
        assert_eq!(cells(&alone, 10).len(), 2 * 2, "one rate needs no tuning");
        let names: BTreeSet<&str> = METHODS.iter().map(|method| method.name).collect();
        assert_eq!(names.len(), METHODS.len());
    }
}
