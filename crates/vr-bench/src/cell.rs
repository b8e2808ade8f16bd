//! One cell of an experiment: a method trained with one seed, measured along the way.

use std::time::Instant;

use rayon::prelude::*;
use vr_core::{Normalization, Oracle};
use vr_data::{Augmentation, Loader, LoaderConfig, test_batches};
use vr_models::{Engine, initialize};
use vr_optim::{Locking, NormPolicy, NormTrack, StepDecay, Svrg, SvrgConfig, Training};

use crate::error::BenchError;
use crate::observer::Observer;
use crate::results::{EpochRow, Point};
use crate::settings::{LoadedData, Settings};

/// Where in an epoch the variance is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Places {
    /// Nowhere.
    None,
    /// Before the first step and at the paper's 2, 11, 33 and 100 %.
    Paper,
    /// Before the first step and at every tenth of the epoch.
    Deciles,
}

impl Places {
    /// Pairs (steps taken, percent) for an epoch of `m` steps, in order. The paper measures after
    /// the steps of 0-based index ⌈m/50⌉, ⌈m/9⌉, ⌈m/3⌉ and m − 1.
    pub fn of(self, m: usize) -> Vec<(usize, f64)> {
        let after = |index: usize| (index + 1).min(m);
        match self {
            Self::None => Vec::new(),
            Self::Paper => vec![
                (0, 0.0),
                (after(m.div_ceil(50)), 2.0),
                (after(m.div_ceil(9)), 11.0),
                (after(m.div_ceil(3)), 33.0),
                (m, 100.0),
            ],
            Self::Deciles => {
                let mut places = vec![(0, 0.0)];
                places.extend((1..10).map(|k| (after(k * m.div_ceil(10)), 10.0 * k as f64)));
                places.push((m, 100.0));
                places
            }
        }
    }
}

/// One method with one seed.
#[derive(Clone, Debug)]
pub struct Cell {
    /// The method's name in the results.
    pub method: String,
    /// The estimator.
    pub svrg: SvrgConfig<f32>,
    /// Whether transforms are locked.
    pub locking: Locking,
    /// Sets of running statistics to carry; with more than one, each has its own rows of test error,
    /// called `method/policy`.
    pub policies: Vec<NormPolicy>,
    /// Where the variance is measured.
    pub places: Places,
    /// In which 1-based epochs: every epoch that is a multiple of this, and the first.
    pub every: usize,
    /// The seed of everything random.
    pub seed: u64,
}

/// What a cell measured.
#[derive(Clone, Debug, Default)]
pub struct CellResult {
    /// Variances.
    pub points: Vec<Point>,
    /// Epochs.
    pub epochs: Vec<EpochRow>,
    /// Seconds of each epoch: (method, epoch, training with its snapshot pass, diagnostics, test).
    pub seconds: Vec<(String, usize, [f64; 3])>,
}

type Run = Training<Engine, Loader>;

/// Trains and measures one cell.
///
/// # Errors
/// When the data do not fit the network or training fails.
pub fn run_cell(
    settings: &Settings,
    data: &LoadedData,
    cell: &Cell,
    observer: &dyn Observer,
) -> Result<CellResult, BenchError> {
    let graph = settings.model.graph().map_err(|e| BenchError::Model(Box::new(e)))?;
    let x = initialize(&graph, cell.seed);
    let engine = Engine::new(settings.engine, graph);
    let config = LoaderConfig {
        batch_size: settings.batch_size,
        augmentation: Augmentation::Standard,
        seed: cell.seed,
        ..LoaderConfig::default()
    };
    let loader = Loader::new(data.train.clone(), config).map_err(|e| BenchError::Data(Box::new(e)))?;
    let m = loader.plan().minibatches();
    let failed = |epoch: usize, error: Box<dyn std::error::Error + Send + Sync>| BenchError::Training {
        method: cell.method.clone(),
        seed: cell.seed,
        epoch,
        error,
    };
    let mut run = Training::new(engine, loader, x, Svrg::new(cell.svrg.clone()))
        .map_err(|e| failed(1, Box::new(e)))?
        .with_schedule(schedule(settings.epochs, m))
        .with_locking(cell.locking)
        .with_norm_policies(&cell.policies)
        .in_parallel();
    let mut result = CellResult::default();
    for epoch in 1..=settings.epochs {
        let places = if epoch == 1 || epoch % cell.every == 0 { cell.places.of(m) } else { Vec::new() };
        let (mut training, mut diagnostics, mut loss) = (0.0, 0.0, 0.0);
        for step in 0..=m {
            for &(_, percent) in places.iter().filter(|place| place.0 == step) {
                let started = Instant::now();
                if step == 0 {
                    run.prepare().map_err(|e| failed(epoch, Box::new(e)))?;
                    training += started.elapsed().as_secs_f64();
                }
                let started = Instant::now();
                let point = measure(&mut run, settings, cell, epoch, percent)?;
                observer.point(&point);
                result.points.push(point);
                diagnostics += started.elapsed().as_secs_f64();
                observer.tick(&cell.method, epoch, step, m);
            }
            if step < m {
                let started = Instant::now();
                loss += run.step().map_err(|e| failed(epoch, Box::new(e)))?.loss;
                training += started.elapsed().as_secs_f64();
                observer.tick(&cell.method, epoch, step + 1, m);
            }
        }
        let started = Instant::now();
        for track in run.tracks() {
            let method = if cell.policies.len() > 1 {
                format!("{}/{}", cell.method, policy_name(track.policy))
            } else {
                cell.method.clone()
            };
            let (test_loss, test_error) = test(&run, track, data, settings.batch_size)?;
            let row = EpochRow {
                method,
                seed: cell.seed,
                epoch,
                train_loss: loss / m as f64,
                test_loss,
                test_error,
                gradient_evaluations: run.counts().training().minibatches,
            };
            observer.epoch(&row, training);
            result.epochs.push(row);
        }
        result.seconds.push((cell.method.clone(), epoch, [training, diagnostics, started.elapsed().as_secs_f64()]));
    }
    Ok(result)
}

