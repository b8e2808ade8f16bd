//! C9, Figure 4: with mega-batches of ten minibatches the variance rises at once after the
//! mega-batch; in large networks only the first step gains.

use std::collections::BTreeMap;

use super::Experiment;
use crate::cell::Cell;
use crate::figures::FigureError;
use crate::figures::streaming::streaming as figure;
use crate::measure::{Kind, Measures};
use crate::paper::methods::scsg;
use crate::paper::phases::{LARGE, geometric_mean};
use crate::results::ExperimentResult;
use crate::results::diagnostics::{Form, PositionRow};
use crate::run_dir::Figure;
use crate::settings::{Model, Settings};
use crate::verdict::Verdict;
use crate::verdict::estimate::{Estimate, INTERVAL};
use crate::verdict::scale::LeastScale;

/// Figure 4.
pub const EXPERIMENT: Experiment = Experiment {
    name: "streaming",
    summary: "Variance at each step after a mega-batch (Figure 4)",
    claim: CLAIM,
    model: Model::LENET,
    models: &[],
    settings: Settings::of,
    cells,
    figures,
    verdicts,
    tuning: None,
};

const CLAIM: &str = "With mega-batches of ten minibatches the variance rises at once after the mega-batch; in large \
                     networks only the first step gains (paper, Figure 4).";

/// Minibatches of a mega-batch, and steps that follow it.
const SIZE: usize = 10;

const LEAST: LeastScale = LeastScale { epochs: 10, seeds: 3 };

fn cells(settings: &Settings, _minibatches: usize) -> Vec<Cell> {
    let measures = Measures { kind: Kind::Positions { size: SIZE }, places: settings.places, every: settings.every };
    settings.seeds.iter().map(|&seed| Cell { measures, ..scsg(settings, seed) }).collect()
}

fn figures(result: &ExperimentResult) -> Result<Vec<Figure>, FigureError> {
    let title = result.heading("Variance after a mega-batch");
    let svg = figure(&title, &result.diagnostics.positions)?;
    Ok(vec![("streaming", title, svg)])
}

fn verdicts(result: &ExperimentResult) -> Vec<Verdict> {
    vec![rise(result), rest(result)]
}

/// The first step's rise against the mean rise of the steps after it.
fn rise(result: &ExperimentResult) -> Verdict {
    let rows = &result.diagnostics.positions;
    let megas = mega_batches(rows, |_| true);
    let gains: Vec<(u64, f64)> = megas
        .iter()
        .filter(|(_, ratios)| ratios.len() >= 3)
        .map(|(seed, ratios)| {
            let (first, last) = (ratios[1] - ratios[0], ratios[ratios.len() - 1] - ratios[1]);
            (*seed, first - last / (ratios.len() - 2) as f64)
        })
        .collect();
    let gain = Estimate::of_runs(&gains);
    Verdict {
        id: "C9-rise".into(),
        claim: "C9: the variance rises at once after the mega-batch".into(),
        expected: "the ratio rises faster in the first step than on average in those after it".into(),
        measured: format!("faster by {gain} a step; {}", listed(rows)),
        outcome: LEAST.word(result, gain.n, gain.sign()),
        rule: LEAST.rule(result, &format!(
            "mean over mega-batches, one for each seed, in the full-pass form: by the side of 0 on which its {INTERVAL} \
             lies"
        )),
    }
}

/// In large networks, the steps after the first.
fn rest(result: &ExperimentResult) -> Verdict {
    let rows = &result.diagnostics.positions;
    let large = mega_batches(rows, |model| LARGE.contains(&model));
    let after = large.iter().filter_map(|(seed, ratios)| Some((*seed, geometric_mean(ratios.get(1..)?)?.ln())));
    let log = Estimate::of_runs(&after.collect::<Vec<_>>());
    Verdict {
        id: "C9-large".into(),
        claim: "C9: in a large network only the first step after the mega-batch gains".into(),
        expected: "ratio of the steps after the first above 1".into(),
        measured: match log.n {
            0 => "no large network".into(),
            _ => format!("{}; {}", log.exponential(), listed(rows)),
        },
        outcome: LEAST.word(result, log.n, log.sign()),
        rule: LEAST.rule(
            result,
            &format!(
                "logarithm of the full-pass ratio's geometric mean over the steps after the first, its mean over \
             mega-batches, one for each seed: by the side of 0 on which its {INTERVAL} lies"
            ),
        ),
    }
}

