//! C10, Figure 5: in test error SVRG is no better than SGD, and SCSG is the worst of the three.
//! Every run counts, diverged ones too.

use super::Experiment;
use crate::cell::Cell;
use crate::figures::FigureError;
use crate::figures::test_error::test_error as figure;
use crate::paper::methods::{LEARNING_RATE, recomputed, scsg, sgd};
use crate::results::ExperimentResult;
use crate::run_dir::Figure;
use crate::settings::{Model, Settings};
use crate::verdict::no_better::{Question, RUNS, diverged, error_rule, final_error, no_better};
use crate::verdict::{Outcome, Verdict};

/// Figure 5.
pub const EXPERIMENT: Experiment = Experiment {
    name: "test-error",
    summary: "Test error of SGD, SVRG and SCSG (Figure 5)",
    claim: CLAIM,
    model: Model::LENET,
    models: &[],
    cells,
    figures,
    verdicts,
};

const CLAIM: &str = "In test error SVRG is no better than SGD, and SCSG is the worst of the three (paper, Figure 5). \
                     An epoch costs SGD one pass of gradients, SVRG three and SCSG two.";

/// The learning rate of the paper's ResNet-110 runs.
const RESNET110_LEARNING_RATE: f64 = 0.05;

fn cells(settings: &Settings, _minibatches: usize) -> Vec<Cell> {
    let base = if settings.model.name() == Model::RESNET110.name() { RESNET110_LEARNING_RATE } else { LEARNING_RATE };
    let of_seed = |seed| [sgd, recomputed, scsg].map(|method| method(settings, seed));
    let cells = settings.seeds.iter().copied().flat_map(of_seed);
    cells.map(|cell| Cell { schedule: settings.schedule(base), ..cell }).collect()
}

fn figures(result: &ExperimentResult) -> Result<Vec<Figure>, FigureError> {
    let title = result.heading("Test error");
    let svg = figure(&title, result)?;
    Ok(vec![("test-error", title, svg)])
}

fn verdicts(result: &ExperimentResult) -> Vec<Verdict> {
    let svrg = Question {
        id: "C10-svrg".into(),
        claim: "C10: SVRG's test error is no better than SGD's".into(),
        published: "no gain visible",
        method: "svrg-recomputed",
    };
    vec![no_better(result, svrg), worst(result)]
}

fn worst(result: &ExperimentResult) -> Verdict {
    let [sgd, svrg, scsg] = ["sgd", "svrg-recomputed", "scsg"].map(|method| final_error(result, method));
    let gaps = [scsg.minus(sgd), scsg.minus(svrg)];
    let signs = gaps.map(|gap| gap.sign());
    Verdict {
        id: "C10-scsg".into(),
        claim: "C10: SCSG's test error is the worst of the three".into(),
        expected: "above both others".into(),
        measured: format!(
            "test error in %: scsg {scsg}; less sgd {}; less svrg-recomputed {}{}",
            gaps[0],
            gaps[1],
            diverged(result, "scsg")
        ),
        outcome: match () {
            () if gaps.iter().any(|gap| gap.n < RUNS) => Outcome::Undecided,
            () if signs.contains(&Outcome::Contradicted) => Outcome::Contradicted,
            () if signs == [Outcome::Confirmed; 2] => Outcome::Confirmed,
            () => Outcome::Undecided,
        },
        rule: format!(
            "confirmed when the 95 % intervals (Student's t) of both differences lie above 0, contradicted when one \
             lies below; {}",
            error_rule(result)
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::{Divergence, made_up};

    fn check(svrg: &[f64], scsg: &[f64], expected: [Outcome; 2]) {
        let sgd = &[20.0, 20.1, 19.9];
        let result = made_up::final_errors(&[("sgd", sgd), ("svrg-recomputed", svrg), ("scsg", scsg)]);
        let outcomes: Vec<Outcome> = verdicts(&result).into_iter().map(|v| v.outcome).collect();
        assert_eq!(outcomes, expected);
    }

    #[test]
    fn verdicts_can_go_every_way() {
        check(&[20.0, 20.2, 20.1], &[23.0, 23.1, 22.9], [Outcome::Confirmed; 2]);
        check(&[19.0, 19.1, 18.9], &[19.5, 19.6, 19.4], [Outcome::Contradicted; 2]);
        check(&[19.0, 25.0, 16.0], &[19.0, 26.0, 17.0], [Outcome::Undecided; 2]);
        check(&[20.0, 20.2], &[23.0, 23.1], [Outcome::Undecided; 2]);
    }

    #[test]
    fn a_diverged_run_counts_as_guessing() {
        let errors = &[20.0, 20.1, 19.9];
        let mut result = made_up::final_errors(&[("sgd", errors), ("svrg-recomputed", errors), ("scsg", errors)]);
        result.diverged.push(Divergence { method: "scsg".into(), seed: 1, epoch: 249 });
        let errors = result.final_errors("scsg");
        assert_eq!(errors[1], 90.0);
        assert!((errors[0] - 20.0).abs() < 1e-9);
        assert!(verdicts(&result)[1].measured.contains("scsg diverged with seed 1"));
    }

    #[test]
    fn resnet_110_has_a_learning_rate_of_its_own() {
        let rate = |settings: &Settings| cells(settings, 391)[0].schedule.base;
        let mut settings = Settings::default();
        assert_eq!(rate(&settings), 0.1);
        settings.model = Model::RESNET110;
        assert_eq!(rate(&settings), 0.05);
        settings.learning_rate = Some(0.02);
        assert_eq!(rate(&settings), 0.02);
    }
}
