//! What the recursive methods share: a direction that goes on from the one before, by the same minibatch's gradients at the
//! iterate and at the iterate before it.

use std::fmt::Debug;
use std::sync::Arc;

use vr_core::{FlatVector, Mean, ParameterSpace, Purpose, Scalar, StateReader, StateWriter};

use crate::estimator::{Ask, Estimate, Estimator, EstimatorError, NormRule, Point, Probe, Request};
use crate::fault::Fault;
use crate::table::TableError;

/// What a step begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opening {
    /// The next minibatch of the plan, or its first again where all are used.
    Step,
    /// The first minibatch of a new plan.
    Plan,
    /// The full gradient over a new plan, which is the step's direction.
    Restart,
}

/// What tells one recursive method from another: when it begins anew, and how it makes a direction.
pub trait Recursion<S: Scalar>: Debug + Send + Sync {
    /// The method's name in results.
    fn name(&self) -> &'static str;

    /// Whether the options make sense.
    ///
    /// # Errors
    /// The first that does not.
    fn check(&self) -> Result<(), Fault>;

    /// Sizes what it keeps for a space and so many minibatches.
    ///
    /// # Errors
    /// When memory for a table cannot be had.
    fn begin(&mut self, _space: &Arc<ParameterSpace>, _minibatches: u32) -> Result<(), TableError> {
        Ok(())
    }

    /// What step `step` begins with, where an epoch has so many minibatches.
    fn opens(&self, step: u64, minibatches: u32) -> Opening;

    /// Whether it wants the gradient at the previous iterate, too.
    fn looks_back(&self) -> bool {
        true
    }

    /// Makes the direction of the one before, of minibatch `index`'s gradient at x and of its gradient at x⁻, where it looks back
    /// and there is one. Without, the direction before does not matter.
    ///
    /// # Errors
    /// When a table fails.
    fn direct(
        &self,
        index: u32,
        gradient: &[S],
        before: Option<&[S]>,
        direction: &mut FlatVector<S>,
    ) -> Result<(), TableError>;

    /// Learns from the gradient at x of a step on minibatch `index`, after its direction was made of it.
    ///
    /// # Errors
    /// When a table fails.
    fn learn(&mut self, _index: u32, _gradient: &[S]) -> Result<(), TableError> {
        Ok(())
    }

    /// Writes what it learnt.
    ///
    /// # Errors
    /// When a table cannot be read.
    fn save(&self, _out: &mut StateWriter<'_>) -> Result<(), TableError> {
        Ok(())
    }

    /// Reads what [`save`](Self::save) wrote.
    ///
    /// # Errors
    /// When it does not fit, or a table cannot be written.
    fn restore(&mut self, _from: &StateReader<'_>) -> Result<(), EstimatorError> {
        Ok(())
    }
}

/// How far a step has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stage {
    /// Nothing asked since the last step.
    #[default]
    Between,
    /// The gradients of a minibatch are wanted.
    Open,
    /// The gradient at the iterate alone is wanted.
    Referenced,
    /// A full pass at the iterate is under way.
    Pass,
    /// The direction is ready.
    Ready,
}

const STAGES: [Stage; 5] = [Stage::Between, Stage::Open, Stage::Referenced, Stage::Pass, Stage::Ready];

/// A recursive method. With x⁻ the previous iterate and v the direction before, a step's direction is made of g_b(x), g_b(x⁻)
/// and v as its [`Recursion`] says, or is the full gradient at x.
///
/// It keeps [`VECTORS`](Self::VECTORS) vectors and one sum in f64, beside what the recursion keeps.
#[derive(Debug)]
pub struct Recursive<S, R> {
    recursion: R,
    minibatches: u32,
    step: u64,
    /// Steps since the batch plan began.
    since: u64,
    generation: u32,
    stage: Stage,
    /// Whether the step in hand is made of the full gradient.
    full: bool,
    /// Minibatches of the pass that are done.
    done: u32,
    sum: Mean,
    /// Whether there is a previous iterate.
    moved: bool,
    previous: FlatVector<S>,
    reference: FlatVector<S>,
    direction: FlatVector<S>,
}

