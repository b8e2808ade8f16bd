//! What an experiment found, in the form that is written to disk and read back for figures and reports.
//!
//! An [`ExperimentResult`] holds no time, so that two runs with the same seeds give the same file; times are
//! [`EpochTime`]s, in a file of their own.

pub mod cell;
pub mod cost;
pub mod diagnostics;
pub mod epoch;
pub mod event;
pub mod json_table;
pub mod rank;
pub mod ranking;
pub mod rows;
pub mod tensor_table;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use vr_core::VarianceSummary;

pub use cell::CellResult;
use diagnostics::{Diagnostics, Moment};
pub use epoch::{Divergence, EpochRow, EpochTime, Track};
pub use event::Event;
pub use ranking::Ranking;

use crate::paper::schedule::{Schedule, Version};
use crate::paper::setting::Setting;
use crate::verdict::Verdict;

/// Everything one experiment measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ExperimentResult {
    /// Name of the experiment.
    pub experiment: String,
    /// The claim of the literature that it examines.
    pub claim: String,
    /// The data it ran on.
    pub data: DataInfo,
    /// Name of the model.
    pub model: String,
    /// Name of the scale it ran at, such as `quick` or `full`.
    pub scale: String,
    /// Minibatches in one epoch.
    pub minibatches: usize,
    /// Examples in one minibatch.
    pub batch_size: usize,
    /// Epochs that were run.
    pub epochs_run: usize,
    /// The seeds, one run each.
    pub seeds: Vec<u64>,
    /// The learning rate.
    #[serde(default)]
    pub schedule: Schedule,
    /// Whether the released code or the text was followed where they differ.
    #[serde(default)]
    pub version: Version,
    /// The variance measurements.
    #[serde(with = "crate::results::json_table")]
    pub points: Vec<Point>,
    /// Diagnostics beyond the variance of whole steps.
    #[serde(flatten)]
    pub diagnostics: Diagnostics,
    /// The losses and errors of every epoch.
    #[serde(with = "crate::results::json_table")]
    pub epochs: Vec<EpochRow>,
    /// The runs that diverged.
    #[serde(default)]
    pub diverged: Vec<Divergence>,
    /// What the measurements say about the claim.
    pub verdicts: Vec<Verdict>,
    /// The settings of a grid, the best first; none of what is no grid, or is ranked by nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ranking: Option<Ranking>,
    /// BLAKE3 digests of the `result.json` of each cell, by the name of its folder; none in results of older versions.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub cells: BTreeMap<String, String>,
}

