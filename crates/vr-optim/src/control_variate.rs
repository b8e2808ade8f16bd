//! What SVRG and its streaming kin share: a snapshot, gradients there, and the step made from them.

use std::ops::Range;
use std::sync::Arc;

use vr_core::{Coefficient, FlatVector, Mean, ParameterSpace, Purpose, Scalar, StateReader, StateWriter};

use crate::estimator::{Ask, Control, EstimatorError, NormRule, Point, Reference, Request};
use crate::table::GradientTable;

/// A gradient that a step needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// This minibatch's at the snapshot, for μ.
    Pass(u32),
    /// The same once more, for the table of a restored run.
    Again(u32),
    /// The step's own minibatch's at the snapshot.
    Reference,
    /// The step's own minibatch's at the iterate.
    Gradient,
}

impl Wanted {
    /// Where it is evaluated and what for, with `pass` the purpose of the owner's snapshot passes.
    pub(crate) fn evaluation(self, pass: Purpose) -> (Point, Purpose) {
        match self {
            Self::Pass(_) => (Point::Snapshot, pass),
            Self::Again(_) => (Point::Snapshot, Purpose::Restore),
            Self::Reference => (Point::Snapshot, Purpose::Inner),
            Self::Gradient => (Point::Current, Purpose::Inner),
        }
    }
}

/// How far a step has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stage {
    /// Nothing asked since the last step.
    #[default]
    Between,
    /// Gradients are wanted.
    Open,
    /// The step's gradient at the iterate alone is wanted.
    Referenced,
    /// The direction is ready.
    Ready,
}

const STAGES: [Stage; 4] = [Stage::Between, Stage::Open, Stage::Referenced, Stage::Ready];

/// The step `v = (g_b(x) − α·g_b(x̃)) + α·μ` as a state machine, with μ the mean gradient of some
/// minibatches at the snapshot x̃. Whoever owns it says when a snapshot is taken and over which.
#[derive(Debug)]
pub(crate) struct ControlVariate<S> {
    space: Arc<ParameterSpace>,
    coefficient: Coefficient<S>,
    stage: Stage,
    snapshot: FlatVector<S>,
    /// Those that μ is the mean of; empty before the first snapshot.
    minibatches: Range<u32>,
    /// The next of them in the snapshot pass.
    next: u32,
    /// Those whose rows a restored run lacks.
    missing: Range<u32>,
    sum: Mean,
    mean: FlatVector<S>,
    table: Option<GradientTable<S>>,
    reference: FlatVector<S>,
    direction: FlatVector<S>,
}

impl<S: Scalar> ControlVariate<S> {
    /// Without a snapshot: the step is the gradient.
    pub(crate) fn new(coefficient: Coefficient<S>) -> Self {
        Self {
            space: Arc::default(),
            coefficient,
            stage: Stage::default(),
            snapshot: FlatVector::default(),
            minibatches: 0..0,
            next: 0,
            missing: 0..0,
            sum: Mean::default(),
            mean: FlatVector::default(),
            table: None,
            reference: FlatVector::default(),
            direction: FlatVector::default(),
        }
    }

    /// Sizes the vectors. With a table the snapshot's gradients are kept there.
    pub(crate) fn begin(&mut self, space: &Arc<ParameterSpace>, table: Option<GradientTable<S>>) {
        self.space = Arc::clone(space);
        self.sum = Mean::new(space.len());
        for vector in [&mut self.mean, &mut self.reference, &mut self.direction] {
            *vector = FlatVector::zeros(space.len());
        }
        self.table = table;
    }

    /// Number of parameters P.
    pub(crate) fn len(&self) -> usize {
        self.space.len()
    }

    /// Whether the last step is done and the next not begun.
    pub(crate) fn is_between(&self) -> bool {
        self.stage == Stage::Between
    }

    /// Begins a step.
    pub(crate) fn open(&mut self) {
        self.stage = Stage::Open;
    }

    /// Ends a step.
    pub(crate) fn close(&mut self) {
        self.stage = Stage::Between;
    }

    /// Takes the snapshot at `x`; a pass over `minibatches` of the plan follows.
    pub(crate) fn take(&mut self, x: &FlatVector<S>, minibatches: Range<u32>) {
        self.snapshot.clone_from(x);
        self.sum.reset();
        self.next = minibatches.start;
        self.missing = 0..0;
        self.minibatches = minibatches;
    }