impl<S: Scalar, R: Recursion<S>> Recursive<S, R> {
    /// Vectors of P numbers that it holds beside the sum: x⁻, g_b(x⁻) and the direction.
    pub const VECTORS: u64 = 3;

    /// The estimator before its first step.
    pub fn of(recursion: R) -> Self {
        Self {
            recursion,
            minibatches: 0,
            step: 0,
            since: 0,
            generation: 0,
            stage: Stage::default(),
            full: false,
            done: 0,
            sum: Mean::default(),
            moved: false,
            previous: FlatVector::default(),
            reference: FlatVector::default(),
            direction: FlatVector::default(),
        }
    }

    fn open(&mut self) {
        let opening = self.recursion.opens(self.step, self.minibatches);
        if opening != Opening::Step {
            self.generation += u32::from(self.step > 0);
            self.since = 0;
        }
        self.full = opening == Opening::Restart;
        if self.full {
            self.sum.reset();
            self.done = 0;
        }
        self.stage = if self.full { Stage::Pass } else { Stage::Open };
    }

    fn looks_back(&self) -> bool {
        self.moved && self.recursion.looks_back()
    }

    /// The request for minibatch `index` at `point`.
    fn request(&self, point: Point, purpose: Purpose, index: u32, visit: u32) -> Request {
        Request { point, generation: self.generation, index, visit, purpose, norm: NormRule::Batch }
    }
}

