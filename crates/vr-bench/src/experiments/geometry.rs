//! C7, Figure 3: the distance of the iterate from the snapshot grows far faster in DenseNet than in
//! LeNet, while the curvature ‖g(x) − g(x̃)‖/‖x − x̃‖ is similar.

use vr_optim::Locking;

use super::Experiment;
use crate::cell::Cell;
use crate::figures::FigureError;
use crate::figures::geometry::geometry as figure;
use crate::measure::{Kind, Measures, Places};
use crate::paper::methods::stored;
use crate::paper::phases::BEFORE;
use crate::results::ExperimentResult;
use crate::results::diagnostics::GeometryRow;
use crate::run_dir::Figure;
use crate::settings::{Model, Settings};
use crate::verdict::estimate::{Estimate, INTERVAL};
use crate::verdict::finding::Finding;
use crate::verdict::scale::LeastScale;
use crate::verdict::{Outcome, Verdict};

/// Figure 3.
pub const EXPERIMENT: Experiment = Experiment {
    name: "geometry",
    summary: "Iterate distance and curvature through the epoch, LeNet against DenseNet (Figure 3)",
    claim: CLAIM,
    model: LARGE,
    models: &[],
    settings: Settings::of,
    cells,
    figures,
    verdicts,
    tuning: None,
};

const CLAIM: &str = "The iterate's distance from the snapshot grows far faster in DenseNet than in LeNet, while the \
                     curvature is similar (paper, Figure 3).";

const SMALL: Model = Model::LENET;
const LARGE: Model = Model::DENSENET_40_36;
const LEAST: LeastScale = LeastScale { epochs: 10, seeds: 3 };
/// From this factor on, DenseNet's distance counts as far larger.
const FAR: f64 = 2.0;
/// Up to this factor, in either direction, curvatures count as similar.
const SIMILAR: f64 = 2.0;

/// LeNet, and the network that is asked for beside it.
fn cells(settings: &Settings, _minibatches: usize) -> Vec<Cell> {
    let measures = Measures { kind: Kind::Geometry, places: Places::Deciles, every: settings.every };
    let mut models = vec![SMALL, settings.model];
    models.dedup();
    let cell = |(model, seed)| {
        // Costs are by method.
        let method = format!("svrg-{model}");
        Cell { model, method, measures, ..stored(settings, Locking::Locked, seed) }
    };
    models.iter().flat_map(|&model| settings.seeds.iter().map(move |&seed| (model, seed))).map(cell).collect()
}

fn figures(result: &ExperimentResult) -> Result<Vec<Figure>, FigureError> {
    let title = result.heading("Iterate distance and curvature");
    let svg = figure(&title, &result.diagnostics.geometry)?;
    Ok(vec![("geometry", title, svg)])
}

fn verdicts(result: &ExperimentResult) -> Vec<Verdict> {
    let measured = result.diagnostics.geometry.iter().any(|row| row.relative_distance.is_some());
    let relative = measured.then(|| relative_distance(result));
    [distance(result)].into_iter().chain(relative).chain([curvature(result)]).collect()
}

fn distance(result: &ExperimentResult) -> Verdict {
    judged_distance(result, factor(result, |row| Some(row.distance)))
}

fn judged_distance(result: &ExperimentResult, factor: Option<(usize, Estimate)>) -> Verdict {
    Verdict {
        id: "C7-distance".into(),
        claim: "C7: the distance from the snapshot grows far faster in DenseNet than in LeNet".into(),
        expected: format!("at least {FAR} times LeNet's"),
        measured: show(factor),
        outcome: word(result, factor, |log| log.less(FAR.ln()).sign()),
        rule: LEAST.rule(result, &format!("{RULE}: for when its {INTERVAL} lies above {FAR}, against when below")),
    }
}

/// A network with larger weights goes farther in them: this is the way in the weights' own measure.
fn relative_distance(result: &ExperimentResult) -> Verdict {
    let factor = factor(result, |row| row.relative_distance);
    Verdict {
        id: "C7-relative-distance".into(),
        claim: "C7: also relative to the snapshot's norm the distance grows far faster in DenseNet than in LeNet"
            .into(),
        ..judged_distance(result, factor)
    }
}

fn curvature(result: &ExperimentResult) -> Verdict {
    let factor = factor(result, |row| row.curvature);
    Verdict {
        id: "C7-curvature".into(),
        claim: "C7: the curvature between iterate and snapshot is similar in DenseNet and in LeNet".into(),
        expected: format!("within a factor of {SIMILAR} of LeNet's"),
        measured: show(factor),
        outcome: word(result, factor, |log| log.within(SIMILAR.ln())),
        rule: LEAST.rule(
            result,
            &format!("{RULE}: for when its {INTERVAL} lies within that factor of 1, against when outside"),
        ),
    }
}

const RULE: &str = "DenseNet's multiple of LeNet's at the same place and seed, its geometric mean over the places \
                    after the start, one for each seed, in the last epoch from 10 to 140 of 250 that both were measured \
                    in; undecided without both";