/// The paper's learning rate of 0.1 with its drops at 60 % and 90 % of the run; a run of fewer than
/// 50 epochs is the beginning of the paper's and has none.
fn schedule(epochs: usize, m: usize) -> StepDecay {
    if epochs < 50 { StepDecay::constant(0.1) } else { StepDecay::cifar(epochs as u64, m as u64) }
}

/// The 1-based epochs in which the schedule's drops act.
pub fn drops(epochs: usize) -> Vec<f64> {
    schedule(epochs, 1).drops.iter().map(|&drop| drop as f64 + 1.0).collect()
}

fn policy_name(policy: NormPolicy) -> &'static str {
    match policy {
        NormPolicy::Naive => "naive",
        NormPolicy::Reset => "reset",
    }
}

fn measure(run: &mut Run, settings: &Settings, cell: &Cell, epoch: usize, percent: f64) -> Result<Point, BenchError> {
    let report = run.variance().map_err(|e| BenchError::Training {
        method: cell.method.clone(),
        seed: cell.seed,
        epoch,
        error: Box::new(e),
    })?;
    Ok(Point {
        model: settings.model.to_string(),
        method: cell.method.clone(),
        seed: cell.seed,
        epoch,
        percent,
        sgd_variance: report.total.sgd_variance,
        vr_variance: report.total.estimator_error,
        ratio: report.total.ratio,
        squared_bias: report.total.squared_bias,
        correlation: report.total.correlation,
        optimal_coefficient: report.total.optimal_coefficient,
    })
}

/// Mean test loss and test error in percent with a track's running statistics.
fn test(run: &Run, track: &NormTrack<f32>, data: &LoadedData, batch_size: usize) -> Result<(f64, f64), BenchError> {
    let batches: Vec<_> = test_batches(&data.test, batch_size).collect();
    let (engine, x) = (run.oracle(), run.iterate());
    let evaluations = batches
        .par_iter()
        .map(|batch| engine.evaluate(x, Normalization::Stored(&track.running), batch))
        .collect::<Result<Vec<_>, _>>()
        .map_err(|e| BenchError::Model(Box::new(e)))?;
    let samples: usize = evaluations.iter().map(|e| e.samples).sum();
    let correct: usize = evaluations.iter().filter_map(|e| e.correct).sum();
    let loss: f64 = evaluations.iter().map(|e| e.loss * e.samples as f64).sum();
    let samples = samples.max(1) as f64;
    Ok((loss / samples, 100.0 * (1.0 - correct as f64 / samples)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_papers_places() {
        let steps: Vec<usize> = Places::Paper.of(391).iter().map(|place| place.0).collect();
        assert_eq!(steps, [0, 9, 45, 132, 391]);
        let steps: Vec<usize> = Places::Deciles.of(391).iter().map(|place| place.0).collect();
        assert_eq!(steps, [0, 41, 81, 121, 161, 201, 241, 281, 321, 361, 391]);
    }
}
