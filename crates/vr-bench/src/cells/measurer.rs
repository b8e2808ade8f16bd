//! Takes a cell's measurements. None of them changes the course of the training.

use vr_core::{State, StateError};
use vr_optim::Survey;
use vr_run::{CellError, Place};

use super::successive::Successive;
use crate::cell::Cell;
use crate::cells::training::Run;
use crate::measure::{self, Kind, SUCCESSIVE};
use crate::results::Point;
use crate::results::diagnostics::{Form, GeometryRow, Moment, PositionRow, TensorRow, TensorVariance};
use crate::results::event::Event;

/// What a measurement comes to.
pub type Found = Result<Vec<Event>, CellError>;

/// Takes the measurements of one cell.
#[derive(Debug)]
pub struct Measurer<'a> {
    cell: &'a Cell,
    successive: Option<Successive>,
}

impl<'a> Measurer<'a> {
    /// Before the first place.
    pub fn new(cell: &'a Cell) -> Self {
        Self { cell, successive: None }
    }

    /// The places of an epoch of `steps` steps.
    pub fn places(&self, epoch: usize, steps: usize) -> Vec<Place> {
        let places = self.cell.measures.of_epoch(epoch, steps);
        places.iter().map(|place| Place { step: place.step, begins: place.begins }).collect()
    }

    /// Measures at the `index`-th place of an epoch.
    ///
    /// # Errors
    /// When a gradient, a minibatch or a table fails.
    pub fn take(&mut self, run: &mut Run, epoch: usize, index: usize) -> Found {
        let cell = self.cell;
        let places = cell.measures.of_epoch(epoch, run.steps_per_epoch());
        let Some(place) = places.get(index) else { return Ok(Vec::new()) };
        let at = Moment {
            model: cell.model.to_string(),
            method: cell.method.clone(),
            seed: cell.seed,
            epoch,
            percent: place.percent,
        };
        match cell.measures.kind {
            Kind::Variance => variance(run, at),
            Kind::Geometry => geometry(run, at),
            Kind::Positions { .. } => positions(run, at, place),
            Kind::Successive => self.successive(run, at, place.index),
        }
    }

    /// Adds what a measurement has under way to a state.
    pub fn save(&self, state: &mut State) {
        if let Some(successive) = &self.successive {
            successive.save(&mut state.writer(PART));
        }
    }

    /// Reads what [`save`](Self::save) added.
    ///
    /// # Errors
    /// When a value is missing or does not fit.
    pub fn restore(&mut self, state: &State, parameters: usize) -> Result<(), StateError> {
        self.successive = Successive::restore(&state.reader(PART), parameters)?;
        Ok(())
    }

    fn successive(&mut self, run: &mut Run, at: Moment, index: usize) -> Found {
        if let (Some(successive), Some(direction)) = (&mut self.successive, run.direction()) {
            successive.step(direction);
        }
        if index == SUCCESSIVE {
            return Ok(self.successive.take().map(|found| Event::Steps(found.row(at))).into_iter().collect());
        }
        match &mut self.successive {
            Some(successive) => {
                successive.next(run.full_gradient()?);
                Ok(Vec::new())
            }
            None => {
                let survey = run.survey()?;
                self.successive = Some(Successive::begin(survey.full_gradient));
                Ok(vec![Event::Variance(Point::new(at, &survey.variance.total))])
            }
        }
    }
}

const PART: &str = "successive";

/// The variance, in total and for each tensor, and what the same gradients say of the way from the snapshot.
fn variance(run: &mut Run, at: Moment) -> Found {
    let Survey { variance, geometry, .. } = run.survey()?;
    let tensors = variance.tensors.into_iter().map(|(name, found)| TensorVariance {
        name,
        sgd_variance: found.sgd_variance,
        ratio: found.ratio,
        optimal_coefficient: found.optimal_coefficient,
        coefficient: found.coefficient.filter(|alpha| alpha.is_finite()),
    });
    let tensors = TensorRow { at: at.clone(), tensors: tensors.collect() };
    let geometry = geometry.map(|found| Event::Geometry(GeometryRow::new(at.clone(), found)));
    let events = [Event::Variance(Point::new(at, &variance.total)), Event::Tensors(tensors)];
    Ok(events.into_iter().chain(geometry).collect())
}

/// Nothing before the first snapshot.
fn geometry(run: &mut Run, at: Moment) -> Found {
    let found = run.survey()?.geometry;
    Ok(found.map(|found| Event::Geometry(GeometryRow::new(at, found))).into_iter().collect())
}

/// Both forms of the variance, at a step whose mega-batch began within the run of steps that `place` belongs to.
/// Mega-batches may be of any length: the estimator says how many steps ago the last one was. The moment is its
/// first step's, which tells the mega-batches of an epoch apart.
fn positions(run: &mut Run, at: Moment, place: &measure::Due) -> Found {
    let since = run.estimator().since_snapshot().and_then(|since| usize::try_from(since).ok());
    let Some(position) = since.filter(|&since| since <= place.index) else { return Ok(Vec::new()) };
    let first = place.step - position;
    let at = Moment { percent: 100.0 * first as f64 / run.steps_per_epoch() as f64, ..at };
    let Survey { variance, within, .. } = run.survey()?;
    let forms = [(Form::FullPass, variance.total), (Form::InnerBatch, within.total)];
    let row = |(form, found): (Form, vr_core::VarianceSummary)| {
        Event::Position(PositionRow {
            at: at.clone(),
            position,
            form,
            sgd_variance: found.sgd_variance,
            estimator_error: found.estimator_error,
            ratio: found.ratio,
        })
    };
    Ok(forms.map(row).to_vec())
}
