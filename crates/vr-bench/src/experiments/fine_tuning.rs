//! C11, Figure 6: switching SVRG on late in a run gains nothing, at whatever epoch.

use vr_optim::{EstimatorConfig, SvrgConfig};

use super::Experiment;
use crate::cell::Cell;
use crate::figures::FigureError;
use crate::figures::test_error::test_error as figure;
use crate::paper::methods::{SGD, cell, sgd};
use crate::results::ExperimentResult;
use crate::run_dir::Figure;
use crate::settings::{Model, PAPER_EPOCHS, Settings};
use crate::verdict::no_better::{Question, no_better};
use crate::verdict::scale::LeastScale;
use crate::verdict::{Outcome, Verdict};

/// Figure 6.
pub const EXPERIMENT: Experiment = Experiment {
    name: "fine-tuning",
    summary: "SVRG switched on after part of the run (Figure 6)",
    claim: CLAIM,
    model: Model::LENET,
    models: &[],
    settings: Settings::of,
    cells,
    figures,
    verdicts,
    tuning: None,
};

const CLAIM: &str = "Switching SVRG on after part of the run, when the iterate moves slowly, gains nothing at any \
                     switch point (paper, Figure 6, for ImageNet).";

/// The paper's switch points, in epochs of 90.
const SWITCHES: [u64; 5] = [0, 20, 40, 60, 80];
const OF: u64 = 90;
/// Those of DenseNet-169.
const LATE: &[u64] = &[60, 80];

/// The paper's switch points for a network; all of them for one that it does not show.
fn switches(model: &str) -> &'static [u64] {
    if model == "densenet169" { LATE } else { &SWITCHES }
}

/// The lowest test errors of a run that the paper's legend shows.
fn published(model: &str) -> &'static str {
    match model {
        "resnet50" => "none (SGD 23.61 %, SVRG 23.65–28.60 %)",
        "densenet169" => "none (SGD 23.22 %, SVRG 23.30–23.38 %)",
        _ => "none on ImageNet (ResNet-50 23.61 %, SVRG 23.65–28.60 %)",
    }
}

const LEAST: LeastScale = LeastScale { epochs: PAPER_EPOCHS, seeds: 5 };

fn method(switch: u64) -> String {
    format!("svrg-from-{}%", (100 * switch + OF / 2) / OF)
}

fn cells(settings: &Settings, minibatches: usize) -> Vec<Cell> {
    let steps = (settings.schedule_epochs * minibatches) as u64;
    let switches = switches(settings.model.name());
    let start = move |switch: u64| switch * steps / OF;
    // Whole epochs before the switch, which SGD's own run has trained, too.
    let shared = move |switch: u64| (start(switch) / minibatches as u64) as usize;
    let late = move |switch, seed| {
        let svrg = SvrgConfig { start: start(switch), ..SvrgConfig::default() };
        let prefix = Some((SGD.to_owned(), shared(switch))).filter(|(_, epochs)| *epochs > 0);
        Cell { prefix, ..cell(settings, &method(switch), EstimatorConfig::Svrg(svrg), seed) }
    };
    let trunk = move |seed| {
        let branches = switches.iter().map(|&switch| shared(switch)).filter(|&epochs| epochs > 0);
        Cell { branches: branches.collect(), ..sgd(settings, seed) }
    };
    let of_seed = |seed| std::iter::once(trunk(seed)).chain(switches.iter().map(move |&switch| late(switch, seed)));
    settings.seeds.iter().copied().flat_map(of_seed).collect()
}

fn figures(result: &ExperimentResult) -> Result<Vec<Figure>, FigureError> {
    let title = result.heading("SVRG switched on late");
    let svg = figure(&title, result)?;
    Ok(vec![("fine-tuning", title, svg)])
}

/// Before the switch both are SGD, so only a run whose last epochs come after it can tell.
fn verdicts(result: &ExperimentResult) -> Vec<Verdict> {
    let question = |switch: u64| Question {
        id: format!("C11-{switch}-of-{OF}"),
        claim: format!("C11, on {}: SVRG from epoch {switch} of {OF} on is no better than SGD", result.setting().data),
        published: published(&result.model),
        method: method(switch),
    };
    let reached = |switch: u64| {
        (switch as usize * result.schedule.length).div_ceil(OF as usize) + result.window() <= result.epochs_run
    };
    let switches = switches(&result.model).iter().copied();
    let judged = no_better(result, &switches.clone().map(question).collect::<Vec<_>>(), LEAST);
    judged
        .into_iter()
        .zip(switches)
        .map(
            |(verdict, switch)| {
                if reached(switch) { verdict } else { Verdict { outcome: Outcome::Undecided, ..verdict } }
            },
        )
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::made_up;

    #[test]
    fn the_switch_comes_at_the_papers_share_of_the_schedule() {
        let settings = Settings { epochs: 3, schedule_epochs: 9, ..Settings::default() };
        let cells = cells(&settings, 10);
        let starts: Vec<u64> = cells
            .iter()
            .filter_map(|cell| match &cell.estimator {
                EstimatorConfig::Svrg(config) => Some(config.start),
                _ => None,
            })
            .collect();
        assert_eq!(starts, [0, 20, 40, 60, 80]);
        assert_eq!(cells[5].method, "svrg-from-89%");
    }

    #[test]
    fn densenet_169_is_switched_where_the_paper_does() {
        let ids = |model| verdicts(&made_up::result(model)).into_iter().map(|v| v.id).collect::<Vec<_>>();
        assert_eq!(ids("densenet169"), ["C11-60-of-90", "C11-80-of-90"]);
        let claims = verdicts(&made_up::result("resnet50"));
        assert_eq!(claims.len(), 5);
        assert!(claims[0].claim.contains("on ImageNet") && claims[0].expected.contains("23.61"), "{:?}", claims[0]);
        assert!(verdicts(&made_up::result("lenet"))[0].claim.contains("on CIFAR-10"));
    }

    #[test]
    fn every_switch_has_a_verdict_that_can_go_every_way() {
        let sgd = ("sgd", &[20.0, 20.1, 19.9, 20.2, 19.8][..]);
        let mut result = made_up::final_errors(&[
            sgd,
            ("svrg-from-0%", &[22.0, 22.1, 21.9, 22.3, 21.8]),
            ("svrg-from-22%", &[18.0, 18.1, 17.9, 18.3, 17.8]),
            ("svrg-from-44%", &[10.0, 20.0, 30.0, 15.0, 25.0]),
            ("svrg-from-89%", &[20.0, 20.1, 19.9, 20.2, 19.8]),
        ]);
        let outcomes = |result: &ExperimentResult| verdicts(result).into_iter().map(|v| v.outcome).collect::<Vec<_>>();
        use Outcome::{Confirmed, Contradicted, Undecided};
        assert_eq!(outcomes(&result), [Confirmed, Contradicted, Undecided, Undecided, Confirmed]);
        // The run ends before the last switch.
        result.epochs_run = 230;
        assert_eq!(outcomes(&result)[4], Undecided);
    }
}
