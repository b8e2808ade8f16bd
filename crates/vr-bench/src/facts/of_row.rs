//! The facts in one row of what a run logs.

use vr_optim::Schedule as _;

use super::Fact;
use super::quantity::{self, Quantity};
use crate::paper::schedule::Unit;
use crate::recorded::Setting;
use crate::results::diagnostics::{Form, GeometryRow, Moment, PositionRow, StepRow, TensorRow};
use crate::results::{Divergence, EpochRow, EpochTime, Event, Point};

/// Whose a fact is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Of<'a> {
    /// The run's folder.
    pub run: &'a str,
    /// The cell: the name of its folder.
    pub cell: &'a str,
    /// The network; empty where a result does not say it of its epochs.
    pub model: &'a str,
    /// The method.
    pub method: &'a str,
    /// The seed.
    pub seed: u64,
}

/// A fact's place in an epoch.
struct At {
    epoch: usize,
    percent: Option<f64>,
}

impl At {
    fn moment(at: &Moment) -> Self {
        Self { epoch: at.epoch, percent: Some(at.percent) }
    }

    fn end(epoch: usize) -> Self {
        Self { epoch, percent: Some(100.0) }
    }
}

/// The name of a form in a table.
fn form(form: Form) -> &'static str {
    match form {
        Form::InnerBatch => "inner-batch",
        Form::FullPass => "full-pass",
    }
}

/// Hears facts, one after another.
pub type Tell<'t> = dyn FnMut(Fact<'_>) + 't;

/// Makes facts of the rows of one cell. What a row has no value for is no fact.
pub struct Facts<'a> {
    /// Whose rows.
    pub of: Of<'a>,
    /// How it was trained.
    pub setting: &'a Setting,
}

impl Facts<'_> {
    /// Those of an event.
    pub fn event(&self, event: &Event, tell: &mut Tell<'_>) {
        match event {
            Event::Variance(row) => self.point(row, tell),
            Event::Tensors(row) => self.tensors(row, tell),
            Event::Geometry(row) => self.geometry(row, tell),
            Event::Position(row) => self.position(row, tell),
            Event::Steps(row) => self.steps(row, tell),
            Event::Epoch(row) => self.epoch(row, tell),
            Event::Diverged(row) => self.diverged(row, tell),
        }
    }

    fn point(&self, row: &Point, tell: &mut Tell<'_>) {
        let at = At { epoch: row.epoch, percent: Some(row.percent) };
        let values = [
            (&quantity::SGD_VARIANCE, Some(row.sgd_variance)),
            (&quantity::ESTIMATOR_ERROR, Some(row.estimator_error)),
            (&quantity::RATIO, row.ratio),
            (&quantity::SQUARED_BIAS, Some(row.squared_bias)),
            (&quantity::GRADIENT_NORM, row.squared_gradient.map(f64::sqrt)),
            (&quantity::NOISE_SCALE, row.noise_scale(self.setting.batch_size)),
            (&quantity::CORRELATION, row.correlation),
            (&quantity::OPTIMAL_COEFFICIENT, row.optimal_coefficient),
            (&quantity::COEFFICIENT, row.coefficient),
        ];
        self.tell(&at, "", None, values, tell);
    }

    fn tensors(&self, row: &TensorRow, tell: &mut Tell<'_>) {
        for tensor in &row.tensors {
            let values = [
                (&quantity::TENSOR_SGD_VARIANCE, Some(tensor.sgd_variance)),
                (&quantity::TENSOR_RATIO, tensor.ratio),
                (&quantity::TENSOR_OPTIMAL_COEFFICIENT, tensor.optimal_coefficient),
                (&quantity::TENSOR_COEFFICIENT, tensor.coefficient),
            ];
            self.tell(&At::moment(&row.at), &tensor.name, None, values, tell);
        }
    }

    fn geometry(&self, row: &GeometryRow, tell: &mut Tell<'_>) {
        let values = [
            (&quantity::DISTANCE, Some(row.distance)),
            (&quantity::RELATIVE_DISTANCE, row.relative_distance),
            (&quantity::GRADIENT_DISTANCE, Some(row.gradient_distance)),
            (&quantity::CURVATURE, row.curvature),
            (&quantity::MEAN_SQUARE_CURVATURE, row.mean_square_curvature),
        ];
        self.tell(&At::moment(&row.at), "", None, values, tell);
    }

    fn position(&self, row: &PositionRow, tell: &mut Tell<'_>) {
        let values = [
            (&quantity::POSITION_SGD_VARIANCE, Some(row.sgd_variance)),
            (&quantity::POSITION_ESTIMATOR_ERROR, Some(row.estimator_error)),
            (&quantity::POSITION_RATIO, row.ratio),
        ];
        self.tell(&At::moment(&row.at), form(row.form), Some(row.position), values, tell);
    }

    fn steps(&self, row: &StepRow, tell: &mut Tell<'_>) {
        let values = [
            (&quantity::DIRECTION_COSINE, Some(row.direction_cosine)),
            (&quantity::NOISE_COSINE, Some(row.noise_cosine)),
        ];
        self.tell(&At::moment(&row.at), "", None, values, tell);
    }

    fn epoch(&self, row: &EpochRow, tell: &mut Tell<'_>) {
        let minibatches = self.setting.minibatches;
        let rate = self.setting.rate.as_ref().map(|(by, rate)| {
            let done = match by {
                Unit::Gradient => row.gradient_evaluations,
                Unit::Step | Unit::Epoch => (row.epoch as u64).saturating_mul(self.setting.steps as u64),
            };
            rate.at(done.saturating_sub(1))
        });
        let values = [
            (&quantity::TRAIN_LOSS, Some(row.train_loss)),
            (&quantity::TEST_LOSS, Some(row.test_loss)),
            (&quantity::TEST_ERROR, Some(row.test_error)),
            (&quantity::TEST_ERROR_TOP5, row.test_error_top5),
            (&quantity::VALIDATION_LOSS, row.validation_loss),
            (&quantity::VALIDATION_ERROR, row.validation_error),
            (&quantity::LEARNING_RATE, rate),
            (&quantity::GRADIENT_EVALUATIONS, Some(row.gradient_evaluations as f64)),
            (&quantity::PASSES, Some(row.gradient_evaluations as f64 / minibatches as f64)),
        ];
        self.tell(&At::end(row.epoch), row.policy.map_or("", |policy| policy.name()), None, values, tell);
    }

    fn diverged(&self, row: &Divergence, tell: &mut Tell<'_>) {
        let at = At { epoch: row.epoch, percent: None };
        self.tell(&at, "", None, [(&quantity::DIVERGED, Some(1.0))], tell);
    }

    /// Those of an epoch's times.
    pub fn time(&self, row: &EpochTime, tell: &mut Tell<'_>) {
        let values = [
            (&quantity::TRAINING_TIME, Some(row.training_s)),
            (&quantity::DIAGNOSTICS_TIME, Some(row.diagnostics_s)),
            (&quantity::TEST_TIME, Some(row.test_s)),
        ];
        self.tell(&At::end(row.epoch), "", None, values, tell);
    }

    fn tell<const N: usize>(
        &self,
        at: &At,
        part: &str,
        step: Option<usize>,
        values: [(&'static Quantity, Option<f64>); N],
        tell: &mut Tell<'_>,
    ) {
        let (of, epoch, percent) = (self.of, at.epoch, at.percent);
        for (quantity, value) in values {
            if let Some(value) = value {
                tell(Fact { of, epoch, percent, step, part, quantity, value });
            }
        }
    }
}
