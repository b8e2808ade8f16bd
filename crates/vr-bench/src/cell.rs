//! One cell of an experiment: a method trained with one seed, measured along the way.

use std::time::Instant;

use rayon::prelude::*;
use vr_core::{Normalization, Oracle};
use vr_data::{Augmentation, Loader, LoaderConfig, test_batches};
use vr_models::{Engine, Model, initialize};
use vr_optim::{EstimatorConfig, Locking, NormPolicy, NormTrack, RuleConfig, Training, TrainingError};

use crate::error::BenchError;
use crate::measure::Measures;
use crate::observer::Observer;
use crate::results::{Divergence, EpochRow, EpochTime, Point};
use crate::schedule::Schedule;
use crate::settings::{LoadedData, Settings};

/// One method with one seed.
#[derive(Clone, Debug)]
pub struct Cell {
    /// The network.
    pub model: Model,
    /// The method's name in the results.
    pub method: String,
    /// The estimator.
    pub estimator: EstimatorConfig,
    /// The update rule.
    pub rule: RuleConfig,
    /// The learning rate.
    pub schedule: Schedule,
    /// Epochs to run: the beginning of the schedule.
    pub epochs: usize,
    /// Whether transforms are locked.
    pub locking: Locking,
    /// Sets of running statistics to carry; with more than one, each has its own rows of test error,
    /// called `method/policy`.
    pub policies: Vec<NormPolicy>,
    /// What is measured along the way.
    pub measures: Measures,
    /// The seed of everything random.
    pub seed: u64,
}

/// What a cell measured.
#[derive(Clone, Debug, Default)]
pub struct CellResult {
    /// Variances.
    pub points: Vec<Point>,
    /// Epochs; of a run that diverged, those before.
    pub epochs: Vec<EpochRow>,
    /// Where the run diverged, if it did.
    pub diverged: Option<Divergence>,
    /// Seconds of each epoch.
    pub times: Vec<EpochTime>,
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
    let graph = cell.model.graph().map_err(|e| BenchError::Model(Box::new(e)))?;
    let x = initialize(&graph, cell.seed);
    let engine = Engine::new(settings.engine, graph);
    let config = LoaderConfig {
        batch_size: settings.batch_size,
        augmentation: Augmentation::Standard,
        seed: cell.seed,
        ..LoaderConfig::default()
    };
    let loader = Loader::new(data.train.clone(), config).map_err(|e| BenchError::Data(Box::new(e)))?;
    let failed = |epoch: usize, error: Box<dyn std::error::Error + Send + Sync>| BenchError::Training {
        method: cell.method.clone(),
        seed: cell.seed,
        epoch,
        error,
    };
    let mut run = Training::new(engine, loader, x, cell.estimator.build())
        .map_err(|e| failed(1, Box::new(e)))?
        .with_rule(cell.rule.build())
        .with_locking(cell.locking)
        .with_norm_policies(&cell.policies)
        .in_parallel();
    let steps = run.steps_per_epoch();
    run = run.with_schedule(cell.schedule.in_steps(steps));
    let mut result = CellResult::default();
    for epoch in 1..=cell.epochs {
        let places = cell.measures.of_epoch(epoch, steps);
        let (mut training, mut diagnostics, mut loss) = (0.0, 0.0, 0.0);
        for step in 0..=steps {
            for &(_, percent) in places.iter().filter(|place| place.0 == step) {
                let started = Instant::now();
                if step == 0 {
                    run.prepare().map_err(|e| failed(epoch, Box::new(e)))?;
                    training += started.elapsed().as_secs_f64();
                }
                let started = Instant::now();
                let point = measure(&mut run, cell, epoch, percent)?;
                observer.point(&point);
                result.points.push(point);
                diagnostics += started.elapsed().as_secs_f64();
                observer.tick(&cell.method, epoch, step, steps);
            }
            if step < steps {
                let started = Instant::now();
                match run.step() {
                    Ok(progress) => loss += progress.loss,
                    Err(TrainingError::Diverged { .. }) => {
                        let divergence = Divergence { method: cell.method.clone(), seed: cell.seed, epoch };
                        observer.diverged(&divergence);
                        result.diverged = Some(divergence);
                        return Ok(result);
                    }
                    Err(error) => return Err(failed(epoch, Box::new(error))),
                }
                training += started.elapsed().as_secs_f64();
                observer.tick(&cell.method, epoch, step + 1, steps);
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
                train_loss: loss / steps as f64,
                test_loss,
                test_error,
                gradient_evaluations: run.counts().training().minibatches,
            };
            observer.epoch(&row, training);
            result.epochs.push(row);
        }
        result.times.push(EpochTime {
            method: cell.method.clone(),
            seed: cell.seed,
            epoch,
            training_s: training,
            diagnostics_s: diagnostics,
            test_s: started.elapsed().as_secs_f64(),
        });
    }
    Ok(result)
}

fn policy_name(policy: NormPolicy) -> &'static str {
    match policy {
        NormPolicy::Naive => "naive",
        NormPolicy::Reset => "reset",
    }
}

fn measure(run: &mut Run, cell: &Cell, epoch: usize, percent: f64) -> Result<Point, BenchError> {
    let report = run.variance().map_err(|e| BenchError::Training {
        method: cell.method.clone(),
        seed: cell.seed,
        epoch,
        error: Box::new(e),
    })?;
    Ok(Point {
        model: cell.model.to_string(),
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
