//! C10, Figure 5: in test error SVRG is no better than SGD, and SCSG is the worst of the three. Beside the paper's runs of
//! equal epochs stand runs of equal gradients: the whole schedule, compressed to the epochs that SGD's gradients pay for.

use super::Experiment;
use crate::cell::Cell;
use crate::figures::FigureError;
use crate::figures::test_error::test_error as figure;
use crate::paper::methods::{LEARNING_RATE, recomputed, scsg, sgd};
use crate::results::ExperimentResult;
use crate::run_dir::Figure;
use crate::settings::{Model, PAPER_EPOCHS, Settings};
use crate::verdict::Verdict;
use crate::verdict::estimate::INTERVAL;
use crate::verdict::finding::{Finding, HOLM, together};
use crate::verdict::no_better::{Question, difference, diverged, error_rule, final_error, no_better};
use crate::verdict::scale::LeastScale;

/// Figure 5.
pub const EXPERIMENT: Experiment = Experiment {
    name: "test-error",
    summary: "Test error of SGD, SVRG and SCSG (Figure 5)",
    claim: CLAIM,
    model: Model::LENET,
    models: &[],
    settings: Settings::of,
    cells,
    figures,
    verdicts,
    tuning: None,
};

const CLAIM: &str = "In test error SVRG is no better than SGD, and SCSG is the worst of the three (paper, Figure 5). \
                     An epoch costs SGD one pass of gradients, SVRG three and SCSG two.";

/// The learning rate of the paper's ResNet-110 runs.
const RESNET110_LEARNING_RATE: f64 = 0.05;

/// The paper's number of seeds on CIFAR-10.
pub(super) const LEAST: LeastScale = LeastScale { epochs: PAPER_EPOCHS, seeds: 10 };

pub(super) const SVRG: &str = "svrg-recomputed";
const SVRG_ARM: &str = "svrg-equal-gradients";
const SCSG_ARM: &str = "scsg-equal-gradients";
/// Passes over the data that an epoch costs.
const SVRG_PASSES: usize = 3;
const SCSG_PASSES: usize = 2;

/// The paper's rate for a network.
pub(super) fn learning_rate(model: Model) -> f64 {
    if model.name() == Model::RESNET110.name() { RESNET110_LEARNING_RATE } else { LEARNING_RATE }
}

fn cells(settings: &Settings, _minibatches: usize) -> Vec<Cell> {
    let base = learning_rate(settings.model);
    let of = |settings: &Settings, method: fn(&Settings, u64) -> Cell, seed| Cell {
        schedule: settings.schedule(base),
        ..method(settings, seed)
    };
    let of_seed = |seed| [sgd, recomputed, scsg].map(|method| of(settings, method, seed));
    let arms = |seed| {
        let arm =
            |name: &str, method, passes| Cell { method: name.into(), ..of(&shorter(settings, passes), method, seed) };
        [arm(SVRG_ARM, recomputed, SVRG_PASSES), arm(SCSG_ARM, scsg, SCSG_PASSES)]
    };
    let seeds = || settings.seeds.iter().copied();
    seeds().flat_map(of_seed).chain(seeds().flat_map(arms)).collect()
}

/// The same with as many epochs as cost SGD's gradients, on a schedule that is compressed with them.
fn shorter(settings: &Settings, passes: usize) -> Settings {
    let length = |epochs: usize| (epochs / passes).max(1);
    Settings { epochs: length(settings.epochs), schedule_epochs: length(settings.schedule_epochs), ..settings.clone() }
}

fn figures(result: &ExperimentResult) -> Result<Vec<Figure>, FigureError> {
    let title = result.heading("Test error");
    let svg = figure(&title, result)?;
    Ok(vec![("test-error", title, svg)])
}

fn verdicts(result: &ExperimentResult) -> Vec<Verdict> {
    let question = |id: &str, claim: &str, published, method: &str| Question {
        id: id.into(),
        claim: claim.into(),
        published,
        method: method.into(),
    };
    let svrg = question("C10-svrg", "C10: SVRG's test error is no better than SGD's", "no gain visible", SVRG);
    let mut verdicts = no_better(result, &[svrg], LEAST);
    verdicts.push(worst(result));
    let arms = [
        question(
            "C10-svrg-equal-gradients",
            "C10: with SGD's number of gradients, annealed, SVRG's test error is no better than SGD's",
            "not asked",
            SVRG_ARM,
        ),
        question(
            "C10-scsg-equal-gradients",
            "C10: with SGD's number of gradients, annealed, SCSG's test error is no better than SGD's",
            "not asked",
            SCSG_ARM,
        ),
    ];
    if result.tracks().iter().any(|track| track.method == SVRG_ARM) {
        verdicts.extend(no_better(result, &arms, LEAST));
    }
    verdicts
}

