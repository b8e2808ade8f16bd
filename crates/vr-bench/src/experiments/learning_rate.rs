//! C10, asked fairly: the paper gives all methods SGD's learning rate. Here each has the rate of a grid at which it does best.

use super::Experiment;
use super::test_error::{self, SVRG};
use crate::cell::Cell;
use crate::figures::FigureError;
use crate::figures::learning_rate::{Method, learning_rate as figure};
use crate::paper::methods::{recomputed, scsg, sgd};
use crate::results::{EpochRow, ExperimentResult};
use crate::run_dir::Figure;
use crate::settings::{Model, Settings};
use crate::verdict::Verdict;
use crate::verdict::no_better::{Question, final_error, no_better};

/// Five rates for each of three methods.
pub const EXPERIMENT: Experiment = Experiment {
    name: "learning-rate",
    summary: "Test error of SGD, SVRG and SCSG, each at its own best learning rate",
    claim: CLAIM,
    model: Model::LENET,
    models: &[],
    settings: Settings::of,
    cells,
    figures,
    verdicts,
    tuning: None,
};

const CLAIM: &str = "In test error SVRG and SCSG are no better than SGD (paper, Figure 5, with one learning rate for all \
                     methods), also where each method has the rate at which it does best.";

/// The grid, in multiples of the paper's rate.
const MULTIPLES: [f64; 5] = [0.25, 0.5, 1.0, 2.0, 4.0];

/// Makes a method's cell of a seed.
type Build = fn(&Settings, u64) -> Cell;

const METHODS: [(&str, Build); 3] = [("sgd", sgd), (SVRG, recomputed), ("scsg", scsg)];

fn name(method: &str, multiple: f64) -> String {
    format!("{method}-x{multiple}")
}

fn cells(settings: &Settings, _minibatches: usize) -> Vec<Cell> {
    let base = settings.schedule(test_error::learning_rate(settings.model)).base;
    let mut cells = Vec::new();
    for &seed in &settings.seeds {
        for (method, build) in METHODS {
            cells.extend(MULTIPLES.map(|multiple| {
                let settings = Settings { learning_rate: Some(base * multiple), ..settings.clone() };
                Cell { method: name(method, multiple), ..build(&settings, seed) }
            }));
        }
    }
    cells
}

fn figures(result: &ExperimentResult) -> Result<Vec<Figure>, FigureError> {
    let title = result.heading("Test error over the learning rate");
    let errors = |multiple: f64, method: &str| -> Vec<(f64, f64)> {
        result.final_errors(&*name(method, multiple)).into_values().map(|error| (multiple, error)).collect()
    };
    let methods: Vec<Method> = METHODS
        .iter()
        .map(|&(method, _)| (method.to_owned(), MULTIPLES.iter().flat_map(|&by| errors(by, method)).collect()))
        .collect();
    let svg = figure(&title, &methods)?;
    Ok(vec![("learning-rate", title, svg)])
}

/// The multiple at which a method's runs, none of which diverged, have the least mean error.
fn best(result: &ExperimentResult, method: &str) -> Option<f64> {
    let error = |multiple: f64| {
        let name = name(method, multiple);
        let error = final_error(result, &name);
        (error.n > 0 && result.diverged_seeds(&name).is_empty()).then_some((multiple, error.mean))
    };
    MULTIPLES.into_iter().filter_map(error).min_by(|a, b| a.1.total_cmp(&b.1)).map(|(multiple, _)| multiple)
}

/// The runs of each method at its best rate, under the method's own name.
fn tuned(result: &ExperimentResult) -> ExperimentResult {
    let mut epochs = Vec::new();
    for (method, _) in METHODS {
        let Some(multiple) = best(result, method) else { continue };
        let name = name(method, multiple);
        let rows = result.epochs.iter().filter(|row| row.method == name);
        epochs.extend(rows.map(|row| EpochRow { method: method.to_owned(), ..row.clone() }));
    }
    ExperimentResult { epochs, diverged: Vec::new(), ..result.clone() }
}

