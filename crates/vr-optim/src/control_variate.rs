//! What SVRG and its streaming kin share: a snapshot, gradients there, and the step made from them.

use std::ops::Range;
use std::sync::Arc;

use vr_core::{Coefficient, FlatVector, Mean, ParameterSpace, Purpose, Scalar, StateError, StateReader, StateWriter};

use crate::estimator::{Anchor, Ask, Estimate, EstimatorError, NormRule, Point, Probe, Request};
use crate::table::GradientTable;

/// How a direction is made of the step's gradient g, the same minibatch's gradient g̃ at the snapshot and
/// their mean μ there. A coefficient that changes in time is a state of its own, and saved.
pub trait Combine<S: Scalar>: Send + Sync {
    /// Writes the direction to `out`.
    fn combine(&self, space: &ParameterSpace, gradient: &[S], reference: &[S], mean: &[S], out: &mut [S]);

    /// Learns from a step that was just combined; what it learns governs the steps after that one, so
    /// that the direction stays unbiased.
    fn learn(&mut self, _space: &ParameterSpace, _gradient: &[S], _reference: &[S], _mean: &[S]) {}

    /// Writes what changes in time.
    fn save(&self, _out: &mut StateWriter<'_>) {}

    /// Reads what [`save`](Self::save) wrote, for `len` parameters.
    ///
    /// # Errors
    /// When the state does not fit.
    fn restore(&mut self, _from: &StateReader<'_>, _len: usize) -> Result<(), StateError> {
        Ok(())
    }
}

/// `(g − α·g̃) + α·μ` with an α that never changes.
impl<S: Scalar> Combine<S> for Coefficient<S> {
    fn combine(&self, space: &ParameterSpace, gradient: &[S], reference: &[S], mean: &[S], out: &mut [S]) {
        Coefficient::combine(self, space, gradient, reference, mean, out);
    }
}

/// A gradient that a step needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
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
    fn evaluation(self, pass: Purpose) -> (Point, Purpose) {
        match self {
            Self::Pass(_) => (Point::Snapshot, pass),
            Self::Again(_) => (Point::Snapshot, Purpose::Restore),
            Self::Reference => (Point::Snapshot, Purpose::Inner),
            Self::Gradient => (Point::Current, Purpose::Inner),
        }
    }

    /// The request for it, with `pass` the purpose of the owner's snapshot passes, in that generation of the
    /// plan, where the step's own minibatch is `own`: on the first visit and in train mode.
    pub fn request(self, pass: Purpose, generation: u32, own: u32) -> Request {
        let (point, purpose) = self.evaluation(pass);
        let index = match self {
            Self::Pass(index) | Self::Again(index) => index,
            Self::Reference | Self::Gradient => own,
        };
        Request { point, generation, index, visit: 0, purpose, norm: NormRule::Batch }
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
    /// The step is the gradient, which is wanted.
    Plain,
}

const STAGES: [Stage; 5] = [Stage::Between, Stage::Open, Stage::Referenced, Stage::Ready, Stage::Plain];

/// A step made of g_b(x), g_b(x̃) and μ as a state machine, with μ the mean gradient of some minibatches
/// at the snapshot x̃: `v = (g_b(x) − α·g_b(x̃)) + α·μ`, or as another [`Combine`] says.
///
/// It is the part that estimators with a snapshot share. Whoever owns it says when a snapshot is taken and
/// over which minibatches, and turns what is [`Wanted`] into requests. In an estimator's `ask`:
///
/// 1. where [`is_between`](Self::is_between) says so, [`take`](Self::take) a snapshot if one is due and
///    [`open`](Self::open) the step;
/// 2. answer what [`ask`](Self::ask) says.
///
/// It holds [`VECTORS`](Self::VECTORS) vectors, one sum in f64, and the table.
#[derive(Debug)]
pub struct ControlVariate<S, C = Coefficient<S>> {
    space: Arc<ParameterSpace>,
    combination: C,
    stage: Stage,
    /// Whether the last snapshot is still to be announced.
    news: bool,
    snapshot: FlatVector<S>,
    /// Minibatches that μ is the mean of, where `stride` is 1: else every `stride`-th of them from the first on. Empty while
    /// there is no snapshot.
    minibatches: Range<u32>,
    stride: u32,
    /// The next of them in the snapshot pass; the end when it is over.
    next: u32,
    /// Minibatches whose rows a restored run lacks.
    missing: Range<u32>,
    sum: Mean,
    mean: FlatVector<S>,
    table: Option<GradientTable<S>>,
    reference: FlatVector<S>,
    direction: FlatVector<S>,
}

impl<S: Scalar, C: Combine<S>> ControlVariate<S, C> {
    /// Vectors of P numbers that it holds beside the sum and the table: x̃, μ, g_b(x̃) and the direction.
    pub const VECTORS: u64 = 4;

