//! C13: smooth activations (ELU in place of ReLU) help variance reduction only marginally.

use vr_models::Options;
use vr_optim::Locking;

use super::Experiment;
use crate::cell::Cell;
use crate::figures::FigureError;
use crate::figures::ratio_and_error::ratio_and_error as figure;
use crate::measure::Measures;
use crate::paper::methods::stored;
use crate::results::{ExperimentResult, pairs};
use crate::run_dir::Figure;
use crate::settings::{Model, Settings};
use crate::verdict::Verdict;
use crate::verdict::estimate::{Estimate, INTERVAL};
use crate::verdict::scale::LeastScale;

/// ELU against ReLU.
pub const EXPERIMENT: Experiment = Experiment {
    name: "elu",
    summary: "Variance ratios with ELU in place of ReLU, LeNet or small ResNet",
    claim: CLAIM,
    model: Model::LENET,
    models: &MODELS,
    settings: Settings::of,
    cells,
    figures,
    verdicts,
    tuning: None,
};

const CLAIM: &str = "ELU in place of ReLU, whose gradient is continuous, helps variance reduction only marginally.";

/// Each network and its other self.
const MODELS: [Model; 4] = [Model::LENET, Model::LENET_ELU, Model::RESNET_SMALL, Model::RESNET_SMALL_ELU];

const RELU: &str = "svrg-relu";
const ELU: &str = "svrg-elu";
/// Up to this factor, in either direction, a change of the ratio counts as marginal.
const MARGINAL: f64 = 4.0 / 3.0;

const LEAST: LeastScale = LeastScale { epochs: 10, seeds: 3 };

fn cells(settings: &Settings, _minibatches: usize) -> Vec<Cell> {
    let measures = Measures::variance(settings.places, settings.every);
    let models = if settings.model.name().starts_with("resnet") {
        [Model::RESNET_SMALL, Model::RESNET_SMALL_ELU]
    } else {
        [Model::LENET, Model::LENET_ELU]
    };
    let Options { picture, classes, .. } = settings.model.options();
    let models = models.map(|model| model.for_pictures(picture, classes).unwrap_or(model));
    let pair = |seed| {
        [(RELU, models[0]), (ELU, models[1])].map(|(method, model)| Cell {
            method: method.into(),
            model,
            measures,
            ..stored(settings, Locking::Locked, seed)
        })
    };
    settings.seeds.iter().copied().flat_map(pair).collect()
}

fn figures(result: &ExperimentResult) -> Result<Vec<Figure>, FigureError> {
    let title = result.heading("Variance of SVRG over SGD, ReLU and ELU");
    let svg = figure(&title, &result.points, &result.epochs)?;
    Ok(vec![("elu", title, svg)])
}

fn verdicts(result: &ExperimentResult) -> Vec<Verdict> {
    vec![verdict(result)]
}

fn verdict(result: &ExperimentResult) -> Verdict {
    // Both ratios are zero at the snapshot.
    let after = pairs(&result.points, RELU, ELU).into_iter().filter(|(_, [relu, elu])| relu.min(*elu) > 0.0);
    let logs: Vec<(u64, f64)> = after.map(|(seed, [relu, elu])| (seed, (elu / relu).ln())).collect();
    let log = Estimate::of_runs(&logs);
    Verdict {
        id: "C13-elu".into(),
        claim: "C13: ELU in place of ReLU changes the variance ratio only marginally".into(),
        expected: format!("between {:.2} and {MARGINAL:.2} times ReLU's", 1.0 / MARGINAL),
        measured: format!("ELU's ratio over ReLU's {}", log.exponential()),
        outcome: LEAST.word(result, log.n, log.within(MARGINAL.ln())),
        rule: LEAST.rule(result, &format!(
            "ELU's ratio over ReLU's with the same seed at the same place, its geometric mean over the places after the \
             start and the epochs after the first, one for each seed: for when its {INTERVAL} lies within the bounds, \
             against when outside"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::{Point, made_up};
    use crate::verdict::Outcome;

    fn check(elu: [f64; 3], expected: Outcome) {
        let mut points = Vec::new();
        for (seed, elu) in (0..).zip(elu) {
            let both = [made_up::point(RELU, 2, 0.5), made_up::point(ELU, 2, elu)];
            points.extend(both.map(|point| Point { seed, ..point }));
        }
        let result = ExperimentResult { points, ..made_up::result("lenet, lenet-elu") };
        assert_eq!(verdict(&result).outcome, expected);
    }

    /// Pooled, the places would decide; two seeds do not.
    #[test]
    fn places_of_one_run_are_not_independent() {
        let at = |seed, method, epoch, ratio| Point { seed, ..made_up::point(method, epoch, ratio) };
        let points = [(0, 0.2), (1, 0.3)].into_iter().flat_map(|(seed, elu)| {
            (2..6).flat_map(move |epoch| [at(seed, RELU, epoch, 0.5), at(seed, ELU, epoch, elu)])
        });
        let result = ExperimentResult { points: points.collect(), ..made_up::result("lenet, lenet-elu") };
        assert_eq!(verdict(&result).outcome, Outcome::Undecided);
    }

    #[test]
    fn the_verdict_can_go_every_way() {
        check([0.45, 0.46, 0.47], Outcome::Confirmed);
        check([0.55, 0.53, 0.57], Outcome::Confirmed);
        check([0.2, 0.21, 0.22], Outcome::Contradicted);
        check([0.9, 0.91, 0.92], Outcome::Contradicted);
        check([0.1, 0.5, 0.9], Outcome::Undecided);
        assert_eq!(verdict(&made_up::result("lenet")).outcome, Outcome::Undecided);
    }
}
