//! C5, C6, Figure 2: SVRG's variance over SGD's at 2, 11, 33 and 100 % of the epoch.

use std::path::Path;

use vr_optim::Locking;

use super::{Finished, finish, gather, released, run_cells};
use crate::cell::{Cell, Places};
use crate::error::BenchError;
use crate::figures::variance_ratio::{VarianceRatio, variance_ratio as figure};
use crate::observer::Observer;
use crate::published::{PublishedPoint, published};
use crate::results::{Outcome, Point, Verdict};
use crate::run_dir;
use crate::settings::Settings;

/// The claim, as the report quotes it.
pub const CLAIM: &str = "SVRG's variance over SGD's: below 1 is a reduction, about 2 no correlation, and below 1/3 pays \
                         for recomputation (paper, Figure 2).";

/// Runs the experiment and writes its folder. The variance is measured in the first epoch and in
/// every `every`-th, at `places`.
///
/// # Errors
/// When the data cannot be read, training fails or the folder cannot be written.
pub fn run(
    settings: &Settings,
    places: Places,
    every: usize,
    out: &Path,
    observer: &dyn Observer,
) -> Result<Finished, BenchError> {
    run_dir::prepare(out)?;
    let data = settings.load()?;
    let cells: Vec<_> = settings
        .seeds
        .iter()
        .map(|&seed| Cell { places, every: every.max(1), ..released(seed, Locking::Locked) })
        .collect();
    let cells = run_cells(settings, &data, &cells, out, observer)?;
    let result = gather("variance-ratio", CLAIM, settings, &data, &cells);
    let title = format!("SVRG variance over SGD variance, {} on {}", result.model, result.data.name);
    let theirs = published(&result.model);
    let drawn = after_start(&result.points);
    let svg = figure(&VarianceRatio {
        title: &title,
        points: &drawn,
        published: &theirs,
        learning_rate_drops: &result.learning_rate_drops,
    })?;
    let verdicts = vec![verdict(&result.points, &theirs)];
    finish(out, settings, result, verdicts, &cells, &[("variance-ratio", title, svg)])
}

/// The points of locked SVRG that a logarithmic axis can show: at 0 % its ratio is zero by construction.
pub fn after_start(points: &[Point]) -> Vec<Point> {
    points.iter().filter(|p| p.method == "svrg-locked" && p.percent > 0.0).cloned().collect()
}

/// Every published point that was measured, within a factor of 1.5.
fn verdict(points: &[Point], theirs: &[PublishedPoint]) -> Verdict {
    let mut factors = Vec::new();
    let mut listed = Vec::new();
    for theirs in theirs {
        for ours in points.iter().filter(|p| p.epoch == theirs.epoch && p.percent == theirs.percent) {
            if let Some(ratio) = ours.ratio.filter(|&r| r > 0.0) {
                factors.push((ratio / theirs.ratio).max(theirs.ratio / ratio));
                listed.push(format!(
                    "epoch {} at {} %: {ratio:.3} against {:.3}",
                    theirs.epoch, theirs.percent, theirs.ratio
                ));
            }
        }
    }
    let worst = factors.iter().copied().fold(0.0, f64::max);
    Verdict {
        claim: "C5: the published variance ratios".into(),
        expected: "each within a factor of 1.5".into(),
        measured: if listed.is_empty() {
            "no published point falls on a measured one".into()
        } else {
            listed.join("; ")
        },
        outcome: match factors.is_empty() {
            true => Outcome::Undecided,
            false if worst <= 1.5 => Outcome::Confirmed,
            false => Outcome::Contradicted,
        },
        rule: "over all points of the same epoch and place as published ones; other data or a subset shift them".into(),
    }
}