    /// Without a snapshot: the step is the gradient.
    pub fn new(combination: C) -> Self {
        Self {
            space: Arc::default(),
            combination,
            stage: Stage::default(),
            news: false,
            snapshot: FlatVector::default(),
            minibatches: 0..0,
            stride: 1,
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
    pub fn begin(&mut self, space: &Arc<ParameterSpace>, table: Option<GradientTable<S>>) {
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
    pub fn is_between(&self) -> bool {
        self.stage == Stage::Between
    }

    /// Begins a step.
    pub fn open(&mut self) {
        self.stage = Stage::Open;
    }

    /// Begins a step whose direction is the gradient, whether there is a snapshot or not.
    pub fn open_plain(&mut self) {
        self.stage = Stage::Plain;
    }

    /// Ends a step.
    pub fn close(&mut self) {
        self.stage = Stage::Between;
    }

    /// Takes the snapshot at `x`; a pass over `minibatches` of the plan follows.
    pub fn take(&mut self, x: &FlatVector<S>, minibatches: Range<u32>) {
        self.take_every(1, x, minibatches);
    }

    /// As [`take`](Self::take), where the pass is over every `stride`-th of the minibatches, from the first on.
    ///
    /// # Panics
    /// When the stride is 0.
    pub fn take_every(&mut self, stride: u32, x: &FlatVector<S>, minibatches: Range<u32>) {
        assert!(stride > 0, "a pass that does not move on");
        self.snapshot.clone_from(x);
        self.sum.reset();
        self.next = minibatches.start;
        self.missing = 0..0;
        self.minibatches = minibatches;
        self.stride = stride;
        self.news = true;
    }

    /// Goes on without a snapshot.
    pub fn drop_snapshot(&mut self) {
        (self.minibatches, self.missing, self.next, self.stride) = (0..0, 0..0, 0, 1);
        self.news = false;
    }

    /// How the step is combined.
    pub fn combination(&self) -> &C {
        &self.combination
    }

    /// How the step is combined, to be changed between steps.
    pub fn combination_mut(&mut self) -> &mut C {
        &mut self.combination
    }

    /// What an open step wants next, each gradient requested as `request` says.
    pub fn ask(&mut self, request: impl Fn(Wanted) -> Request) -> Ask<'_, S> {
        if std::mem::take(&mut self.news) {
            return Ask::Snapshot;
        }
        if !self.missing.is_empty() {
            return Ask::Evaluate(self.missing(request));
        }
        if self.next < self.minibatches.end {
            let rest = (self.next..self.minibatches.end).step_by(self.stride as usize);
            return Ask::Evaluate(rest.map(Wanted::Pass).map(request).collect());
        }
        let compares = self.snapshot().is_some() && self.table.is_none();
        match self.stage {
            Stage::Ready => Ask::Step(&self.direction),
            Stage::Open if compares => Ask::Evaluate([Wanted::Reference, Wanted::Gradient].map(request).into()),
            _ => Ask::Evaluate(vec![request(Wanted::Gradient)]),
        }
    }

    /// The rows that a restored run lacks.
    pub fn missing(&self, request: impl Fn(Wanted) -> Request) -> Vec<Request> {
        self.missing.clone().step_by(self.stride as usize).map(Wanted::Again).map(request).collect()
    }

    /// Takes the answer to a request.
    ///
    /// # Errors
    /// When the table fails.
    pub fn tell(&mut self, request: &Request, gradient: &FlatVector<S>) -> Result<(), EstimatorError> {
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
                let (row, next) = (self.row(request.index), self.after(request.index));
                let kept = match &mut self.table {
                    Some(table) => table.write(row, gradient)?,
                    None => gradient,
                };
                if purpose == Purpose::Restore {
                    self.missing.start = next.min(self.missing.end);
                    return Ok(());
                }
                self.sum.add(kept);
                self.next = next;
                if self.next == self.minibatches.end {
                    self.sum.write(&mut self.mean);
                }
            }
        }
        Ok(())
    }

