//! Stochastic variance-reduced gradient (Johnson & Zhang, NIPS 2013), with stored or recomputed
//! snapshot gradients.

use std::sync::Arc;

use vr_core::vector::Mean;
use vr_core::{Coefficient, FlatVector, ParameterSpace, Purpose, Scalar, StateReader, StateWriter};

use crate::estimator::{Ask, Control, Estimator, EstimatorError, NormRule, Point, Reference, Request};
use crate::table::{GradientTable, TableStorage};

/// Where the snapshot is taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SnapshotRule {
    /// At the last iterate.
    #[default]
    LastIterate,
    /// At an exponential moving average of the iterates, `a ← keep·a + (1 − keep)·x` after every
    /// step; the iterate is moved there, as in the paper's released code (keep = 0.9).
    MovingAverage {
        /// Weight of the old average.
        keep: f64,
    },
}

/// Where the control variate's gradients come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SnapshotGradients {
    /// Kept in a table: m·P numbers, 2 gradient evaluations a step, the snapshot pass included.
    Stored,
    /// Evaluated again at every step: P numbers, 3 evaluations a step.
    #[default]
    Recomputed,
}

/// Options of [`Svrg`].
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(
    rename_all = "kebab-case",
    deny_unknown_fields,
    default,
    bound(serialize = "S: serde::Serialize", deserialize = "S: Scalar + serde::Deserialize<'de>")
)]
pub struct SvrgConfig<S> {
    /// Where the snapshot is taken.
    pub snapshot: SnapshotRule,
    /// Stored or recomputed gradients.
    pub gradients: SnapshotGradients,
    /// Steps between snapshots; `None` is one epoch.
    pub interval: Option<u64>,
    /// The step at which the method switches on; until then it is SGD.
    pub start: u64,
    /// α of the control variate.
    pub coefficient: Coefficient<S>,
    /// Statistics at the snapshot, in the snapshot pass and in the steps alike.
    pub snapshot_norm: NormRule,
    /// Where stored gradients are kept.
    pub storage: TableStorage,
}

impl<S: Scalar> Default for SvrgConfig<S> {
    fn default() -> Self {
        Self {
            snapshot: SnapshotRule::default(),
            gradients: SnapshotGradients::default(),
            interval: None,
            start: 0,
            coefficient: Coefficient::one(),
            snapshot_norm: NormRule::Batch,
            storage: TableStorage::default(),
        }
    }
}

/// What the estimator is about to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Nothing asked since the last step: a snapshot may be due.
    Between,
    /// The snapshot pass; this minibatch is next.
    Pass(u32),
    /// The step's own gradients.
    Inner,
    /// The direction is ready.
    Ready,
}

/// SVRG: `v = (g_b(x) − α·g_b(x̃)) + α·μ` with μ the mean of the m minibatch gradients at the
/// snapshot x̃ (every minibatch with the same weight, the short last one too).
///
/// The lock generation belongs to the snapshot: batch plan and locked transforms stay while it lives.
#[derive(Debug)]
pub struct Svrg<S> {
    config: SvrgConfig<S>,
    space: Arc<ParameterSpace>,
    minibatches: u32,
    step: u64,
    since_boundary: u64,
    generation: u32,
    stage: Stage,
    active: bool,
    snapshot: FlatVector<S>,
    average: Option<FlatVector<S>>,
    table: Option<GradientTable<S>>,
    sum: Mean,
    mean: FlatVector<S>,
    reference: FlatVector<S>,
    direction: FlatVector<S>,
}

impl<S: Scalar> Svrg<S> {
    /// The estimator before its first step.
    pub fn new(config: SvrgConfig<S>) -> Self {
        Self {
            config,
            space: Arc::default(),
            minibatches: 0,
            step: 0,
            since_boundary: 0,
            generation: 0,
            stage: Stage::Between,
            active: false,
            snapshot: FlatVector::default(),
            average: None,
            table: None,
            sum: Mean::default(),
            mean: FlatVector::default(),
            reference: FlatVector::default(),
            direction: FlatVector::default(),
        }
    }

    /// SVRG with recomputation from the last iterate: little memory, 3 evaluations a step.
    pub fn recomputed() -> Self {
        Self::new(SvrgConfig::default())
    }

    /// SVRG with stored gradients from the last iterate: m·P numbers, 2 evaluations a step.
    pub fn stored() -> Self {
        Self::new(SvrgConfig { gradients: SnapshotGradients::Stored, ..SvrgConfig::default() })
    }

    fn stores(&self) -> bool {
        self.config.gradients == SnapshotGradients::Stored
    }

    /// Whether the coming step belongs to a new generation. It begins with the next ask, not with the
    /// last step, so that the old one can still be measured in between.
    fn generation_ends(&self) -> bool {
        let epoch = u64::from(self.minibatches);
        let interval = if self.active { self.config.interval.unwrap_or(epoch) } else { epoch };
        self.step == 0 || self.since_boundary >= interval || self.step == self.config.start
    }

    fn take_snapshot(&mut self, x: &FlatVector<S>) {
        let at = self.average.as_ref().unwrap_or(x);
        self.snapshot.clone_from(at);
        self.sum.reset();
        self.active = true;
        self.stage = Stage::Pass(0);
    }

