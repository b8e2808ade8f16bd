//! C2, Figure 1: with transform locking the variance of the step starts at zero and grows through
//! the epoch; without it, it starts above zero and is uniformly worse.

use std::path::Path;

use vr_optim::Locking;

use super::{Finished, finish, gather, released, run_cells};
use crate::cell::{Cell, Places};
use crate::error::BenchError;
use crate::figures::locking::{Locking as LockingFigure, locking as figure};
use crate::observer::Observer;
use crate::results::{Outcome, Point, Verdict};
use crate::run_dir;
use crate::settings::Settings;

/// The claim, as the report quotes it.
pub const CLAIM: &str = "With transform locking the SVRG step's variance starts at 0 and grows through the epoch; \
                         without it, it is above 0 at the start and uniformly worse (paper, Figure 1).";

/// Below this share of SGD's variance a ratio counts as zero to rounding.
pub const ROUNDING: f64 = 1e-6;

/// Runs the experiment and writes its folder.
///
/// # Errors
/// When the data cannot be read, training fails or the folder cannot be written.
pub fn run(settings: &Settings, out: &Path, observer: &dyn Observer) -> Result<Finished, BenchError> {
    run_dir::prepare(out)?;
    let data = settings.load()?;
    let mut cells = Vec::new();
    for &seed in &settings.seeds {
        for locking in [Locking::Locked, Locking::Unlocked] {
            cells.push(Cell { places: Places::Deciles, ..released(seed, locking) });
        }
    }
    let cells = run_cells(settings, &data, &cells, out, observer)?;
    let result = gather("locking", CLAIM, settings, &data, &cells);
    let title = format!("Transform locking, {} on {}", result.model, result.data.name);
    let svg = figure(&LockingFigure { title: &title, points: &result.points })?;
    let verdicts = verdicts(&result.points);
    finish(out, settings, result, verdicts, &cells, &[("locking", title, svg)])
}

/// Both halves of the claim.
pub fn verdicts(points: &[Point]) -> Vec<Verdict> {
    vec![start(points), order(points)]
}

fn worst(ratios: impl Iterator<Item = f64>, pick: fn(f64, f64) -> f64) -> Option<f64> {
    ratios.reduce(pick)
}

/// Zero at 0 % with locking, and not without.
fn start(points: &[Point]) -> Verdict {
    let at_start = |method: &'static str| {
        points.iter().filter(move |p| p.method == method && p.percent == 0.0).filter_map(|p| p.ratio)
    };
    let locked = worst(at_start("svrg-locked"), f64::max);
    let unlocked = worst(at_start("svrg-unlocked"), f64::min);
    let outcome = match (locked, unlocked) {
        (Some(l), Some(u)) if l <= ROUNDING && u > ROUNDING => Outcome::Confirmed,
        (Some(_), Some(_)) => Outcome::Contradicted,
        _ => Outcome::Undecided,
    };
    Verdict {
        claim: "C2: locked, the variance at 0 % is zero; unlocked, it is not".into(),
        expected: format!("locked ratio ≤ {ROUNDING:e}, unlocked above"),
        measured: format!("locked at most {}, unlocked at least {}", show(locked), show(unlocked)),
        outcome,
        rule: "confirmed when it holds in every epoch and seed measured, contradicted when it fails in one".into(),
    }
}

/// The locked ratio below the unlocked one at every place from epoch 2.
fn order(points: &[Point]) -> Verdict {
    let mut gains = Vec::new();
    for locked in points.iter().filter(|p| p.method == "svrg-locked" && p.epoch >= 2) {
        let twin = points.iter().find(|p| {
            p.method == "svrg-unlocked" && (p.seed, p.epoch, p.percent) == (locked.seed, locked.epoch, locked.percent)
        });
        if let (Some(l), Some(u)) = (locked.ratio, twin.and_then(|p| p.ratio)) {
            gains.push(u - l);
        }
    }
    let worse = gains.iter().filter(|&&gain| gain <= 0.0).count();
    Verdict {
        claim: "C2: the locked ratio is below the unlocked one throughout (from epoch 2)".into(),
        expected: "at every place".into(),
        measured: format!("at {} of {} places", gains.len() - worse, gains.len()),
        outcome: match (gains.len(), worse) {
            (0, _) => Outcome::Undecided,
            (_, 0) => Outcome::Confirmed,
            _ => Outcome::Contradicted,
        },
        rule: "confirmed when every pair of the same seed, epoch and place agrees; needs two epochs".into(),
    }
}

fn show(value: Option<f64>) -> String {
    value.map_or_else(|| "not measured".into(), |v| format!("{v:.3e}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(method: &str, epoch: usize, percent: f64, ratio: f64) -> Point {
        Point {
            model: "lenet".into(),
            method: method.into(),
            seed: 0,
            epoch,
            percent,
            sgd_variance: 1.0,
            vr_variance: ratio,
            ratio: Some(ratio),
            squared_bias: 0.0,
            correlation: None,
            optimal_coefficient: None,
        }
    }

    fn check(locked: [f64; 2], unlocked: [f64; 2], expected: [Outcome; 2]) {
        let mut points = Vec::new();
        for (i, percent) in [0.0, 50.0].into_iter().enumerate() {
            points.push(point("svrg-locked", 2, percent, locked[i]));
            points.push(point("svrg-unlocked", 2, percent, unlocked[i]));
        }
        let outcomes: Vec<Outcome> = verdicts(&points).into_iter().map(|v| v.outcome).collect();
        assert_eq!(outcomes, expected);
    }

    #[test]
    fn verdicts_can_go_either_way() {
        check([0.0, 0.4], [0.8, 1.0], [Outcome::Confirmed, Outcome::Confirmed]);
        check([0.1, 0.4], [0.8, 1.0], [Outcome::Contradicted, Outcome::Confirmed]);
        check([0.0, 1.4], [0.8, 1.0], [Outcome::Confirmed, Outcome::Contradicted]);
        assert!(verdicts(&[]).iter().all(|v| v.outcome == Outcome::Undecided));
    }
}