#[allow(clippy::type_complexity, reason = "the key is used here alone")]
/// For each mega-batch of the networks asked for, its seed and its full-pass ratios in the order of positions.
fn mega_batches(rows: &[PositionRow], model: impl Fn(&str) -> bool) -> Vec<(u64, Vec<f64>)> {
    let mut found: BTreeMap<(&str, u64, usize, u64), Vec<(usize, f64)>> = BTreeMap::new();
    for row in rows.iter().filter(|row| row.form == Form::FullPass && model(&row.at.model)) {
        let key = (row.at.model.as_str(), row.at.seed, row.at.epoch, row.at.percent.to_bits());
        found.entry(key).or_default().extend(row.ratio.map(|ratio| (row.position, ratio)));
    }
    found
        .into_iter()
        .map(|((_, seed, ..), mut ratios)| {
            ratios.sort_by_key(|&(position, _)| position);
            (seed, ratios.into_iter().map(|(_, ratio)| ratio).collect())
        })
        .collect()
}

/// The mean ratio at every position, in both forms.
fn listed(rows: &[PositionRow]) -> String {
    let form = |form: Form| {
        let mean = |position: usize| {
            let same = rows.iter().filter(|row| row.form == form && row.position == position);
            geometric_mean(&same.filter_map(|row| row.ratio).collect::<Vec<_>>())
        };
        (0..SIZE).filter_map(mean).map(|ratio| format!("{ratio:.2}")).collect::<Vec<_>>().join(" ")
    };
    format!("by position {} (over the mega-batch alone {})", form(Form::FullPass), form(Form::InnerBatch))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::diagnostics::{Diagnostics, Moment};
    use crate::verdict::Outcome;

    fn made_up(model: &str, seed: u64, ratios: [f64; 4]) -> Vec<PositionRow> {
        let mut rows = Vec::new();
        for (percent, scale) in [(0.0, 1.0), (50.0, 1.01)] {
            for (position, ratio) in ratios.into_iter().enumerate() {
                let at = Moment { model: model.into(), method: "scsg".into(), seed, epoch: 2, percent };
                let ratio = Some(ratio * scale);
                let row =
                    PositionRow { at, position, form: Form::FullPass, sgd_variance: 1.0, estimator_error: 1.0, ratio };
                rows.push(row);
            }
        }
        rows
    }

    fn outcomes(positions: Vec<PositionRow>) -> [Outcome; 2] {
        let diagnostics = Diagnostics { positions, ..Diagnostics::default() };
        let result = ExperimentResult { diagnostics, ..crate::results::made_up::result("lenet") };
        [rise(&result).outcome, rest(&result).outcome]
    }

    /// Three seeds that differ a little.
    fn check(model: &str, ratios: [f64; 4], expected: [Outcome; 2]) {
        let of_seed = |seed| made_up(model, seed, ratios.map(|ratio| ratio * (1.0 + 0.01 * seed as f64)));
        assert_eq!(outcomes((0..3).flat_map(of_seed).collect()), expected);
    }

    /// Pooled, the four mega-batches would decide; two seeds do not.
    #[test]
    fn mega_batches_of_one_run_are_not_independent() {
        let steps = [(0, [0.1, 1.2, 1.3, 1.4]), (1, [0.1, 1.8, 1.95, 2.1])];
        let rows = steps.into_iter().flat_map(|(seed, ratios)| made_up("resnet110", seed, ratios));
        assert_eq!(outcomes(rows.collect()), [Outcome::Undecided; 2]);
    }

    #[test]
    fn each_half_can_go_every_way() {
        check("resnet110", [0.1, 1.2, 1.3, 1.4], [Outcome::Confirmed, Outcome::Confirmed]);
        check("resnet110", [0.1, 0.2, 0.5, 0.9], [Outcome::Contradicted, Outcome::Contradicted]);
        check("resnet110", [0.1, 0.9, 1.1, 0.99], [Outcome::Confirmed, Outcome::Undecided]);
        check("lenet", [0.1, 1.2, 1.3, 1.4], [Outcome::Confirmed, Outcome::Undecided]);
        assert_eq!(outcomes(vec![]), [Outcome::Undecided; 2]);
    }
}
