//! C3: with recomputation, statistics that average over both the iterate and the snapshot give poor
//! test results; restoring them after every evaluation at the snapshot (the reset) mends it.

use vr_optim::NormPolicy;

use super::Experiment;
use crate::cell::Cell;
use crate::figures::FigureError;
use crate::figures::bn_reset::bn_reset as figure;
use crate::paper::methods::recomputed;
use crate::results::{EpochRow, ExperimentResult};
use crate::run_dir::Figure;
use crate::settings::{Model, Settings};
use crate::verdict::Verdict;
use crate::verdict::estimate::{Estimate, RULE, SEEDS};

/// The remedy of section 3.
pub const EXPERIMENT: Experiment = Experiment {
    name: "bn-reset",
    summary: "Test error with naive and with reset batch-norm statistics",
    claim: CLAIM,
    model: Model::LENET,
    models: &[],
    cells,
    figures,
    verdicts,
};

const CLAIM: &str = "Batch-norm statistics averaged over both the iterate and the snapshot give poor test results; \
                         restoring them after every evaluation at the snapshot mends it (paper, section 3).";

fn cells(settings: &Settings, _minibatches: usize) -> Vec<Cell> {
    settings.seeds.iter().map(|&seed| both(settings, seed)).collect()
}

/// SVRG with recomputation, with reset and naive statistics side by side.
pub fn both(settings: &Settings, seed: u64) -> Cell {
    Cell { policies: vec![NormPolicy::Reset, NormPolicy::Naive], ..recomputed(settings, seed) }
}

fn rows(result: &ExperimentResult) -> Vec<EpochRow> {
    result.epochs.iter().filter(|row| row.policy.is_some()).cloned().collect()
}

/// Loss and error of both.
pub fn figures(result: &ExperimentResult) -> Result<Vec<Figure>, FigureError> {
    let title = result.heading("Batch-norm reset");
    let svg = figure(&title, &rows(result))?;
    Ok(vec![("bn-reset", title, svg)])
}

/// The claim.
pub fn verdicts(result: &ExperimentResult) -> Vec<Verdict> {
    vec![verdict(&rows(result))]
}

/// Mean test error of naive statistics against reset ones over all epochs and seeds.
fn verdict(rows: &[EpochRow]) -> Verdict {
    let pairs: Vec<(u64, f64)> = rows
        .iter()
        .filter(|row| row.policy == Some(NormPolicy::Naive))
        .filter_map(|naive| {
            let same = |row: &&EpochRow| (row.seed, row.epoch) == (naive.seed, naive.epoch);
            let reset = rows.iter().filter(|row| row.policy == Some(NormPolicy::Reset)).find(same)?;
            Some((naive.seed, naive.test_error - reset.test_error))
        })
        .collect();
    let difference = Estimate::of_runs(&pairs);
    Verdict {
        id: "C3-reset".into(),
        claim: "C3: naive batch-norm statistics raise the test error over reset ones".into(),
        expected: "naive above reset".into(),
        measured: format!("naive − reset in points of test error: {difference}"),
        outcome: difference.sign(),
        rule: format!("mean over epochs and seeds; {SEEDS}: {RULE}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::made_up::row;
    use crate::verdict::Outcome;

    fn made_up(naive: [f64; 3]) -> Vec<EpochRow> {
        let row = |policy, epoch, error| EpochRow { policy: Some(policy), ..row("svrg", 0, epoch, error) };
        (0..3).flat_map(|e| [row(NormPolicy::Reset, e, 50.0), row(NormPolicy::Naive, e, naive[e])]).collect()
    }

    /// Pooled, the six epochs would decide; two seeds do not.
    #[test]
    fn epochs_of_one_run_are_not_independent() {
        let runs = [[60.0, 61.0, 60.0], [54.0, 55.0, 54.0]];
        let rows =
            (0..).zip(runs).flat_map(|(seed, run)| made_up(run).into_iter().map(move |row| EpochRow { seed, ..row }));
        assert_eq!(verdict(&rows.collect::<Vec<_>>()).outcome, Outcome::Undecided);
    }

    #[test]
    fn the_verdict_can_go_every_way() {
        assert_eq!(verdict(&made_up([60.0, 61.0, 62.0])).outcome, Outcome::Confirmed);
        assert_eq!(verdict(&made_up([40.0, 41.0, 42.0])).outcome, Outcome::Contradicted);
        assert_eq!(verdict(&made_up([49.0, 50.0, 51.0])).outcome, Outcome::Undecided);
        assert_eq!(verdict(&[]).outcome, Outcome::Undecided);
    }
}
