//! Where a cell stands, beside the state of its training.

use vr_core::{State, StateError};

const PART: &str = "cell";

/// The place in a cell's course that its log and its training have reached.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Position {
    /// 1-based epoch; one more than there are when all is done.
    pub epoch: usize,
    /// Steps taken in it.
    pub step: usize,
    /// Places of it at which the variance was measured.
    pub measured: usize,
    /// Sum of the steps' losses.
    pub loss: f64,
    /// Seconds spent in it on training and on measuring.
    pub seconds: [f64; 2],
    /// Bytes of `metrics.jsonl`.
    pub metrics: u64,
    /// Bytes of `timing.jsonl`.
    pub timing: u64,
}

impl Position {
    /// Before the first step of the first epoch, with empty logs.
    pub const START: Self =
        Self { epoch: 1, step: 0, measured: 0, loss: 0.0, seconds: [0.0; 2], metrics: 0, timing: 0 };

    /// Epoch, steps and measurements, which only grow.
    pub fn place(&self) -> (usize, usize, usize) {
        (self.epoch, self.step, self.measured)
    }

    /// Adds it to a state.
    pub fn save(&self, state: &mut State) {
        let mut out = state.writer(PART);
        out.integer("epoch", self.epoch as u64);
        out.integer("step", self.step as u64);
        out.integer("measured", self.measured as u64);
        out.real("loss", self.loss);
        out.f64s("seconds", &self.seconds);
        out.integer("metrics", self.metrics);
        out.integer("timing", self.timing);
    }

    /// Reads what [`save`](Self::save) added, for a cell of `epochs` epochs of `steps` steps.
    ///
    /// # Errors
    /// When a value is absent or out of range.
    pub fn restore(state: &State, epochs: usize, steps: usize) -> Result<Self, StateError> {
        let from = state.reader(PART);
        let seconds = from.f64s("seconds", 2)?;
        Ok(Self {
            epoch: from.index("epoch", epochs as u64 + 1)? as usize,
            step: from.index("step", steps as u64)? as usize,
            measured: from.integer("measured")? as usize,
            loss: from.real("loss")?,
            seconds: [seconds[0], seconds[1]],
            metrics: from.integer("metrics")?,
            timing: from.integer("timing")?,
        })
    }
}
