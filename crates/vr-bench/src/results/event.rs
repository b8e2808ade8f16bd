//! What a cell's `metrics.jsonl` holds.

use serde::{Deserialize, Serialize};

use super::CellResult;
use crate::results::diagnostics::{GeometryRow, Moment, PositionRow, StepRow, TensorRow};
use crate::results::{Divergence, EpochRow, Point};

/// One line of `metrics.jsonl`. It holds no time, so that equal runs have equal logs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Event {
    /// A variance was measured.
    Variance(Point),
    /// The same, for each tensor.
    Tensors(TensorRow),
    /// The distance from the snapshot was measured.
    Geometry(GeometryRow),
    /// The variance after a mega-batch was measured.
    Position(PositionRow),
    /// Successive steps were compared.
    Steps(StepRow),
    /// An epoch is over.
    Epoch(EpochRow),
    /// The run diverged and ends here.
    Diverged(Divergence),
}

impl Event {
    /// Its epoch, counted from 1.
    pub fn epoch(&self) -> usize {
        match self {
            Self::Variance(row) => row.epoch,
            Self::Tensors(row) => row.at.epoch,
            Self::Geometry(row) => row.at.epoch,
            Self::Position(row) => row.at.epoch,
            Self::Steps(row) => row.at.epoch,
            Self::Epoch(row) => row.epoch,
            Self::Diverged(row) => row.epoch,
        }
    }

    /// Network (which epochs do not name), method and seed.
    pub fn of(&self) -> (Option<&str>, &str, u64) {
        fn moment(at: &Moment) -> (Option<&str>, &str, u64) {
            (Some(&at.model), &at.method, at.seed)
        }
        match self {
            Self::Variance(row) => (Some(&row.model), &row.method, row.seed),
            Self::Tensors(row) => moment(&row.at),
            Self::Geometry(row) => moment(&row.at),
            Self::Position(row) => moment(&row.at),
            Self::Steps(row) => moment(&row.at),
            Self::Epoch(row) => (None, &row.method, row.seed),
            Self::Diverged(row) => (None, &row.method, row.seed),
        }
    }

    /// The same of another method.
    #[must_use]
    pub fn of_method(mut self, method: &str) -> Self {
        let name = match &mut self {
            Self::Variance(row) => &mut row.method,
            Self::Tensors(row) => &mut row.at.method,
            Self::Geometry(row) => &mut row.at.method,
            Self::Position(row) => &mut row.at.method,
            Self::Steps(row) => &mut row.at.method,
            Self::Epoch(row) => &mut row.method,
            Self::Diverged(row) => &mut row.method,
        };
        method.clone_into(name);
        self
    }
}

impl FromIterator<Event> for CellResult {
    fn from_iter<I: IntoIterator<Item = Event>>(events: I) -> Self {
        let mut result = Self::default();
        for event in events {
            match event {
                Event::Variance(point) => result.points.push(point),
                Event::Tensors(row) => result.diagnostics.tensors.push(row),
                Event::Geometry(row) => result.diagnostics.geometry.push(row),
                Event::Position(row) => result.diagnostics.positions.push(row),
                Event::Steps(row) => result.diagnostics.steps.push(row),
                Event::Epoch(row) => result.epochs.push(row),
                Event::Diverged(divergence) => result.diverged = Some(divergence),
            }
        }
        result
    }
}

#[cfg(test)]
mod tests {
    use vr_optim::Geometry;

    use super::*;
    use crate::results::diagnostics::{Form, TensorVariance};
    use crate::results::made_up::{point, row};

    /// What a run measures on its way to infinity comes back from its log: as not a number, or as nothing where that may be.
    #[test]
    fn every_measurement_that_is_not_finite_comes_back() {
        let at = Moment { model: "lenet".into(), method: "svrg".into(), seed: 0, epoch: 1, percent: 0.0 };
        for x in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            let tensor = TensorVariance {
                name: "conv".into(),
                sgd_variance: x,
                ratio: Some(x),
                optimal_coefficient: Some(x),
                coefficient: None,
            };
            let position = PositionRow {
                at: at.clone(),
                position: 0,
                form: Form::FullPass,
                sgd_variance: x,
                estimator_error: x,
                ratio: Some(x),
            };
            let geometry = Geometry {
                distance: x,
                relative_distance: Some(x),
                gradient_distance: x,
                curvature: Some(x),
                mean_square_curvature: Some(x),
            };
            let events = [
                Event::Variance(Point {
                    sgd_variance: x,
                    estimator_error: x,
                    squared_bias: x,
                    correlation: Some(x),
                    optimal_coefficient: Some(x),
                    ..point("svrg", 1, x)
                }),
                Event::Tensors(TensorRow { at: at.clone(), tensors: vec![tensor] }),
                Event::Geometry(GeometryRow::new(at.clone(), geometry)),
                Event::Position(position),
                Event::Steps(StepRow { at: at.clone(), pairs: 4, direction_cosine: x, noise_cosine: x }),
                Event::Epoch(EpochRow { train_loss: x, test_loss: x, ..row("svrg", 0, 1, x) }),
            ];
            for event in events {
                let text = serde_json::to_string(&event).unwrap();
                let back = serde_json::from_str::<Event>(&text).unwrap_or_else(|error| panic!("{text}: {error}"));
                assert_eq!(serde_json::to_string(&back).unwrap(), text);
            }
        }
    }
}
