//! A cell's course: one action after another, each of which may be the last for now.

use std::time::Instant;

use vr_core::{Scalar, State};
use vr_optim::TrainingError;

use crate::cell::{Cell, EpochEnd, Place, Probe, TrainingOf};
use crate::checkpoint::bytes;
use crate::error::{CellError, RunError};
use crate::position::Position;
use crate::time::EpochTime;

/// What an action came to.
#[derive(Debug)]
pub enum Action<E> {
    /// Something to note in the log.
    Events(Vec<E>),
    /// An epoch is over.
    Epoch(Vec<E>, EpochTime),
    /// The training ends here.
    Diverged(E),
    /// All epochs are done.
    Finished,
}

/// A cell in progress.
pub struct Course<'a, C: Cell> {
    cell: &'a C,
    training: TrainingOf<C>,
    probe: Box<dyn Probe<C> + 'a>,
    steps: usize,
    at: Position,
}

impl<'a, C: Cell> Course<'a, C> {
    /// A cell before its first step.
    ///
    /// # Errors
    /// What [`Cell::begin`] fails with.
    pub fn begin(cell: &'a C) -> Result<Self, RunError> {
        let training = cell.begin().map_err(|error| failed(cell, 1, error))?;
        let steps = training.steps_per_epoch();
        Ok(Self { cell, training, probe: cell.probe(), steps, at: Position::START })
    }

    /// A cell where a saved state left it.
    ///
    /// # Errors
    /// When the state is not one of this cell's.
    pub fn restore(cell: &'a C, state: &State) -> Result<Self, RunError> {
        let mut course = Self::begin(cell)?;
        course.at = Position::restore(state, cell.epochs(), course.steps).map_err(|e| course.failed(e))?;
        course.training.restore(state).map_err(|e| course.failed(e))?;
        let parameters = course.training.iterate().len();
        course.probe.restore(state, parameters).map_err(|e| course.failed(e))?;
        Ok(course)
    }

    /// A cell that goes on from the end of an epoch of one that trained by plain SGD; `None` where the state is of no such end.
    ///
    /// # Errors
    /// When the state does not fit this cell's training.
    pub fn follow(cell: &'a C, state: &State, epochs: usize) -> Result<Option<Self>, RunError> {
        let mut course = Self::begin(cell)?;
        let at = Position::restore(state, cell.epochs(), course.steps).map_err(|e| course.failed(e))?;
        if at.place() != (epochs + 1, 0, 0) {
            return Ok(None);
        }
        course.at = at;
        course.training.follow_sgd(state).map_err(|e| course.failed(e))?;
        Ok(Some(course))
    }

    /// Whether all epochs are done.
    pub fn is_finished(&self) -> bool {
        self.at.epoch > self.cell.epochs()
    }

    /// Where it stands.
    pub fn position(&self) -> &Position {
        &self.at
    }

    /// Steps of an epoch.
    pub fn steps_per_epoch(&self) -> usize {
        self.steps
    }

    /// Steps taken in all.
    pub fn steps(&self) -> u64 {
        self.training.steps()
    }

    /// The training's state, and that of a measurement under way.
    ///
    /// # Errors
    /// When a table cannot be read.
    pub fn state(&self) -> Result<State, RunError> {
        let mut state = self.training.save().map_err(|e| self.failed(e))?;
        self.probe.save(&mut state);
        Ok(state)
    }

    /// BLAKE3 digest of the weights and the running statistics.
    pub fn digest(&self) -> String {
        let mut hasher = blake3::Hasher::new();
        add(&mut hasher, self.training.iterate());
        for track in self.training.tracks() {
            add(&mut hasher, track.running.mean());
            add(&mut hasher, track.running.variance());
        }
        hasher.finalize().to_hex().to_string()
    }

    /// The next action: a measurement, a step or the test at the end of an epoch. When `stop` says so
    /// between two windows of a snapshot pass, the action is left there, with nothing to note.
    ///
    /// # Errors
    /// When a gradient, a minibatch or a table fails.
    pub fn advance(&mut self, stop: impl FnMut() -> bool) -> Result<Action<C::Event>, RunError> {
        if self.is_finished() {
            return Ok(Action::Finished);
        }
        let places = self.probe.places(self.at.epoch, self.steps);
        match places.get(self.at.measured) {
            Some(place) if place.step <= self.at.step => self.measure(place, stop),
            _ if self.at.step < self.steps => self.step(stop),
            _ => self.test(),
        }
    }

    fn measure(&mut self, place: &Place, mut stop: impl FnMut() -> bool) -> Result<Action<C::Event>, RunError> {
        let started = Instant::now();
        if place.begins {
            let prepared = self.training.prepare_until(&mut stop);
            self.at.seconds[0] += started.elapsed().as_secs_f64();
            if !prepared.map_err(|e| self.failed(e))? {
                return Ok(Action::Events(Vec::new()));
            }
        }
        let started = Instant::now();
        let taken = self.probe.take(&mut self.training, self.at.epoch, self.at.measured);
        let events = taken.map_err(|e| self.failed(e))?;
        self.at.seconds[1] += started.elapsed().as_secs_f64();
        self.at.measured += 1;
        Ok(Action::Events(events))
    }

    fn step(&mut self, stop: impl FnMut() -> bool) -> Result<Action<C::Event>, RunError> {
        let started = Instant::now();
        let outcome = self.training.step_until(stop);
        self.at.seconds[0] += started.elapsed().as_secs_f64();
        match outcome {
            Ok(None) => Ok(Action::Events(Vec::new())),
            Ok(Some(progress)) if progress.loss <= self.cell.exploded() && finite(self.training.iterate()) => {
                self.at.loss += progress.loss;
                self.at.step += 1;
                Ok(Action::Events(Vec::new()))
            }
            Ok(Some(_)) | Err(TrainingError::Diverged { .. }) => {
                Ok(Action::Diverged(self.cell.diverged(self.at.epoch)))
            }
            Err(error) => Err(self.failed(error)),
        }
    }

    fn test(&mut self) -> Result<Action<C::Event>, RunError> {
        let started = Instant::now();
        let Position { epoch, loss, seconds: [training_s, diagnostics_s], .. } = self.at;
        let end = EpochEnd { epoch, train_loss: loss / self.steps as f64 };
        let events = self.cell.test(&self.training, &end).map_err(|e| self.failed(e))?;
        let time = EpochTime { epoch, training_s, diagnostics_s, test_s: started.elapsed().as_secs_f64() };
        self.at = Position { epoch: epoch + 1, ..Position::START };
        Ok(Action::Epoch(events, time))
    }

    fn failed(&self, error: impl Into<CellError>) -> RunError {
        failed(self.cell, self.at.epoch, error)
    }
}

fn failed<C: Cell>(cell: &C, epoch: usize, error: impl Into<CellError>) -> RunError {
    RunError::Training { cell: cell.name(), epoch, error: error.into() }
}

fn add<S: Scalar>(hasher: &mut blake3::Hasher, values: &[S]) {
    hasher.update(&bytes(&S::to_value(values)));
}

/// Whether every number is finite. A chunk is read to its end, which vector units do faster than stopping early.
fn finite<S: Scalar>(x: &[S]) -> bool {
    x.chunks(4096).all(|chunk| chunk.iter().fold(true, |all, x| all & x.to_f64().is_finite()))
}
