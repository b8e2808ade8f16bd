//! C3: with recomputation, statistics that average over both the iterate and the snapshot give poor
//! test results; restoring them after every evaluation at the snapshot (the reset) mends it.

use std::path::Path;

use super::{Finished, finish, gather, recomputed, run_cells};
use crate::error::BenchError;
use crate::figures::bn_reset::bn_reset as figure;
use crate::observer::Observer;
use crate::results::{EpochRow, Outcome, Verdict};
use crate::run_dir;
use crate::settings::Settings;

/// The claim, as the report quotes it.
pub const CLAIM: &str = "Batch-norm statistics averaged over both the iterate and the snapshot give poor test results; \
                         restoring them after every evaluation at the snapshot mends it (paper, section 3).";

/// Runs the experiment and writes its folder.
///
/// # Errors
/// When the data cannot be read, training fails or the folder cannot be written.
pub fn run(settings: &Settings, out: &Path, observer: &dyn Observer) -> Result<Finished, BenchError> {
    run_dir::prepare(out)?;
    let data = settings.load()?;
    let cells: Vec<_> = settings.seeds.iter().map(|&seed| recomputed(seed)).collect();
    let cells = run_cells(settings, &data, &cells, out, observer)?;
    let result = gather("bn-reset", CLAIM, settings, &data, &cells);
    let title = format!("Batch-norm reset, {} on {}", result.model, result.data.name);
    let svg = figure(&title, &result.epochs)?;
    let verdicts = vec![verdict(&result.epochs)];
    finish(out, settings, result, verdicts, &cells, &[("bn-reset", title, svg)])
}

/// Mean test error of naive statistics against reset ones over all epochs and seeds.
pub fn verdict(rows: &[EpochRow]) -> Verdict {
    let pairs: Vec<f64> = rows
        .iter()
        .filter(|row| row.method.ends_with("/naive"))
        .filter_map(|naive| {
            let reset =
                rows.iter().find(|r| r.method.ends_with("/reset") && (r.seed, r.epoch) == (naive.seed, naive.epoch))?;
            Some(naive.test_error - reset.test_error)
        })
        .collect();
    let n = pairs.len() as f64;
    let mean = pairs.iter().sum::<f64>() / n;
    let error = (pairs.iter().map(|p| (p - mean).powi(2)).sum::<f64>() / (n * (n - 1.0))).sqrt();
    let outcome = if pairs.len() < 2 || mean.abs() <= 2.0 * error {
        Outcome::Undecided
    } else if mean > 0.0 {
        Outcome::Confirmed
    } else {
        Outcome::Contradicted
    };
    Verdict {
        claim: "C3: naive batch-norm statistics raise the test error over reset ones".into(),
        expected: "naive above reset".into(),
        measured: format!("naive − reset = {mean:.2} ± {error:.2} points of test error (n = {})", pairs.len()),
        outcome,
        rule: "confirmed or contradicted when the mean over epochs and seeds is more than two standard errors from 0"
            .into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(naive: [f64; 3]) -> Vec<EpochRow> {
        let row = |method: &str, epoch, test_error| EpochRow {
            method: method.into(),
            seed: 0,
            epoch,
            train_loss: 1.0,
            test_loss: 1.0,
            test_error,
            gradient_evaluations: 1,
        };
        (0..3).flat_map(|e| [row("svrg/reset", e, 50.0), row("svrg/naive", e, naive[e])]).collect()
    }

    #[test]
    fn the_verdict_can_go_every_way() {
        assert_eq!(verdict(&rows([60.0, 61.0, 62.0])).outcome, Outcome::Confirmed);
        assert_eq!(verdict(&rows([40.0, 41.0, 42.0])).outcome, Outcome::Contradicted);
        assert_eq!(verdict(&rows([49.0, 50.0, 51.0])).outcome, Outcome::Undecided);
        assert_eq!(verdict(&[]).outcome, Outcome::Undecided);
    }
}
