//! A cell's course: one action after another, each of which may be the last for now.

use std::time::Instant;

use vr_core::State;
use vr_optim::TrainingError;
use vr_run::Position;

use super::measurer::Measurer;
use crate::cell::Cell;
use crate::cells::observer::Observer;
use crate::cells::training::{Run, begin, test};
use crate::data::LoadedData;
use crate::error::BenchError;
use crate::measure::Place;
use crate::results::event::Event;
use crate::results::{Divergence, EpochRow, EpochTime};
use crate::settings::Settings;

/// A step's loss, in nats an example, above which a run counts as diverged: chance is ln 10 ≈ 2.3.
pub const EXPLODED: f64 = 1e4;

/// What the cells of a run share.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// The run's settings.
    pub settings: &'a Settings,
    /// The pictures.
    pub data: &'a LoadedData,
    /// Hears of the progress.
    pub observer: &'a dyn Observer,
}

/// What an action came to.
#[derive(Debug)]
pub enum Outcome {
    /// Something to note in the log.
    Events(Vec<Event>),
    /// An epoch is over.
    Epoch(Vec<Event>, EpochTime),
    /// The run ends here.
    Diverged(Divergence),
    /// All epochs are done.
    Finished,
}

/// A cell in progress.
pub struct Course<'a> {
    context: Context<'a>,
    cell: &'a Cell,
    run: Run,
    measurer: Measurer<'a>,
    steps: usize,
    at: Position,
}

impl<'a> Course<'a> {
    /// A cell before its first step.
    ///
    /// # Errors
    /// When the data do not fit the network.
    pub fn begin(context: Context<'a>, cell: &'a Cell) -> Result<Self, BenchError> {
        let run = begin(context.settings, context.data, cell)?;
        let steps = run.steps_per_epoch();
        Ok(Self { context, cell, run, measurer: Measurer::new(cell), steps, at: Position::START })
    }

    /// A cell where a saved state left it.
    ///
    /// # Errors
    /// When the state is not one of this cell's.
    pub fn restore(context: Context<'a>, cell: &'a Cell, state: &State) -> Result<Self, BenchError> {
        let mut course = Self::begin(context, cell)?;
        course.at = Position::restore(state, cell.epochs, course.steps).map_err(|e| course.failed(e))?;
        course.run.restore(state).map_err(|e| course.failed(e))?;
        let parameters = course.run.iterate().len();
        course.measurer.restore(state, parameters).map_err(|e| course.failed(e))?;
        Ok(course)
    }

    /// Where it stands.
    pub fn position(&self) -> &Position {
        &self.at
    }

    /// Steps taken in all.
    pub fn steps(&self) -> u64 {
        self.run.steps()
    }

    /// The training's state, and that of a measurement under way.
    ///
    /// # Errors
    /// When a table cannot be read.
    pub fn state(&self) -> Result<State, BenchError> {
        let mut state = self.run.save().map_err(|e| self.failed(e))?;
        self.measurer.save(&mut state);
        Ok(state)
    }

    /// BLAKE3 digest of the weights and the running statistics.
    pub fn digest(&self) -> String {
        let mut hasher = blake3::Hasher::new();
        let mut add = |values: &[f32]| values.iter().for_each(|x| _ = hasher.update(&x.to_le_bytes()));
        add(self.run.iterate());
        for track in self.run.tracks() {
            add(track.running.mean());
            add(track.running.variance());
        }
        hasher.finalize().to_hex().to_string()
    }

    /// The next action: a measurement, a step or the test at the end of an epoch. When `stop` says so
    /// between two windows of a snapshot pass, the action is left there, with nothing to note.
    ///
    /// # Errors
    /// When a gradient, a minibatch or a table fails.
    pub fn advance(&mut self, stop: impl FnMut() -> bool) -> Result<Outcome, BenchError> {
        if self.at.epoch > self.cell.epochs {
            return Ok(Outcome::Finished);
        }
        let places = self.cell.measures.of_epoch(self.at.epoch, self.steps);
        match places.get(self.at.measured) {
            Some(place) if place.step <= self.at.step => self.measure(place, stop),
            _ if self.at.step < self.steps => self.step(stop),
            _ => self.test(),
        }
    }

    fn measure(&mut self, place: &Place, mut stop: impl FnMut() -> bool) -> Result<Outcome, BenchError> {
        let started = Instant::now();
        if place.begins {
            let prepared = self.run.prepare_until(&mut stop);
            self.at.seconds[0] += started.elapsed().as_secs_f64();
            if !prepared.map_err(|e| self.failed(e))? {
                return Ok(Outcome::Events(Vec::new()));
            }
        }
        let started = Instant::now();
        let events = self.measurer.take(&mut self.run, self.at.epoch, place)?;
        self.at.seconds[1] += started.elapsed().as_secs_f64();
        self.at.measured += 1;
        for event in &events {
            if let Event::Variance(point) = event {
                self.context.observer.point(point);
            }
        }
        self.tick();
        Ok(Outcome::Events(events))
    }

    fn step(&mut self, stop: impl FnMut() -> bool) -> Result<Outcome, BenchError> {
        let started = Instant::now();
        let outcome = self.run.step_until(stop);
        self.at.seconds[0] += started.elapsed().as_secs_f64();
        match outcome {
            Ok(None) => {}
            Ok(Some(progress)) if progress.loss <= EXPLODED => {
                self.at.loss += progress.loss;
                self.at.step += 1;
                self.tick();
            }
            Ok(Some(_)) | Err(TrainingError::Diverged { .. }) => return Ok(Outcome::Diverged(self.divergence())),
            Err(error) => return Err(self.failed(error)),
        }
        Ok(Outcome::Events(Vec::new()))
    }

    fn test(&mut self) -> Result<Outcome, BenchError> {
        if self.run.iterate().iter().any(|x| !x.is_finite()) {
            return Ok(Outcome::Diverged(self.divergence()));
        }
        let started = Instant::now();
        let mut events = Vec::new();
        for track in self.run.tracks() {
            let (test_loss, test_error) = test(&self.run, track, self.context.data, self.context.settings.batch_size)?;
            let row = EpochRow {
                method: self.cell.track_name(track.policy),
                seed: self.cell.seed,
                epoch: self.at.epoch,
                train_loss: self.at.loss / self.steps as f64,
                test_loss,
                test_error,
                gradient_evaluations: self.run.counts().training().minibatches,
            };
            self.context.observer.epoch(&row, self.at.seconds[0]);
            events.push(Event::Epoch(row));
        }
        let time = EpochTime {
            method: self.cell.method.clone(),
            seed: self.cell.seed,
            epoch: self.at.epoch,
            training_s: self.at.seconds[0],
            diagnostics_s: self.at.seconds[1],
            test_s: started.elapsed().as_secs_f64(),
        };
        self.at = Position { epoch: self.at.epoch + 1, ..Position::START };
        Ok(Outcome::Epoch(events, time))
    }

    fn tick(&self) {
        self.context.observer.tick(&self.cell.method, self.at.epoch, self.at.step, self.steps);
    }

    fn divergence(&self) -> Divergence {
        let divergence = Divergence { method: self.cell.method.clone(), seed: self.cell.seed, epoch: self.at.epoch };
        self.context.observer.diverged(&divergence);
        divergence
    }

    fn failed(&self, error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> BenchError {
        self.cell.failed(self.at.epoch, error)
    }
}
