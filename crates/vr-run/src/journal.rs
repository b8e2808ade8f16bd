//! Where a cell's events and states go.

use std::time::Instant;

use serde::Serialize;
use serde::de::DeserializeOwned;
use vr_core::State;

use crate::cell_folder::CellFolder;
use crate::checkpoint::{CheckpointPolicy, Checkpoints};
use crate::error::RunError;
use crate::log::Log;
use crate::position::Position;
use crate::time::EpochTime;

/// The logs and checkpoints of a cell in progress.
#[derive(Debug)]
pub struct Journal<E> {
    metrics: Log<E>,
    timing: Log<EpochTime>,
    checkpoints: Checkpoints,
    policy: CheckpointPolicy,
    saved_step: u64,
    saved_at: Instant,
}

impl<E: Serialize + DeserializeOwned> Journal<E> {
    /// Opens the logs of a cell that goes on from `at` after `step` steps; what they hold beyond it is
    /// cut off. The first state after each of the epochs `branches` is kept.
    ///
    /// # Errors
    /// When the logs do not reach `at`, or cannot be opened.
    pub fn open(
        folder: &CellFolder,
        policy: CheckpointPolicy,
        branches: &[usize],
        at: &Position,
        step: u64,
    ) -> Result<Self, RunError> {
        Ok(Self {
            metrics: Log::open(folder.metrics(), at.metrics)?,
            timing: Log::open(folder.timing(), at.timing)?,
            checkpoints: folder.checkpoints(policy).with_branches(branches),
            policy,
            saved_step: step,
            saved_at: Instant::now(),
        })
    }

    /// Notes an event.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn event(&mut self, event: &E) -> Result<(), RunError> {
        Ok(self.metrics.append(event)?)
    }

    /// Notes what an epoch took.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn time(&mut self, time: &EpochTime) -> Result<(), RunError> {
        Ok(self.timing.append(time)?)
    }

    /// Whether it is time to save, after `step` steps.
    pub fn due(&self, step: u64) -> bool {
        self.policy.due(step.saturating_sub(self.saved_step), self.saved_at.elapsed())
    }

    /// Makes the logs durable, then saves the training's state with the position in them.
    ///
    /// # Errors
    /// When something cannot be written; the older checkpoints are then still there.
    pub fn save(&mut self, mut state: State, at: &Position, step: u64) -> Result<(), RunError> {
        let started = Instant::now();
        self.sync()?;
        Position { metrics: self.metrics.len(), timing: self.timing.len(), ..*at }.save(&mut state);
        let checkpoint = self.checkpoints.save(at.epoch, &state)?;
        tracing::debug!(path = %self.checkpoints.path(checkpoint).display(), step, took = ?started.elapsed(), "saved");
        (self.saved_step, self.saved_at) = (step, Instant::now());
        Ok(())
    }

    /// Makes the logs durable.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn sync(&self) -> Result<(), RunError> {
        self.metrics.sync()?;
        Ok(self.timing.sync()?)
    }
}
