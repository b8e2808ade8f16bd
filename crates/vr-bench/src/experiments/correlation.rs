//! C13: where SVRG does lower the variance, successive steps become correlated, so that it does not
//! act like a larger batch.

use vr_optim::Locking;

use super::Experiment;
use crate::cell::Cell;
use crate::figures::FigureError;
use crate::figures::correlation::correlation as figure;
use crate::measure::{Kind, Measures, Places};
use crate::paper::methods::{sgd, stored};
use crate::results::ExperimentResult;
use crate::results::diagnostics::StepRow;
use crate::run_dir::Figure;
use crate::settings::{Model, Settings};
use crate::verdict::Verdict;
use crate::verdict::estimate::{Estimate, INTERVAL};
use crate::verdict::scale::LeastScale;

/// SVRG's successive steps against SGD's.
pub const EXPERIMENT: Experiment = Experiment {
    name: "correlation",
    summary: "Correlation of successive steps, SVRG against SGD",
    claim: CLAIM,
    model: Model::LENET,
    models: &[],
    settings: Settings::of,
    cells,
    figures,
    verdicts,
    tuning: None,
};

const CLAIM: &str = "Where SVRG does lower the variance, successive steps become correlated, so that it does not act \
                     like a larger batch.";

const LEAST: LeastScale = LeastScale { epochs: 10, seeds: 3 };

fn cells(settings: &Settings, _minibatches: usize) -> Vec<Cell> {
    let measures = Measures { kind: Kind::Successive, places: Places::Deciles, every: settings.every };
    let pair = |seed| [sgd(settings, seed), stored(settings, Locking::Locked, seed)];
    settings.seeds.iter().copied().flat_map(pair).map(|cell| Cell { measures, ..cell }).collect()
}

fn figures(result: &ExperimentResult) -> Result<Vec<Figure>, FigureError> {
    let title = result.heading("Cosine between successive steps");
    let svg = figure(&title, &result.diagnostics.steps)?;
    Ok(vec![("correlation", title, svg)])
}

fn verdicts(result: &ExperimentResult) -> Vec<Verdict> {
    let verdict = |id: &str, claim: &str, expected: &str, value: fn(&StepRow) -> f64| {
        let found = where_reduced(result, value);
        let of = |part: fn([f64; 2]) -> f64| {
            Estimate::of_runs(&found.iter().map(|&(seed, both)| (seed, part(both))).collect::<Vec<_>>())
        };
        let excess = of(|[svrg, sgd]| svrg - sgd);
        Verdict {
            id: id.into(),
            claim: claim.into(),
            expected: expected.into(),
            measured: match excess.n {
                0 => "no place with a ratio below 1".into(),
                _ => format!("cosine {} against {}", of(|[svrg, _]| svrg), of(|[_, sgd]| sgd)),
            },
            outcome: LEAST.word(result, excess.n, excess.sign()),
            rule: LEAST.rule(result, &format!(
                "SVRG's less SGD's in pairs, over the places after the first epoch where the ratio is below 1, a mean for \
                 each seed: by the side of 0 on which its {INTERVAL} lies"
            )),
        }
    };
    vec![
        verdict(
            "C13-steps",
            "C13: where SVRG lowers the variance, the directions of successive steps are more correlated than SGD's",
            "cosine above SGD's",
            |row| row.direction_cosine,
        ),
        verdict(
            "C13-noise",
            "C13: more than a larger batch's would be: their noises about the full gradient are correlated too",
            "cosine above SGD's",
            |row| row.noise_cosine,
        ),
    ]
}

/// Seed, SVRG's value and SGD's at the same place, after the first epoch where SVRG's variance ratio is below 1.
fn where_reduced(result: &ExperimentResult, value: fn(&StepRow) -> f64) -> Vec<(u64, [f64; 2])> {
    let rows = &result.diagnostics.steps;
    let place = |row: &StepRow| (row.at.seed, row.at.epoch, row.at.percent);
    let reduced = |svrg: &&StepRow| {
        let same =
            result.points.iter().find(|p| p.method == svrg.at.method && (p.seed, p.epoch, p.percent) == place(svrg));
        same.and_then(|point| point.ratio).is_some_and(|ratio| ratio < 1.0)
    };
    rows.iter()
        .filter(|row| row.at.method != "sgd" && row.at.epoch > 1)
        .filter(reduced)
        .filter_map(|svrg| {
            let sgd = rows.iter().find(|row| row.at.method == "sgd" && place(row) == place(svrg))?;
            Some((svrg.at.seed, [value(svrg), value(sgd)]))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::diagnostics::{Diagnostics, Moment};
    use crate::results::{Point, made_up};
    use crate::verdict::Outcome;

    fn row(method: &str, percent: f64, direction_cosine: f64, noise_cosine: f64) -> StepRow {
        let at = Moment { model: "lenet".into(), method: method.into(), seed: 0, epoch: 2, percent };
        StepRow { at, pairs: 4, direction_cosine, noise_cosine }
    }

    fn outcomes(points: Vec<Point>, steps: Vec<StepRow>) -> Vec<Outcome> {
        let diagnostics = Diagnostics { steps, ..Diagnostics::default() };
        let result = ExperimentResult { points, diagnostics, ..made_up::result("lenet") };
        verdicts(&result).into_iter().map(|verdict| verdict.outcome).collect()
    }

    fn check(ratio: f64, svrg: [f64; 2], expected: [Outcome; 2]) {
        let (mut points, mut steps) = (Vec::new(), Vec::new());
        for (seed, scale) in [(0, 1.0), (1, 1.05), (2, 0.98)] {
            points.push(Point { seed, percent: 50.0, ..made_up::point("svrg-locked", 2, ratio) });
            let rows = [row("svrg-locked", 50.0, svrg[0] * scale, svrg[1] * scale), row("sgd", 50.0, 0.2, 0.0)];
            steps.extend(rows.map(|row| StepRow { at: Moment { seed, ..row.at }, ..row }));
        }
        assert_eq!(outcomes(points, steps), expected);
    }

    /// Pooled, the four places would decide; two seeds do not.
    #[test]
    fn places_of_one_run_are_not_independent() {
        let (mut points, mut steps) = (Vec::new(), Vec::new());
        for (seed, percent, excess) in [(0, 10.0, 0.3), (0, 50.0, 0.31), (1, 10.0, 0.5), (1, 50.0, 0.51)] {
            points.push(Point { seed, percent, ..made_up::point("svrg-locked", 2, 0.5) });
            let rows = [row("svrg-locked", percent, 0.2 + excess, excess), row("sgd", percent, 0.2, 0.0)];
            steps.extend(rows.map(|row| StepRow { at: Moment { seed, ..row.at }, ..row }));
        }
        assert_eq!(outcomes(points, steps), [Outcome::Undecided; 2]);
    }

    #[test]
    fn each_half_can_go_every_way() {
        check(0.5, [0.8, 0.3], [Outcome::Confirmed, Outcome::Confirmed]);
        check(0.5, [0.1, -0.1], [Outcome::Contradicted, Outcome::Contradicted]);
        check(0.5, [0.8, 0.0], [Outcome::Confirmed, Outcome::Undecided]);
        check(1.5, [0.8, 0.3], [Outcome::Undecided, Outcome::Undecided]);
    }
}