    fn request(&self, point: Point, purpose: Purpose, index: u32) -> Request {
        let norm = if point == Point::Snapshot { self.config.snapshot_norm } else { NormRule::Batch };
        let visit = match purpose {
            Purpose::Inner => (self.since_boundary / u64::from(self.minibatches)) as u32,
            _ => 0,
        };
        Request { point, generation: self.generation, index, visit, purpose, norm }
    }

    fn inner_index(&self) -> u32 {
        (self.since_boundary % u64::from(self.minibatches)) as u32
    }

    fn inner_requests(&self) -> Vec<Request> {
        let index = self.inner_index();
        let current = self.request(Point::Current, Purpose::Inner, index);
        if self.active && !self.stores() {
            vec![self.request(Point::Snapshot, Purpose::Inner, index), current]
        } else {
            vec![current]
        }
    }

    fn combine(&mut self, gradient: &FlatVector<S>) -> Result<(), EstimatorError> {
        if !self.active {
            self.direction.copy_from_slice(gradient);
            return Ok(());
        }
        let index = self.inner_index() as usize;
        let reference = match &self.table {
            Some(table) => table.row(index, &mut self.reference)?,
            None => &self.reference,
        };
        self.config.coefficient.combine(&self.space, gradient, reference, &self.mean, &mut self.direction);
        Ok(())
    }
}

impl<S: Scalar> Estimator<S> for Svrg<S> {
    fn name(&self) -> &'static str {
        match self.config.gradients {
            SnapshotGradients::Stored => "svrg-stored",
            SnapshotGradients::Recomputed => "svrg-recomputed",
        }
    }

    fn begin(&mut self, space: &Arc<ParameterSpace>, minibatches: u32) -> Result<(), EstimatorError> {
        self.space = Arc::clone(space);
        self.minibatches = minibatches;
        self.sum = Mean::new(space.len());
        for vector in [&mut self.mean, &mut self.reference, &mut self.direction] {
            *vector = FlatVector::zeros(space.len());
        }
        if self.stores() {
            self.table = Some(GradientTable::new(&self.config.storage, minibatches as usize, space.len())?);
        }
        Ok(())
    }

    fn steps_per_epoch(&self) -> u32 {
        self.minibatches
    }

    fn ask(&mut self, x: &FlatVector<S>) -> Result<Ask<'_, S>, EstimatorError> {
        if self.average.is_none() && matches!(self.config.snapshot, SnapshotRule::MovingAverage { .. }) {
            self.average = Some(x.clone());
        }
        if self.stage == Stage::Between {
            self.stage = Stage::Inner;
            if self.generation_ends() {
                if self.step > 0 {
                    self.generation += 1;
                }
                self.since_boundary = 0;
                if self.step >= self.config.start {
                    self.take_snapshot(x);
                    if self.average.is_some() {
                        return Ok(Ask::Move(&self.snapshot));
                    }
                }
            }
        }
        Ok(match self.stage {
            Stage::Between | Stage::Inner => Ask::Evaluate(self.inner_requests()),
            Stage::Pass(next) => Ask::Evaluate(
                (next..self.minibatches).map(|b| self.request(Point::Snapshot, Purpose::Snapshot, b)).collect(),
            ),
            Stage::Ready => Ask::Step(&self.direction),
        })
    }

    fn tell(&mut self, request: &Request, gradient: &FlatVector<S>) -> Result<(), EstimatorError> {
        match (self.stage, request.point) {
            (Stage::Pass(next), _) => {
                match &mut self.table {
                    Some(table) => self.sum.add(table.write(next as usize, gradient)?),
                    None => self.sum.add(gradient),
                }
                self.stage = Stage::Pass(next + 1);
                if next + 1 == self.minibatches {
                    self.sum.write(&mut self.mean);
                    self.stage = Stage::Inner;
                }
            }
            (_, Point::Snapshot) => self.reference.copy_from_slice(gradient),
            (_, Point::Current) => {
                self.combine(gradient)?;
                self.stage = Stage::Ready;
            }
        }
        Ok(())
    }

    fn advance(&mut self, x: &FlatVector<S>) {
        if let (SnapshotRule::MovingAverage { keep }, Some(average)) = (self.config.snapshot, &mut self.average) {
            average.average_in(keep, x);
        }
        self.step += 1;
        self.since_boundary += 1;
        self.stage = Stage::Between;
    }

    fn save(&self, _out: &mut StateWriter<'_>) -> Result<(), EstimatorError> {
        todo!("C1")
    }

    fn restore(&mut self, _from: &StateReader<'_>) -> Result<(), EstimatorError> {
        todo!("C1")
    }

    fn generation(&self) -> u32 {
        self.generation
    }

    fn snapshot(&self) -> Option<&FlatVector<S>> {
        self.active.then_some(&self.snapshot)
    }

    fn control(&self) -> Option<Control<'_, S>> {
        if !self.active || matches!(self.stage, Stage::Pass(_)) {
            return None;
        }
        let reference = match &self.table {
            Some(table) => Reference::Table(table),
            None => Reference::Evaluate(&self.snapshot, self.config.snapshot_norm),
        };
        let minibatches = 0..self.minibatches;
        Some(Control { mean: &self.mean, coefficient: &self.config.coefficient, reference, minibatches })
    }
}