    /// What an open step wants next, each gradient requested as `request` says.
    pub(crate) fn ask(&self, request: impl Fn(Wanted) -> Request) -> Ask<'_, S> {
        if !self.missing.is_empty() {
            return Ask::Evaluate(self.missing(request));
        }
        if self.next < self.minibatches.end {
            return Ask::Evaluate((self.next..self.minibatches.end).map(Wanted::Pass).map(request).collect());
        }
        let compares = self.snapshot().is_some() && self.table.is_none();
        match self.stage {
            Stage::Ready => Ask::Step(&self.direction),
            Stage::Open if compares => Ask::Evaluate([Wanted::Reference, Wanted::Gradient].map(request).into()),
            _ => Ask::Evaluate(vec![request(Wanted::Gradient)]),
        }
    }

    /// The rows that a restored run lacks.
    pub(crate) fn missing(&self, request: impl Fn(Wanted) -> Request) -> Vec<Request> {
        self.missing.clone().map(Wanted::Again).map(request).collect()
    }

    /// Takes the answer to a request.
    pub(crate) fn tell(&mut self, request: &Request, gradient: &FlatVector<S>) -> Result<(), EstimatorError> {
        match (request.purpose, request.point) {
            (Purpose::Inner, Point::Current) => {
                self.combine(request.index, gradient)?;
                self.stage = Stage::Ready;
            }
            (Purpose::Inner, Point::Snapshot) => {
                self.reference.copy_from_slice(gradient);
                self.stage = Stage::Referenced;
            }
            (purpose, _) => {
                let row = (request.index - self.minibatches.start) as usize;
                let kept = match &mut self.table {
                    Some(table) => table.write(row, gradient)?,
                    None => gradient,
                };
                if purpose == Purpose::Restore {
                    self.missing.start = request.index + 1;
                    return Ok(());
                }
                self.sum.add(kept);
                self.next = request.index + 1;
                if self.next == self.minibatches.end {
                    self.sum.write(&mut self.mean);
                }
            }
        }
        Ok(())
    }

    fn combine(&mut self, index: u32, gradient: &FlatVector<S>) -> Result<(), EstimatorError> {
        if self.minibatches.is_empty() {
            self.direction.copy_from_slice(gradient);
            return Ok(());
        }
        let reference = match &self.table {
            Some(table) => table.row((index - self.minibatches.start) as usize, &mut self.reference)?,
            None => &self.reference,
        };
        self.coefficient.combine(&self.space, gradient, reference, &self.mean, &mut self.direction);
        Ok(())
    }

    /// The snapshot, where there is one.
    pub(crate) fn snapshot(&self) -> Option<&FlatVector<S>> {
        (!self.minibatches.is_empty()).then_some(&self.snapshot)
    }

    /// The minibatches that μ is the mean of; none before the first snapshot.
    pub(crate) fn minibatches(&self) -> &Range<u32> {
        &self.minibatches
    }

    /// What a diagnostic needs, once the pass is over; `norm` is that of evaluations at the snapshot.
    pub(crate) fn control(&self, norm: NormRule) -> Option<Control<'_, S>> {
        let snapshot = self.snapshot().filter(|_| self.next == self.minibatches.end)?;
        let reference = match &self.table {
            Some(table) => Reference::Table(table),
            None => Reference::Evaluate(snapshot, norm),
        };
        let minibatches = self.minibatches.clone();
        Some(Control { mean: &self.mean, coefficient: &self.coefficient, reference, minibatches })
    }

    /// Writes all but the configuration and, unless `rows` says so, the table.
    pub(crate) fn save(&self, out: &mut StateWriter<'_>, rows: bool) -> Result<(), EstimatorError> {
        out.integer("stage", self.stage as u64);
        for (name, index) in [("first", self.minibatches.start), ("next", self.next), ("end", self.minibatches.end)] {
            out.integer(name, index.into());
        }
        if let Some(snapshot) = self.snapshot() {
            out.vector("snapshot", snapshot);
            if self.next < self.minibatches.end {
                self.sum.save(&mut out.part("sum"));
            } else {
                out.vector("mean", &self.mean);
            }
        }
        match self.stage {
            Stage::Referenced => out.vector("reference", &self.reference),
            Stage::Ready => out.vector("direction", &self.direction),
            Stage::Between | Stage::Open => {}
        }
        if let (true, Some(table)) = (rows, &self.table) {
            let mut buffer = FlatVector::zeros(self.len());
            let mut out = out.part("table");
            for row in 0..self.next - self.minibatches.start {
                out.vector(&row.to_string(), table.row(row as usize, &mut buffer)?);
            }
        }
        Ok(())
    }

    /// Reads what [`save`](Self::save) wrote, where a snapshot covers at most `most` of a plan's
    /// `minibatches`. Rows that were not written are missing then.
    pub(crate) fn restore(
        &mut self,
        from: &StateReader<'_>,
        rows: bool,
        minibatches: u32,
        most: u32,
    ) -> Result<(), EstimatorError> {
        let len = self.len();
        let index = |name, most: u32| from.index(name, most.into()).map(|index| index as u32);
        self.stage = STAGES[from.index("stage", STAGES.len() as u64 - 1)? as usize];
        let first = index("first", minibatches)?;
        let end = index("end", minibatches.min(first.saturating_add(most)))?.max(first);
        self.minibatches = first..end;
        self.next = index("next", end)?.max(first);
        self.missing = 0..0;
        if first < end {
            self.snapshot = from.vector("snapshot", len)?;
            if self.next < end {
                self.sum.restore(&from.part("sum"), u64::from(self.next - first))?;
            } else {
                self.mean = from.vector("mean", len)?;
            }
        }
        match self.stage {
            Stage::Referenced => self.reference = from.vector("reference", len)?,
            Stage::Ready => self.direction = from.vector("direction", len)?,
            Stage::Between | Stage::Open => {}
        }
        let Some(table) = &mut self.table else { return Ok(()) };
        if rows {
            let from = from.part("table");
            for row in 0..self.next - first {
                table.write(row as usize, &from.vector::<S>(&row.to_string(), len)?)?;
            }
        } else {
            self.missing = first..self.next;
        }
        Ok(())
    }
}