fn worst(result: &ExperimentResult) -> Verdict {
    let [sgd, svrg] = ["sgd", SVRG].map(|other| difference(result, "scsg", other));
    let seeds = sgd.n.min(svrg.n);
    // Over the runs that did not diverge alone, a method that diverged more often is not found the better.
    let more = |other: &str| result.diverged_seeds("scsg").len() > result.diverged_seeds(other).len();
    let fewer = |other: &str| result.diverged_seeds("scsg").len() < result.diverged_seeds(other).len();
    let finding = match together(&[sgd.above(), svrg.above()]) {
        Finding::Against if ["sgd", SVRG].into_iter().any(more) => Finding::Open,
        Finding::For if ["sgd", SVRG].into_iter().any(fewer) => Finding::Open,
        finding => finding,
    };
    Verdict {
        id: "C10-scsg".into(),
        claim: "C10: SCSG's test error is the worst of the three".into(),
        expected: "above both others".into(),
        measured: format!(
            "test error in %: scsg {}; in pairs less sgd {sgd}, less {SVRG} {svrg}{}",
            final_error(result, "scsg"),
            diverged(result, &["sgd", SVRG, "scsg"])
        ),
        outcome: LEAST.word(result, seeds, finding),
        rule: LEAST.rule(
            result,
            &format!(
                "for when the {INTERVAL} of both differences lies above 0, against when one lies below, {HOLM} (here \
             differences); {}",
                error_rule(result)
            ),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::{Divergence, made_up};
    use crate::verdict::Outcome;

    const NOISE: [f64; 10] = [0.0, 0.1, -0.1, 0.2, -0.2, 0.05, -0.05, 0.15, -0.15, 0.0];

    /// Ten runs about these errors, with a noise of their own.
    fn result(svrg: f64, scsg: f64) -> ExperimentResult {
        let about = |mean: f64, sign: f64| NOISE.map(|noise| mean + sign * noise);
        made_up::final_errors(&[("sgd", &about(20.0, 1.0)), (SVRG, &about(svrg, -1.0)), ("scsg", &about(scsg, 0.5))])
    }

    fn check(svrg: f64, scsg: f64, expected: [Outcome; 2]) {
        let outcomes: Vec<Outcome> = verdicts(&result(svrg, scsg)).into_iter().map(|v| v.outcome).collect();
        assert_eq!(outcomes, expected);
    }

    #[test]
    fn verdicts_can_go_every_way() {
        check(20.1, 23.0, [Outcome::Confirmed; 2]);
        check(19.0, 18.0, [Outcome::Contradicted; 2]);
        check(19.97, 20.02, [Outcome::Confirmed, Outcome::Undecided]);
        let mut few = result(20.1, 23.0);
        few.epochs.retain(|row| row.seed < 3);
        assert_eq!(verdicts(&few).into_iter().map(|v| v.outcome).collect::<Vec<_>>(), [Outcome::TendencyFor; 2]);
    }

    #[test]
    fn a_diverged_run_is_named_and_in_no_mean() {
        let mut result = result(20.0, 19.0);
        assert_eq!(verdicts(&result)[1].outcome, Outcome::Contradicted);
        result.diverged.push(Divergence { method: "scsg".into(), seed: 1, epoch: 249 });
        let scsg = &verdicts(&result)[1];
        assert!(scsg.measured.contains("scsg diverged with seed 1") && scsg.measured.contains("n = 9"), "{scsg:?}");
        assert_eq!(scsg.outcome, Outcome::Undecided);
    }

    #[test]
    fn runs_of_equal_gradients_have_verdicts_of_their_own() {
        let mut result = result(20.1, 23.0);
        for (method, error, epochs) in [(SVRG_ARM, 25.0, 83), (SCSG_ARM, 17.0, 125)] {
            for (seed, noise) in (0..).zip(NOISE) {
                result.epochs.extend((1..=epochs).map(|epoch| made_up::row(method, seed, epoch, error - noise)));
            }
        }
        let found: Vec<_> = verdicts(&result)[2..].iter().map(|v| (v.id.clone(), v.outcome)).collect();
        let expected =
            [("C10-svrg-equal-gradients", Outcome::Confirmed), ("C10-scsg-equal-gradients", Outcome::Contradicted)];
        assert_eq!(found, expected.map(|(id, outcome)| (id.to_owned(), outcome)));
    }

    #[test]
    fn arms_anneal_within_sgds_gradients() {
        let settings = Settings { epochs: PAPER_EPOCHS, seeds: vec![0, 1], ..Settings::default() };
        let cells = cells(&settings, 391);
        let names = |seed: u64| cells.iter().filter(move |cell| cell.seed == seed).map(|cell| cell.method.as_str());
        assert_eq!(names(1).collect::<Vec<_>>(), ["sgd", SVRG, "scsg", SVRG_ARM, SCSG_ARM]);
        let [svrg, scsg] = [SVRG_ARM, SCSG_ARM].map(|name| cells.iter().find(|cell| cell.method == name).unwrap());
        assert_eq!((svrg.epochs, svrg.schedule.length, scsg.epochs), (83, 83, 125));
        assert!(svrg.schedule.drops[1] < 83.0 && svrg.estimator == cells[1].estimator);
        assert_eq!(cells[1].epochs, PAPER_EPOCHS);
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
