//! What the recursive methods share: the same minibatch's gradients at the iterate and at the iterate before it.

use vr_core::{FlatVector, Mean, Purpose, Scalar, StateError, StateReader, StateWriter};

use crate::estimator::{Ask, NormRule, Point, Probe, Request};

/// How far a step has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stage {
    /// Nothing asked since the last step.
    #[default]
    Between,
    /// Both gradients are wanted.
    Open,
    /// The gradient at the iterate alone is wanted.
    Referenced,
    /// A full pass at the iterate is under way.
    Pass,
    /// The direction is ready.
    Ready,
}

const STAGES: [Stage; 5] = [Stage::Between, Stage::Open, Stage::Referenced, Stage::Pass, Stage::Ready];

/// A step made of a minibatch's gradients at the iterate x and at the previous iterate x⁻, and of the direction v of the step
/// before, as a state machine; or of the full gradient at x.
///
/// Its owner says with [`open`](Self::open) or [`open_pass`](Self::open_pass) what a step is made of, and how the parts make a
/// direction. In the first step there is no x⁻, and the direction is the gradient. It holds [`VECTORS`](Self::VECTORS)
/// vectors and one sum in f64.
#[derive(Debug, Default)]
pub(crate) struct TwoPoints<S> {
    stage: Stage,
    /// Whether gradients at the iterate alone are wanted.
    single: bool,
    /// Whether there is a previous iterate.
    moved: bool,
    previous: FlatVector<S>,
    reference: FlatVector<S>,
    direction: FlatVector<S>,
    sum: Mean,
    /// Minibatches of the pass that are done, and all of them.
    pass: [u32; 2],
}

impl<S: Scalar> TwoPoints<S> {
    /// Vectors of P numbers that it holds beside the sum: x⁻, g_b(x⁻) and the direction.
    pub const VECTORS: u64 = 3;

    /// Of steps that want no gradient at x⁻: their direction is the gradient, for the owner to [amend](Self::direction_mut).
    pub fn single() -> Self {
        Self { single: true, ..Self::default() }
    }

    /// Sizes the vectors.
    pub fn begin(&mut self, len: usize) {
        self.sum = Mean::new(len);
        for vector in [&mut self.previous, &mut self.reference, &mut self.direction] {
            *vector = FlatVector::zeros(len);
        }
    }

    /// Whether the last step is done and the next not begun.
    pub fn is_between(&self) -> bool {
        self.stage == Stage::Between
    }

    /// Whether the step in hand is made of a full pass.
    pub fn is_pass(&self) -> bool {
        self.stage == Stage::Pass || (self.stage == Stage::Ready && self.pass[1] > 0)
    }

    /// Begins a step of one minibatch.
    pub fn open(&mut self) {
        (self.stage, self.pass) = (Stage::Open, [0; 2]);
    }

    /// Begins a step along the mean of so many minibatches' gradients.
    pub fn open_pass(&mut self, minibatches: u32) {
        self.sum.reset();
        (self.stage, self.pass) = (Stage::Pass, [0, minibatches]);
    }

    /// Ends a step.
    pub fn close(&mut self) {
        self.stage = Stage::Between;
    }

    /// What an open step wants next, of minibatch `own` of that generation, gone through `visit` times before; `x` is the iterate.
    pub fn ask(&mut self, x: &FlatVector<S>, generation: u32, own: u32, visit: u32) -> Ask<'_, S> {
        let request =
            |point, purpose, index| Request { point, generation, index, visit, purpose, norm: NormRule::Batch };
        let inner = |point| request(point, Purpose::Inner, own);
        match self.stage {
            Stage::Ready => {
                self.previous.copy_from_slice(x);
                self.moved = true;
                Ask::Step(&self.direction)
            }
            Stage::Pass => {
                let [done, all] = self.pass;
                let at = |index| Request { visit: 0, ..request(Point::Current, Purpose::Snapshot, index) };
                Ask::Evaluate((done..all).map(at).collect())
            }
            Stage::Open if self.moved && !self.single => {
                Ask::Evaluate(vec![inner(Point::Previous), inner(Point::Current)])
            }
            _ => Ask::Evaluate(vec![inner(Point::Current)]),
        }
    }

    /// Takes the answer to a request. `combine` is given the gradient and the one at x⁻, and makes the next direction of the last.
    pub fn tell(
        &mut self,
        request: &Request,
        gradient: &FlatVector<S>,
        combine: impl FnOnce(&[S], &[S], &mut FlatVector<S>),
    ) {
        match (self.stage, request.point) {
            (Stage::Pass, _) => {
                self.sum.add(gradient);
                self.pass[0] = request.index + 1;
                if self.pass[0] == self.pass[1] {
                    self.sum.write(&mut self.direction);
                    self.stage = Stage::Ready;
                }
            }
            (_, Point::Previous) => {
                self.reference.copy_from_slice(gradient);
                self.stage = Stage::Referenced;
            }
            (stage, _) => {
                match stage {
                    Stage::Referenced => combine(gradient, &self.reference, &mut self.direction),
                    _ => self.direction.copy_from_slice(gradient),
                }
                self.stage = Stage::Ready;
            }
        }
    }

    /// The previous iterate, where there is one.
    pub fn previous(&self) -> Option<&FlatVector<S>> {
        self.moved.then_some(&self.previous)
    }

    /// The direction of the last step, or of the step in hand once it is ready.
    pub fn direction(&self) -> &FlatVector<S> {
        &self.direction
    }

    /// The direction of a step that is ready, to be amended.
    pub fn direction_mut(&mut self) -> &mut FlatVector<S> {
        &mut self.direction
    }

    /// Where a minibatch is evaluated beside the iterate to know the direction on it.
    pub fn probes(&self) -> Vec<Probe> {
        let probes = self.moved && !self.single && !self.is_pass();
        probes.then_some(Probe { point: Point::Previous, norm: NormRule::Batch }).into_iter().collect()
    }

    /// Writes everything.
    pub fn save(&self, out: &mut StateWriter<'_>) {
        out.integer("stage", self.stage as u64);
        out.flag("moved", self.moved);
        for (name, index) in [("done", self.pass[0]), ("pass", self.pass[1])] {
            out.integer(name, index.into());
        }
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
    }

    /// Reads what [`save`](Self::save) wrote, of passes of at most `minibatches`.
    ///
    /// # Errors
    /// When a value is missing or does not fit.
    pub fn restore(&mut self, from: &StateReader<'_>, minibatches: u32) -> Result<(), StateError> {
        let len = self.direction.len();
        self.stage = STAGES[from.index("stage", STAGES.len() as u64 - 1)? as usize];
        self.moved = from.flag("moved")?;
        let all = from.index("pass", minibatches.into())?;
        self.pass = [from.index("done", all)? as u32, all as u32];
        if self.moved {
            self.previous = from.vector("previous", len)?;
        }
        if self.moved || self.stage == Stage::Ready {
            self.direction = from.vector("direction", len)?;
        }
        match self.stage {
            Stage::Referenced => self.reference = from.vector("reference", len)?,
            Stage::Pass => self.sum.restore(&from.part("sum"), self.pass[0].into())?,
            Stage::Between | Stage::Open | Stage::Ready => {}
        }
        Ok(())
    }
}