    /// The row of minibatch `index` in the table.
    fn row(&self, index: u32) -> usize {
        (index.saturating_sub(self.minibatches.start) / self.stride) as usize
    }

    /// The minibatch of the pass after minibatch `index`, or the end.
    fn after(&self, index: u32) -> u32 {
        index.saturating_add(self.stride).min(self.minibatches.end)
    }

    fn combine(&mut self, index: u32, gradient: &FlatVector<S>) -> Result<(), EstimatorError> {
        let without = self.table.is_some() && !self.covers(index);
        if self.minibatches.is_empty() || self.stage == Stage::Plain || without {
            self.direction.copy_from_slice(gradient);
            return Ok(());
        }
        let row = self.row(index);
        let reference = match &self.table {
            Some(table) => table.row(row, &mut self.reference)?,
            None => &self.reference,
        };
        self.combination.combine(&self.space, gradient, reference, &self.mean, &mut self.direction);
        self.combination.learn(&self.space, gradient, reference, &self.mean);
        Ok(())
    }

    /// The snapshot, where there is one.
    pub fn snapshot(&self) -> Option<&FlatVector<S>> {
        (!self.minibatches.is_empty()).then_some(&self.snapshot)
    }

    /// The minibatches that μ is the mean of; none before the first snapshot.
    pub fn minibatches(&self) -> &Range<u32> {
        &self.minibatches
    }

    /// The snapshot with its mean gradient, once the pass is over.
    pub fn anchor(&self) -> Option<Anchor<'_, S>> {
        let snapshot = self.snapshot().filter(|_| self.next == self.minibatches.end)?;
        Some(Anchor { snapshot, mean: &self.mean, minibatches: self.minibatches.clone() })
    }

    /// Whether minibatch `index` is one that μ is the mean of.
    pub fn covers(&self, index: u32) -> bool {
        self.minibatches.contains(&index) && (index - self.minibatches.start).is_multiple_of(self.stride)
    }

    /// Whether the table has the row of minibatch `index`.
    fn keeps(&self, index: u32) -> bool {
        self.table.is_some() && self.covers(index)
    }

    /// Where minibatch `index` is evaluated beside the iterate to know the direction on it: at the snapshot,
    /// with the statistics of `norm`, unless the table has its row or there is no μ yet.
    pub fn probes(&self, index: u32, norm: NormRule) -> Vec<Probe> {
        let evaluates = self.anchor().is_some() && !self.keeps(index);
        evaluates.then_some(Probe { point: Point::Snapshot, norm }).into_iter().collect()
    }

    /// The direction on minibatch `index`, from its gradient at the iterate and those at the
    /// [`probes`](Self::probes); the gradient itself while there is no μ.
    ///
    /// # Errors
    /// When the table fails.
    pub fn direction_on(
        &self,
        index: u32,
        gradient: &FlatVector<S>,
        probed: &[&FlatVector<S>],
    ) -> Result<Estimate<S>, EstimatorError> {
        if self.anchor().is_none() {
            return Ok(Estimate { direction: gradient.clone(), reference: None });
        }
        let mut reference = FlatVector::zeros(self.len());
        match (&self.table, probed) {
            (Some(table), _) if self.keeps(index) => {
                let mut buffer = FlatVector::zeros(self.len());
                let row = table.row(self.row(index), &mut buffer)?;
                reference.copy_from_slice(row);
            }
            (_, [probed, ..]) => reference.copy_from_slice(probed),
            (_, []) => {}
        }
        let mut direction = FlatVector::zeros(self.len());
        self.combination.combine(&self.space, gradient, &reference, &self.mean, &mut direction);
        Ok(Estimate { direction, reference: Some(reference) })
    }