fn word(result: &ExperimentResult, factor: Option<(usize, Estimate)>, judge: fn(Estimate) -> Finding) -> Outcome {
    factor.map_or(Outcome::Undecided, |(_, log)| LEAST.word(result, log.n, judge(log)))
}

/// The logarithm of DenseNet's multiple of LeNet's value, and the epoch.
fn factor(result: &ExperimentResult, value: fn(&GeometryRow) -> Option<f64>) -> Option<(usize, Estimate)> {
    let inside =
        |row: &&GeometryRow| row.at.percent > 0.0 && BEFORE.contains(result.schedule.as_of_paper(row.at.epoch));
    let rows: Vec<&GeometryRow> = result.diagnostics.geometry.iter().filter(inside).collect();
    let of = |model: Model| rows.iter().copied().filter(move |row| row.at.model == model.to_string());
    let epoch = of(SMALL).map(|row| row.at.epoch).filter(|&epoch| of(LARGE).any(|row| row.at.epoch == epoch)).max()?;
    let logs: Vec<(u64, f64)> = of(LARGE)
        .filter(|large| large.at.epoch == epoch)
        .filter_map(|large| {
            let place = |row: &GeometryRow| (row.at.seed, row.at.epoch, row.at.percent);
            let small = of(SMALL).find(|small| place(small) == place(large))?;
            Some((large.at.seed, (value(large)? / value(small)?).ln()))
        })
        .collect();
    Some((epoch, Estimate::of_runs(&logs)))
}

fn show(factor: Option<(usize, Estimate)>) -> String {
    factor.map_or_else(
        || "not both networks".into(),
        |(epoch, log)| format!("{} times LeNet's in epoch {epoch}", log.exponential()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::diagnostics::{Diagnostics, Moment};
    use crate::results::made_up;

    fn rows(model: Model, epoch: usize, distance: f64, curvature: f64) -> Vec<GeometryRow> {
        let row = |percent: f64| GeometryRow {
            at: Moment { model: model.to_string(), method: format!("svrg-{model}"), seed: 0, epoch, percent },
            distance: distance * percent * (1.0 + distance * percent / 1e4),
            relative_distance: Some(distance * percent * (1.0 + distance * percent / 1e4) / 10.0),
            mean_square_curvature: None,
            gradient_distance: distance * percent * curvature,
            curvature: (percent > 0.0).then_some(curvature * (1.0 + percent / 1e4)),
        };
        [0.0, 40.0, 70.0, 100.0].map(row).to_vec()
    }

    fn outcomes(geometry: Vec<GeometryRow>) -> [Outcome; 2] {
        let diagnostics = Diagnostics { geometry, ..Diagnostics::default() };
        let result = ExperimentResult { diagnostics, ..made_up::result("lenet, densenet-40-36") };
        assert_eq!(relative_distance(&result).outcome, distance(&result).outcome);
        [distance(&result).outcome, curvature(&result).outcome]
    }

    fn check(large: (f64, f64), expected: [Outcome; 2]) {
        let of_seed = |seed| {
            let wave = 1.0 + 0.01 * seed as f64;
            let small = [rows(SMALL, 40, 1.0, 1.0), rows(SMALL, 50, 9.0, 9.0), rows(SMALL, 200, 9.0, 9.0)].concat();
            let large = [rows(LARGE, 40, wave * large.0, wave * large.1), rows(LARGE, 200, 90.0, 90.0)].concat();
            [small, large].concat().into_iter().map(move |row| GeometryRow { at: Moment { seed, ..row.at }, ..row })
        };
        assert_eq!(outcomes((0..3).flat_map(of_seed).collect()), expected);
    }

    /// Pooled, the six places would decide; two seeds do not.
    #[test]
    fn places_of_one_run_are_not_independent() {
        let run = |seed, factor| {
            let both = [rows(SMALL, 40, 1.0, 1.0), rows(LARGE, 40, factor, factor)].concat();
            both.into_iter().map(move |row| GeometryRow { at: Moment { seed, ..row.at }, ..row })
        };
        assert_eq!(outcomes(run(0, 3.0).chain(run(1, 6.0)).collect()), [Outcome::Undecided; 2]);
    }

    #[test]
    fn each_half_can_go_either_way() {
        check((4.0, 1.5), [Outcome::Confirmed, Outcome::Confirmed]);
        check((1.5, 0.6), [Outcome::Contradicted, Outcome::Confirmed]);
        check((4.0, 3.0), [Outcome::Confirmed, Outcome::Contradicted]);
        check((0.5, 0.3), [Outcome::Contradicted, Outcome::Contradicted]);
    }

    #[test]
    fn one_network_or_different_epochs_decide_nothing() {
        for rows in [rows(SMALL, 30, 1.0, 1.0), [rows(SMALL, 30, 1.0, 1.0), rows(LARGE, 40, 9.0, 1.0)].concat()] {
            assert_eq!(outcomes(rows), [Outcome::Undecided; 2]);
        }
    }
}