impl ExperimentResult {
    /// The tracks that have epochs, in the order of their first.
    pub fn tracks(&self) -> Vec<Track<'_>> {
        let mut tracks: Vec<Track<'_>> = Vec::new();
        for track in self.epochs.iter().map(EpochRow::track) {
            if !tracks.contains(&track) {
                tracks.push(track);
            }
        }
        tracks
    }

    /// A track's epochs.
    pub fn rows<'a>(&'a self, track: impl Into<Track<'a>>) -> impl Iterator<Item = &'a EpochRow> {
        let track = track.into();
        self.epochs.iter().filter(move |row| row.track() == track)
    }

    /// Its rows as the cells logged them, but for the order.
    pub fn events(&self) -> impl Iterator<Item = Event> {
        let Diagnostics { geometry, positions, steps, tensors } = &self.diagnostics;
        let points = self.points.iter().cloned().map(Event::Variance);
        let tensors = tensors.iter().cloned().map(Event::Tensors);
        let geometry = geometry.iter().cloned().map(Event::Geometry);
        let positions = positions.iter().cloned().map(Event::Position);
        let steps = steps.iter().cloned().map(Event::Steps);
        let epochs = self.epochs.iter().cloned().map(Event::Epoch);
        let diverged = self.diverged.iter().cloned().map(Event::Diverged);
        points.chain(tensors).chain(geometry).chain(positions).chain(steps).chain(epochs).chain(diverged)
    }

    /// The setting in which the paper trains its network.
    pub fn setting(&self) -> &'static Setting {
        Setting::named(&self.model)
    }

    /// Epochs over which test errors are averaged: those of the setting, compressed as its schedule.
    pub fn window(&self) -> usize {
        let Setting { window, epochs, .. } = *self.setting();
        (window * self.schedule.length / epochs).max(1)
    }

    /// The mean test error over the last [`window`](Self::window) of each run of a track, in percent, by seed; of a
    /// track whose runs are shorter than the others', over as much less. A run that diverged has none.
    pub fn final_errors<'a>(&'a self, track: impl Into<Track<'a>>) -> BTreeMap<u64, f64> {
        self.final_means(track.into(), |row| Some(row.test_error))
    }

    /// As [`final_errors`](Self::final_errors), on the pictures that were held out of the training set; none where none were.
    pub fn final_validation_errors<'a>(&'a self, track: impl Into<Track<'a>>) -> BTreeMap<u64, f64> {
        self.final_means(track.into(), |row| row.validation_error)
    }

    /// As [`final_validation_errors`](Self::final_validation_errors), the loss in nats an example.
    pub fn final_validation_losses<'a>(&'a self, track: impl Into<Track<'a>>) -> BTreeMap<u64, f64> {
        self.final_means(track.into(), |row| row.validation_loss)
    }

    /// The training loss of the last epoch of each run of a track that did not diverge, in nats an example, by seed.
    pub fn last_train_losses<'a>(&'a self, track: impl Into<Track<'a>>) -> BTreeMap<u64, f64> {
        let track = track.into();
        let diverged = self.diverged_seeds(track.method);
        let mut last: BTreeMap<u64, &EpochRow> = BTreeMap::new();
        for row in self.rows(track).filter(|row| !diverged.contains(&row.seed)) {
            let newest = last.entry(row.seed).or_insert(row);
            if row.epoch >= newest.epoch {
                *newest = row;
            }
        }
        last.into_iter().map(|(seed, row)| (seed, row.train_loss)).filter(|(_, loss)| loss.is_finite()).collect()
    }

    fn final_means(&self, track: Track<'_>, error: fn(&EpochRow) -> Option<f64>) -> BTreeMap<u64, f64> {
        let length = self.rows(track).map(|row| row.epoch).max().unwrap_or_default();
        let window = (self.window() * length / self.epochs_run.max(1)).max(1);
        let diverged = self.diverged_seeds(track.method);
        let mut runs: BTreeMap<u64, Vec<f64>> = BTreeMap::new();
        for row in self.rows(track).filter(|row| row.epoch + window > length && !diverged.contains(&row.seed)) {
            if let Some(error) = error(row) {
                runs.entry(row.seed).or_default().push(error);
            }
        }
        runs.into_iter().map(|(seed, errors)| (seed, errors.iter().sum::<f64>() / errors.len() as f64)).collect()
    }

    /// A copy without the runs whose seeds are not reported: those that chose a learning rate.
    #[must_use]
    pub fn of_reported_seeds(&self) -> Self {
        let mut reported = self.clone();
        reported.epochs.retain(|row| self.seeds.contains(&row.seed));
        reported.diverged.retain(|run| self.seeds.contains(&run.seed));
        reported
    }

    /// Seeds of the runs of a method that diverged.
    pub fn diverged_seeds(&self, method: &str) -> BTreeSet<u64> {
        self.diverged.iter().filter(|run| run.method == method).map(|run| run.seed).collect()
    }

    /// The result as JSON, but for the single tensors, which have a file of their own; a number that is not
    /// finite becomes `null`.
    ///
    /// # Errors
    /// When it cannot be written as JSON.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        let diagnostics = Diagnostics { tensors: Vec::new(), ..self.diagnostics.clone() };
        json_table::to_json(&Self { diagnostics, ..self.clone() }, 3)
    }

    /// The line above a figure: what it shows, and of which model, data and scale.
    pub fn heading(&self, what: &str) -> String {
        let Self { model, minibatches, epochs_run, schedule, seeds, .. } = self;
        let epochs = format!("{epochs_run} of {} epochs", schedule.length);
        let seeds = if seeds.len() == 1 { "1 seed".to_owned() } else { format!("{} seeds", seeds.len()) };
        format!("{what}: {model} on {}, {epochs}, m = {minibatches}, {seeds}", self.data.name)
    }

    /// Reads what [`ExperimentResult::to_json`] wrote, or an older version of it.
    pub fn from_json(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }
}

