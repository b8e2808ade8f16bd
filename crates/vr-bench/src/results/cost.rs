//! What each method cost beside what it reached, so that "better per epoch" cannot pass for "better".

use std::collections::BTreeMap;

use crate::results::{EpochTime, ExperimentResult, Track};
use crate::verdict::estimate::Estimate;

/// One method's runs.
#[derive(Clone, Debug, PartialEq)]
pub struct Cost {
    /// The method.
    pub method: String,
    /// Epochs of its longest run.
    pub epochs: usize,
    /// Minibatch gradients for training of its longest run, in passes over the training set.
    pub passes: f64,
    /// Seconds of training, a run; `None` where no times are known.
    pub training_s: Option<f64>,
    /// Test error over the last epochs of each run that did not diverge, in percent.
    pub error: Estimate,
    /// Runs that diverged.
    pub diverged: usize,
}

/// Headings of [`Cost::row`].
pub const HEADINGS: [&str; 6] =
    ["method", "epochs", "gradients (passes)", "training (s a run)", "final test error (%)", "diverged runs"];

impl Cost {
    /// The cost as texts under [`HEADINGS`].
    pub fn row(&self) -> [String; 6] {
        [
            self.method.clone(),
            self.epochs.to_string(),
            format!("{:.1}", self.passes),
            self.training_s.map_or_else(|| "not known".into(), |seconds| format!("{seconds:.1}")),
            self.error.to_string(),
            self.diverged.to_string(),
        ]
    }
}

/// The cost of every method of a result, over the seeds that are reported. Statistics kept side by side in one run share its time.
pub fn costs(result: &ExperimentResult, times: &[EpochTime]) -> Vec<Cost> {
    let result = &result.of_reported_seeds();
    let spent = |track: Track<'_>| result.rows(track).map(|row| row.gradient_evaluations).max().unwrap_or_default();
    let tracks = result.tracks();
    let cost = |&track: &Track<'_>| Cost {
        method: track.to_string(),
        epochs: result.rows(track).map(|row| row.epoch).max().unwrap_or_default(),
        passes: spent(track) as f64 / result.minibatches as f64,
        training_s: seconds_a_run(times, track.method),
        error: Estimate::of(&result.final_errors(track).into_values().collect::<Vec<_>>()),
        diverged: result.diverged_seeds(track.method).len(),
    };
    tracks.iter().map(cost).collect()
}

fn seconds_a_run(times: &[EpochTime], method: &str) -> Option<f64> {
    let mut runs: BTreeMap<u64, f64> = BTreeMap::new();
    for time in times.iter().filter(|time| time.method == method) {
        *runs.entry(time.seed).or_default() += time.training_s;
    }
    (!runs.is_empty()).then(|| runs.values().sum::<f64>() / runs.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::made_up::{self, row};
    use crate::results::{Divergence, EpochRow};

    #[test]
    fn gradients_seconds_and_divergence_stand_beside_the_error() {
        let mut result = made_up::result("lenet");
        for epoch in 1..=30 {
            result.epochs.push(row("sgd", 0, epoch, 60.0 - epoch as f64));
            let svrg = row("svrg", 0, epoch, 50.0 - epoch as f64);
            result.epochs.push(EpochRow { gradient_evaluations: 3 * svrg.gradient_evaluations, ..svrg });
        }
        result.epochs.extend((1..=9).map(|epoch| row("svrg", 1, epoch, 88.0)));
        result.diverged.push(Divergence { method: "svrg".into(), seed: 1, epoch: 10 });
        (result.epochs_run, result.seeds) = (30, vec![0, 1]);
        // A seed that only chose a learning rate.
        result.epochs.extend((1..=30).map(|epoch| row("sgd", 1000, epoch, 5.0)));
        result.diverged.push(Divergence { method: "svrg".into(), seed: 1000, epoch: 2 });
        let time = |method: &str, seed, training_s| EpochTime {
            method: method.into(),
            seed,
            epoch: 1,
            training_s,
            diagnostics_s: 100.0,
            test_s: 100.0,
        };
        let times = [time("sgd", 0, 1.0), time("sgd", 0, 2.0), time("sgd", 1, 5.0)];
        let [sgd, svrg] = costs(&result, &times).try_into().unwrap();
        assert_eq!((sgd.passes, svrg.passes), (30.0, 90.0));
        assert_eq!((sgd.training_s, svrg.training_s), (Some(4.0), None));
        // Epochs 21–30 of 30; the diverged run is in no mean.
        assert_eq!((sgd.error.mean, sgd.diverged), (34.5, 0));
        assert_eq!((svrg.error.mean, svrg.error.n, svrg.diverged), (24.5, 1, 1));
    }
}
