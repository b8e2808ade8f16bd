//! The main job in minutes: locking (C2) and the batch-norm reset (C3) on one small run.

use std::path::Path;

use vr_optim::Locking;

use super::variance_ratio::after_start;
use super::{Finished, bn_reset, finish, gather, locking, recomputed, released, run_cells};
use crate::error::BenchError;
use crate::figures::bn_reset::bn_reset as bn_figure;
use crate::figures::locking::{Locking as LockingFigure, locking as locking_figure};
use crate::figures::variance_ratio::{VarianceRatio, variance_ratio};
use crate::observer::Observer;
use crate::run_dir;
use crate::settings::Settings;

/// The claim, as the report quotes it.
pub const CLAIM: &str = "Transform locking makes SVRG's variance vanish at the snapshot; batch-norm reset keeps its \
                         statistics fit for test time (paper, sections 3 and 4).";

/// Runs the three cells and writes the folder.
///
/// # Errors
/// When the data cannot be read, training fails or the folder cannot be written.
pub fn run(settings: &Settings, out: &Path, observer: &dyn Observer) -> Result<Finished, BenchError> {
    run_dir::prepare(out)?;
    let data = settings.load()?;
    let mut cells = Vec::new();
    for &seed in &settings.seeds {
        cells.extend([released(seed, Locking::Locked), released(seed, Locking::Unlocked), recomputed(seed)]);
    }
    let cells = run_cells(settings, &data, &cells, out, observer)?;
    let result = gather("quick", CLAIM, settings, &data, &cells);
    let of = format!("{} on {}", result.model, result.data.name);
    let (lock_title, bn_title, ratio_title) =
        (format!("Transform locking, {of}"), format!("Batch-norm reset, {of}"), format!("Variance ratio, {of}"));
    let bn_rows: Vec<_> = result.epochs.iter().filter(|row| row.method.contains('/')).cloned().collect();
    let locked = after_start(&result.points);
    let figures = [
        ("locking", lock_title.clone(), locking_figure(&LockingFigure { title: &lock_title, points: &result.points })?),
        ("bn-reset", bn_title.clone(), bn_figure(&bn_title, &bn_rows)?),
        (
            "variance-ratio",
            ratio_title.clone(),
            variance_ratio(&VarianceRatio {
                title: &ratio_title,
                points: &locked,
                published: &[],
                learning_rate_drops: &result.learning_rate_drops,
            })?,
        ),
    ];
    let mut verdicts = locking::verdicts(&result.points);
    verdicts.push(bn_reset::verdict(&bn_rows));
    finish(out, settings, result, verdicts, &cells, &figures)
}