fn verdicts(result: &ExperimentResult) -> Vec<Verdict> {
    let question = |id: &str, method: &str| Question {
        id: id.into(),
        claim: format!("C10: with the best rate for each, the test error of {method} is no better than SGD's"),
        published: "not asked",
        method: method.into(),
    };
    let questions = [question("C10-tuned-svrg", SVRG), question("C10-tuned-scsg", "scsg")];
    let rates = METHODS.map(|(method, _)| {
        let at = |multiple: f64| format!("×{multiple} {}", final_error(result, &name(method, multiple)));
        let best = best(result, method).map_or("none".into(), |best| format!("×{best}"));
        format!("{method} best at {best} of the paper's rate ({})", MULTIPLES.map(at).join(", "))
    });
    let judged = no_better(&tuned(result), &questions, test_error::LEAST);
    let told = |verdict: Verdict| Verdict {
        measured: format!("{}; {}", verdict.measured, rates.join("; ")),
        rule: format!(
            "each method at the rate of {MULTIPLES:?} times the paper's with the least mean error; {}",
            verdict.rule
        ),
        ..verdict
    };
    judged.into_iter().map(told).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::{Divergence, made_up};
    use crate::verdict::Outcome;

    /// Ten seeds; each method has its least error at a multiple.
    fn result(least: [(f64, f64); 3]) -> ExperimentResult {
        let runs: Vec<(String, Vec<f64>)> = METHODS
            .iter()
            .zip(least)
            .flat_map(|(&(method, _), (at, error))| {
                MULTIPLES.map(move |multiple| {
                    let error = error + (multiple / at).log2().abs();
                    (name(method, multiple), (0..10).map(|seed| error + 0.02 * f64::from(seed % 3)).collect())
                })
            })
            .collect();
        let runs: Vec<(&str, &[f64])> = runs.iter().map(|(name, errors)| (&**name, &**errors)).collect();
        made_up::final_errors(&runs)
    }

    fn outcomes(result: &ExperimentResult) -> Vec<Outcome> {
        verdicts(result).into_iter().map(|verdict| verdict.outcome).collect()
    }

    /// At the paper's rate SVRG would be a point worse.
    #[test]
    fn each_method_is_judged_at_its_own_rate() {
        let result = result([(1.0, 24.0), (0.5, 23.0), (2.0, 24.1)]);
        assert_eq!(outcomes(&result), [Outcome::Contradicted, Outcome::Confirmed]);
        let told = &verdicts(&result)[0].measured;
        assert!(told.contains("svrg-recomputed best at ×0.5"), "{told}");
    }

    #[test]
    fn a_rate_at_which_a_run_diverged_is_not_the_best() {
        let mut result = result([(1.0, 24.0), (4.0, 23.0), (1.0, 24.0)]);
        assert_eq!(best(&result, SVRG), Some(4.0));
        result.diverged.push(Divergence { method: name(SVRG, 4.0), seed: 3, epoch: 1 });
        assert_eq!(best(&result, SVRG), Some(2.0));
        assert_eq!(outcomes(&made_up::result("lenet")), [Outcome::Undecided; 2]);
    }

    #[test]
    fn the_grid_is_around_the_rate_that_was_asked_for() {
        let settings = Settings { seeds: vec![0, 1], ..Settings::default() };
        let cells_of = |settings: &Settings| cells(settings, 391);
        let found = cells_of(&settings);
        assert_eq!(found.len(), 2 * 15);
        let rates: Vec<f64> = found[..5].iter().map(|cell| cell.schedule.base).collect();
        assert_eq!(rates, [0.025, 0.05, 0.1, 0.2, 0.4]);
        let other = Settings { learning_rate: Some(0.02), ..settings };
        assert_eq!(cells_of(&other)[2].schedule.base, 0.02);
    }
}