fn is_none(count: &usize) -> bool {
    *count == 0
}

/// The data of an experiment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataInfo {
    /// Name of the data set.
    pub name: String,
    /// Training examples used.
    pub train_size: usize,
    /// Test examples used.
    pub test_size: usize,
    /// Examples held out of the training set.
    #[serde(default, skip_serializing_if = "is_none")]
    pub validation_size: usize,
    /// Digest of the examples used.
    pub digest: String,
}

/// One measurement of gradient variance, at one moment of one run.
///
/// Variances and the squared bias are squared Euclidean norms summed over all parameters, in squared gradient units.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// Name of the model.
    pub model: String,
    /// Name of the method.
    pub method: String,
    /// Seed of the run.
    pub seed: u64,
    /// Epoch, counted from 1.
    pub epoch: usize,
    /// How far through the epoch, in percent of its minibatches.
    pub percent: f64,
    /// Squared norm of the full gradient; older results have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub squared_gradient: Option<f64>,
    /// Trace of the variance of the plain stochastic gradient.
    #[serde(with = "vr_run::not_finite")]
    pub sgd_variance: f64,
    /// Mean squared error of the estimator's direction about the full gradient: its variance plus the squared bias.
    #[serde(with = "vr_run::not_finite", alias = "vr_variance")]
    pub estimator_error: f64,
    /// `estimator_error / sgd_variance`, dimensionless; none where the plain variance is zero.
    pub ratio: Option<f64>,
    /// Squared norm of the difference between the mean of the variance-reduced gradient and the full gradient.
    #[serde(with = "vr_run::not_finite")]
    pub squared_bias: f64,
    /// Correlation of the gradients at the iterate and at the snapshot, from −1 to 1.
    pub correlation: Option<f64>,
    /// The coefficient of the control variate that would give the least variance, dimensionless.
    pub optimal_coefficient: Option<f64>,
    /// The coefficient that the method uses; older results have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub coefficient: Option<f64>,
}

impl Point {
    /// What a variance pass found.
    pub fn new(at: Moment, found: &VarianceSummary) -> Self {
        Self {
            model: at.model,
            method: at.method,
            seed: at.seed,
            epoch: at.epoch,
            percent: at.percent,
            squared_gradient: Some(found.squared_gradient),
            sgd_variance: found.sgd_variance,
            estimator_error: found.estimator_error,
            ratio: found.ratio,
            squared_bias: found.squared_bias,
            correlation: found.correlation,
            optimal_coefficient: found.optimal_coefficient,
            coefficient: found.coefficient.filter(|alpha| alpha.is_finite()),
        }
    }

    /// The gradient noise scale in examples (McCandlish et al. 2018): the size of the minibatch whose gradient has as much
    /// variance as the full gradient has squared norm.
    pub fn noise_scale(&self, batch_size: usize) -> Option<f64> {
        let squared = self.squared_gradient.filter(|&squared| squared > 0.0)?;
        Some(batch_size as f64 * self.sgd_variance / squared)
    }
}

/// Seed and ratios of two methods at the same seed, epoch and place. The first epoch, whose snapshot is the initial point,
/// is left out.
pub fn pairs(points: &[Point], one: &str, other: &str) -> Vec<(u64, [f64; 2])> {
    let twin = |point: &Point| {
        let same = |p: &&Point| (p.seed, p.epoch, p.percent) == (point.seed, point.epoch, point.percent);
        points.iter().filter(|p| p.method == other).find(same)
    };
    let ones = points.iter().filter(|p| p.method == one && p.epoch > 1);
    ones.filter_map(|point| Some((point.seed, [point.ratio?, twin(point)?.ratio?]))).collect()
}

/// Made-up results for the tests of verdicts and pages.
#[cfg(test)]
pub(crate) mod made_up {
    use super::*;