impl<S: Scalar, R: Recursion<S>> Estimator<S> for Recursive<S, R> {
    fn name(&self) -> &'static str {
        self.recursion.name()
    }

    fn begin(&mut self, space: &Arc<ParameterSpace>, minibatches: u32) -> Result<(), EstimatorError> {
        self.recursion.check().map_err(|fault| EstimatorError::Config { method: self.name(), fault })?;
        self.recursion.begin(space, minibatches)?;
        self.minibatches = minibatches;
        self.sum = Mean::new(space.len());
        for vector in [&mut self.previous, &mut self.reference, &mut self.direction] {
            *vector = FlatVector::zeros(space.len());
        }
        Ok(())
    }

    fn ask(&mut self, x: &FlatVector<S>) -> Result<Ask<'_, S>, EstimatorError> {
        if self.stage == Stage::Between {
            self.open();
        }
        let m = u64::from(self.minibatches);
        let (own, visit) = ((self.since % m) as u32, (self.since / m) as u32);
        let inner = |point| self.request(point, Purpose::Inner, own, visit);
        Ok(match self.stage {
            Stage::Ready => {
                self.previous.copy_from_slice(x);
                self.moved = true;
                Ask::Step(&self.direction)
            }
            Stage::Pass => {
                let at = |index| self.request(Point::Current, Purpose::Snapshot, index, 0);
                Ask::Evaluate((self.done..self.minibatches).map(at).collect())
            }
            Stage::Open if self.looks_back() => Ask::Evaluate([Point::Previous, Point::Current].map(inner).into()),
            _ => Ask::Evaluate(vec![inner(Point::Current)]),
        })
    }

    fn tell(&mut self, request: &Request, gradient: &FlatVector<S>) -> Result<(), EstimatorError> {
        match (self.stage, request.point) {
            (Stage::Pass, _) => {
                self.sum.add(gradient);
                self.done = request.index + 1;
                if self.done == self.minibatches {
                    self.sum.write(&mut self.direction);
                    self.stage = Stage::Ready;
                }
            }
            (_, Point::Previous) => {
                self.reference.copy_from_slice(gradient);
                self.stage = Stage::Referenced;
            }
            (stage, _) => {
                let before = (stage == Stage::Referenced).then_some(&*self.reference);
                self.recursion.direct(request.index, gradient, before, &mut self.direction)?;
                self.recursion.learn(request.index, gradient)?;
                self.stage = Stage::Ready;
            }
        }
        Ok(())
    }

    fn advance(&mut self, _x: &FlatVector<S>) {
        self.step += 1;
        self.since += 1;
        self.full = false;
        self.stage = Stage::Between;
    }

    /// The full gradient, where the coming step is made of that.
    fn direction_on(
        &self,
        index: u32,
        gradient: &FlatVector<S>,
        probed: &[&FlatVector<S>],
    ) -> Result<Estimate<S>, EstimatorError> {
        let mut direction = self.direction.clone();
        if !self.full {
            self.recursion.direct(index, gradient, probed.first().map(|before| &before[..]), &mut direction)?;
        }
        Ok(Estimate { direction, reference: probed.first().map(|&before| before.clone()) })
    }

    fn generation(&self) -> u32 {
        self.generation
    }

    fn point(&self, point: Point) -> Option<&FlatVector<S>> {
        (self.moved && point == Point::Previous).then_some(&self.previous)
    }

    fn probes(&self, _index: u32) -> Vec<Probe> {
        let probes = self.looks_back() && !self.full;
        probes.then_some(Probe { point: Point::Previous, norm: NormRule::Batch }).into_iter().collect()
    }

    fn save(&self, out: &mut StateWriter<'_>) -> Result<(), EstimatorError> {
        let numbers =
            [("generation", self.generation.into()), ("done", self.done.into()), ("stage", self.stage as u64)];
        for (name, number) in [("step", self.step), ("since", self.since)].into_iter().chain(numbers) {
            out.integer(name, number);
        }
        out.flag("full", self.full);
        out.flag("moved", self.moved);
        if self.moved {
            out.vector("previous", &self.previous);
        }
        if self.moved || self.stage == Stage::Ready {
            out.vector("direction", &self.direction);
        }
        match self.stage {
            Stage::Referenced => out.vector("reference", &self.reference),
            Stage::Pass => self.sum.save(&mut out.part("sum")),
            Stage::Between | Stage::Open | Stage::Ready => {}
        }
        Ok(self.recursion.save(&mut out.part("recursion"))?)
    }

    fn restore(&mut self, from: &StateReader<'_>) -> Result<(), EstimatorError> {
        let len = self.direction.len();
        self.step = from.integer("step")?;
        self.since = from.integer("since")?;
        self.generation = from.index("generation", u32::MAX.into())? as u32;
        self.done = from.index("done", self.minibatches.into())? as u32;
        self.stage = STAGES[from.index("stage", STAGES.len() as u64 - 1)? as usize];
        self.full = from.flag("full")?;
        self.moved = from.flag("moved")?;
        if self.moved {
            self.previous = from.vector("previous", len)?;
        }
        if self.moved || self.stage == Stage::Ready {
            self.direction = from.vector("direction", len)?;
        }
        match self.stage {
            Stage::Referenced => self.reference = from.vector("reference", len)?,
            Stage::Pass => self.sum.restore(&from.part("sum"), self.done.into())?,
            Stage::Between | Stage::Open | Stage::Ready => {}
        }
        self.recursion.restore(&from.part("recursion"))
    }
}

/// The first minibatch of a plan that lasts an epoch, or the next.
pub(crate) fn by_epoch(step: u64, minibatches: u32) -> Opening {
    if step.is_multiple_of(minibatches.into()) { Opening::Plan } else { Opening::Step }
}

/// `v ← v + (g − g⁻)`; without g⁻ the gradient.
pub(crate) fn carry_on<S: Scalar>(gradient: &[S], before: Option<&[S]>, direction: &mut FlatVector<S>) {
    let Some(before) = before else { return direction.copy_from_slice(gradient) };
    for ((v, &g), &before) in direction.iter_mut().zip(gradient).zip(before) {
        *v = *v + (g - before);
    }
}
