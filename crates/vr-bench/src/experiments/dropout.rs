//! C4: dropout masks must be locked too. With each data point's mask drawn again from the same seed,
//! the masks at snapshot and iterate agree and the variance starts at zero; otherwise it does not.

use vr_data::Augmentation;
use vr_optim::Locking;

use super::Experiment;
use super::locking;
use crate::cell::Cell;
use crate::figures::FigureError;
use crate::figures::locking::locking as figure;
use crate::measure::{Measures, Places};
use crate::paper::methods::stored;
use crate::results::ExperimentResult;
use crate::run_dir::Figure;
use crate::settings::{Model, Settings};
use crate::verdict::Verdict;

/// Locked dropout masks against masks drawn anew.
pub const EXPERIMENT: Experiment = Experiment {
    name: "dropout",
    summary: "Variance with and without locked dropout masks, LeNet with dropout",
    claim: CLAIM,
    model: Model::LENET_DROPOUT,
    models: &[Model::LENET_DROPOUT],
    settings: Settings::of,
    cells,
    figures,
    verdicts,
    tuning: None,
};

const CLAIM: &str = "Each data point's dropout mask must be the same at the snapshot and at the iterate: then the \
                     variance starts at 0.";

/// Without augmentation, so that the masks alone are locked or not.
fn cells(settings: &Settings, _minibatches: usize) -> Vec<Cell> {
    let measures = Measures::variance(Places::Deciles, settings.every);
    let pair = |seed| {
        [Locking::Locked, Locking::Unlocked].map(|locking| Cell {
            augmentation: Augmentation::None,
            measures,
            ..stored(settings, locking, seed)
        })
    };
    settings.seeds.iter().copied().flat_map(pair).collect()
}

fn figures(result: &ExperimentResult) -> Result<Vec<Figure>, FigureError> {
    let title = result.heading("Locked dropout masks");
    let svg = figure(&title, &result.points)?;
    Ok(vec![("dropout", title, svg)])
}

fn verdicts(result: &ExperimentResult) -> Vec<Verdict> {
    vec![
        Verdict {
            id: "C4-start".into(),
            claim: "check: with locked dropout masks the variance at the snapshot is zero".into(),
            ..locking::start(&result.points)
        },
        Verdict {
            id: "C4-throughout".into(),
            claim: "C4: with locked dropout masks the ratio is below that with masks drawn anew (from epoch 2)".into(),
            ..locking::order(result)
        },
    ]
}