    pub fn result(model: &str) -> ExperimentResult {
        ExperimentResult {
            experiment: "made-up".into(),
            claim: String::new(),
            data: DataInfo {
                name: "CIFAR-10".into(),
                train_size: 50_000,
                test_size: 10_000,
                validation_size: 0,
                digest: String::new(),
            },
            model: model.into(),
            scale: String::new(),
            minibatches: 391,
            batch_size: 128,
            epochs_run: 250,
            seeds: vec![0],
            schedule: Schedule::default(),
            version: Version::default(),
            points: Vec::new(),
            diagnostics: Diagnostics::default(),
            epochs: Vec::new(),
            diverged: Vec::new(),
            verdicts: Vec::new(),
            ranking: None,
            cells: BTreeMap::new(),
        }
    }

    /// Runs of so many methods whose last ten epochs have these errors, one run for each.
    pub fn final_errors(methods: &[(&str, &[f64])]) -> ExperimentResult {
        let mut result = result("lenet");
        for &(method, errors) in methods {
            for (seed, &error) in (0..).zip(errors) {
                result.epochs.extend((220..=240).map(|epoch| row(method, seed, epoch, 1.0)));
                result.epochs.extend((241..=250).map(|epoch| row(method, seed, epoch, error)));
            }
        }
        result
    }

    pub fn point(method: &str, epoch: usize, ratio: f64) -> Point {
        Point {
            model: "lenet".into(),
            method: method.into(),
            seed: 0,
            epoch,
            percent: 100.0,
            squared_gradient: Some(0.5),
            sgd_variance: 1.0,
            estimator_error: ratio,
            ratio: Some(ratio),
            squared_bias: 0.0,
            correlation: None,
            optimal_coefficient: None,
            coefficient: None,
        }
    }

    pub fn row(method: &str, seed: u64, epoch: usize, test_error: f64) -> EpochRow {
        EpochRow {
            method: method.into(),
            policy: None,
            seed,
            epoch,
            train_loss: 1.0,
            test_loss: 1.0,
            test_error,
            test_error_top5: None,
            validation_loss: None,
            validation_error: None,
            gradient_evaluations: 391 * epoch as u64,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Older results call the mean squared error a variance.
    #[test]
    fn older_points_are_still_read() {
        let point = made_up::point("svrg", 2, 0.5);
        let text = serde_json::to_string(&point).unwrap();
        let old = text.replace("estimator_error", "vr_variance");
        assert_ne!(old, text);
        assert_eq!(serde_json::from_str::<Point>(&old).unwrap(), point);
    }

    #[test]
    fn the_noise_scale_is_in_examples() {
        let point = made_up::point("svrg", 2, 0.5);
        assert_eq!(point.noise_scale(128), Some(256.0));
        assert_eq!(Point { squared_gradient: None, ..point }.noise_scale(128), None);
    }

    /// A diverged run was once averaged in as 90 %.
    #[test]
    fn a_diverged_run_has_no_final_error() {
        let mut result = made_up::final_errors(&[("scsg", &[20.0, 21.0, 22.0])]);
        result.epochs.retain(|row| row.seed != 1 || row.epoch < 245);
        result.diverged.push(Divergence { method: "scsg".into(), seed: 1, epoch: 245 });
        assert_eq!(result.final_errors("scsg"), [(0, 20.0), (2, 22.0)].into());
    }

    #[test]
    fn a_shorter_run_is_judged_by_its_own_last_epochs() {
        let mut result = made_up::final_errors(&[("sgd", &[20.0])]);
        result.epochs.extend((1..=83).map(|epoch| made_up::row("arm", 0, epoch, 100.0 - epoch as f64)));
        // Epochs 81 to 83.
        assert_eq!(result.final_errors("arm"), [(0, 18.0)].into());
    }

    #[test]
    fn tracks_of_one_method_are_apart() {
        let row = |policy| EpochRow { policy, ..made_up::row("svrg", 0, 250, 20.0) };
        let policies = [None, Some(vr_optim::NormPolicy::Reset)];
        let result = ExperimentResult { epochs: policies.map(row).to_vec(), ..made_up::result("lenet") };
        let back = ExperimentResult::from_json(&result.to_json().unwrap()).unwrap();
        assert_eq!(back.epochs, result.epochs);
        assert_eq!(back.tracks().len(), 2);
        assert_eq!(back.final_errors("svrg"), [(0, 20.0)].into());
    }
}