    /// Writes all but the options and, unless `rows` says so, the table.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub fn save(&self, out: &mut StateWriter<'_>, rows: bool) -> Result<(), EstimatorError> {
        out.integer("stage", self.stage as u64);
        self.combination.save(&mut out.part("combination"));
        let range = [("first", self.minibatches.start), ("next", self.next), ("end", self.minibatches.end)];
        for (name, index) in range.into_iter().chain([("stride", self.stride)]) {
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
            Stage::Between | Stage::Open | Stage::Plain => {}
        }
        if let (true, Some(table)) = (rows, &self.table) {
            let mut buffer = FlatVector::zeros(self.len());
            let mut out = out.part("table");
            for row in 0..self.rows_until(self.next) {
                out.vector(&row.to_string(), table.row(row as usize, &mut buffer)?);
            }
        }
        Ok(())
    }

    /// Rows of the pass before minibatch `next` of it.
    fn rows_until(&self, next: u32) -> u32 {
        next.saturating_sub(self.minibatches.start).div_ceil(self.stride)
    }

    /// Reads what [`save`](Self::save) wrote, where a snapshot covers at most `most` of a plan's
    /// `minibatches`. Rows that were not written are [missing](Self::missing) then.
    ///
    /// # Errors
    /// When the state does not fit, or the table cannot be written.
    pub fn restore(
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
        self.stride = index("stride", minibatches)?.max(1);
        let reach = most.saturating_mul(self.stride);
        let end = index("end", minibatches.min(first.saturating_add(reach)))?.max(first);
        self.minibatches = first..end;
        self.next = index("next", end)?.max(first);
        self.missing = 0..0;
        // A pass that has not begun: the driver has evaluated nothing since it heard of the snapshot, and may
        // as well hear of it again.
        self.news = first < end && self.next == first;
        self.combination.restore(&from.part("combination"), len)?;
        if first < end {
            self.snapshot = from.vector("snapshot", len)?;
            if self.next < end {
                self.sum.restore(&from.part("sum"), self.rows_until(self.next).into())?;
            } else {
                self.mean = from.vector("mean", len)?;
            }
        }
        match self.stage {
            Stage::Referenced => self.reference = from.vector("reference", len)?,
            Stage::Ready => self.direction = from.vector("direction", len)?,
            Stage::Between | Stage::Open | Stage::Plain => {}
        }
        let rows_done = self.rows_until(self.next);
        let Some(table) = &mut self.table else { return Ok(()) };
        if rows {
            let from = from.part("table");
            for row in 0..rows_done {
                table.write(row as usize, &from.vector::<S>(&row.to_string(), len)?)?;
            }
        } else {
            self.missing = first..self.next;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every vector of the state is named, so that a new one does not go uncounted.
    #[test]
    fn it_holds_the_vectors_that_it_says() {
        let space = Arc::new(ParameterSpace::new([("a", vec![7])]).unwrap());
        let mut variate = ControlVariate::new(Coefficient::<f64>::one());
        variate.begin(&space, None);
        variate.take(&FlatVector::zeros(7), 0..1);
        let ControlVariate {
            space: _,
            combination: _,
            stage: _,
            news: _,
            snapshot,
            minibatches: _,
            stride: _,
            next: _,
            missing: _,
            sum: _,
            mean,
            table: _,
            reference,
            direction,
        } = variate;
        let held: usize = [snapshot, mean, reference, direction].iter().map(|vector| vector.len()).sum();
        assert_eq!(held as u64, 7 * ControlVariate::<f64>::VECTORS);
    }
}
