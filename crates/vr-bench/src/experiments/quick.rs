//! The main job in minutes: locking (C2) and the batch-norm reset (C3) on one small run.

use vr_optim::Locking;

use super::{Experiment, bn_reset, locking, variance_ratio};
use crate::cell::Cell;
use crate::figures::FigureError;
use crate::measure::{Measures, Places};
use crate::paper::methods::stored;
use crate::results::ExperimentResult;
use crate::run_dir::Figure;
use crate::settings::{Model, Settings};
use crate::verdict::Verdict;

/// Two claims at once.
pub const EXPERIMENT: Experiment = Experiment {
    name: "quick",
    summary: "Locking and batch-norm reset on the embedded set, in minutes",
    claim: CLAIM,
    model: Model::LENET,
    models: &[],
    cells,
    figures,
    verdicts,
};

const CLAIM: &str = "Transform locking makes SVRG's variance vanish at the snapshot; batch-norm reset keeps its \
                     statistics fit for test time (paper, sections 3 and 4).";

fn cells(settings: &Settings, _minibatches: usize) -> Vec<Cell> {
    let measures = Measures::variance(Places::Paper, settings.every);
    let of_seed = |seed| {
        let variance = |locking| Cell { measures, ..stored(settings, locking, seed) };
        [variance(Locking::Locked), variance(Locking::Unlocked), bn_reset::both(settings, seed)]
    };
    settings.seeds.iter().copied().flat_map(of_seed).collect()
}

fn figures(result: &ExperimentResult) -> Result<Vec<Figure>, FigureError> {
    let parts = [locking::figures, bn_reset::figures, variance_ratio::figures];
    let drawn = parts.iter().map(|figures| figures(result)).collect::<Result<Vec<_>, _>>()?;
    Ok(drawn.into_iter().flatten().collect())
}

fn verdicts(result: &ExperimentResult) -> Vec<Verdict> {
    [locking::verdicts, bn_reset::verdicts].iter().flat_map(|verdicts| verdicts(result)).collect()
}
