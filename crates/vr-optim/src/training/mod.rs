//! The driver: answers an estimator's requests, applies its directions, counts what it cost.

mod diagnostics;
mod error;
pub(crate) mod evaluate;
mod progress;
mod run_state;
mod test;

use vr_core::{
    EvaluationCounts, FlatVector, MinibatchKey, MinibatchSource, NormStatistics, Normalization, Oracle, ParameterSpace,
    Purpose, Scalar,
};

use crate::estimator::{Ask, Estimator, EstimatorError, NormRule, Point, Request};
use crate::locking::Locking;
use crate::norm_track::{NormPolicy, NormTrack};
use crate::ranks::{Answers, Root};
use crate::rule::sgd_momentum::SgdMomentum;
use crate::rule::{Step, UpdateRule};
use crate::schedule::{Constant, Schedule};
use evaluate::{Beside, Evaluate, Job, parallel, serial};
use progress::StepLoss;

pub use diagnostics::{Geometry, Survey};
pub use error::{Outcome, TrainingError};
pub use progress::Progress;
pub use test::TestSet;

/// A run of an estimator with an update rule on an oracle's loss over a source's minibatches.
///
/// [`step`](Self::step) and [`epoch`](Self::epoch) advance it; [`variance`](Self::variance) and
/// [`survey`](Self::survey) measure it without touching its course; [`save`](Self::save) and
/// [`restore`](Self::restore) carry it from one process to the next.
pub struct Training<O, D>
where
    O: Oracle,
    D: MinibatchSource<Batch = O::Batch>,
{
    oracle: O,
    source: D,
    estimator: Box<dyn Estimator<O::Scalar>>,
    rule: Box<dyn UpdateRule<O::Scalar>>,
    schedule: Box<dyn Schedule>,
    clock: Clock,
    locking: Locking,
    evaluate: Evaluate<O, D>,
    window: usize,
    ranks: Option<Root<O::Scalar>>,
    x: FlatVector<O::Scalar>,
    tracks: Vec<NormTrack<O::Scalar>>,
    frozen: NormStatistics<O::Scalar>,
    counts: EvaluationCounts,
    step: u64,
    loss: StepLoss,
    direction: Option<FlatVector<O::Scalar>>,
    diagnostic_passes: u32,
}

/// What a schedule counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Clock {
    /// Steps.
    #[default]
    Steps,
    /// The method's minibatch gradients before the step's last: methods of different costs go through the same schedule with the same
    /// number of gradients. Of SGD these are the steps.
    Gradients,
}

impl Clock {
    /// At step `step`, whose gradients are counted.
    fn time(self, step: u64, counts: &EvaluationCounts) -> u64 {
        match self {
            Self::Steps => step,
            Self::Gradients => counts.training().minibatches.saturating_sub(1),
        }
    }
}

/// Moves the iterate to an average of iterates. Tensors that the last step's direction left alone stay: their average is
/// what they are, but for its rounding.
fn move_to<S: Scalar>(
    space: &ParameterSpace,
    to: &FlatVector<S>,
    direction: Option<&FlatVector<S>>,
    x: &mut FlatVector<S>,
) {
    for tensor in space.tensors() {
        let alone = |direction: &FlatVector<S>| direction[tensor.range()].iter().all(|v| v.to_f64() == 0.0);
        if !tensor.options().is_frozen() && !direction.is_some_and(alone) {
            x[tensor.range()].copy_from_slice(&to[tensor.range()]);
        }
    }
}

impl<O, D> Training<O, D>
where
    O: Oracle,
    D: MinibatchSource<Batch = O::Batch>,
{
    /// A run from `x` with the paper's update rule (SGD, momentum 0.9, weight decay 1e-4), a
    /// constant learning rate of 0.1, locked transforms and the batch-norm reset.
    ///
    /// # Errors
    /// When `x` does not fit the oracle or the source has no minibatches.
    pub fn new(
        oracle: O,
        source: D,
        x: FlatVector<O::Scalar>,
        mut estimator: impl Estimator<O::Scalar> + 'static,
    ) -> Outcome<Self, O, D> {
        oracle.space().check("the initial iterate", x.len())?;
        let m = source.minibatches();
        let minibatches = u32::try_from(m).ok().filter(|&m| m > 0).ok_or(TrainingError::Minibatches(m))?;
        estimator.begin(oracle.space(), minibatches)?;
        let running = oracle.initial_statistics().map_err(TrainingError::Statistics)?;
        Ok(Self {
            oracle,
            source,
            estimator: Box::new(estimator),
            rule: Box::new(SgdMomentum::default()),
            schedule: Box::new(Constant { base: 0.1 }),
            clock: Clock::default(),
            locking: Locking::default(),
            evaluate: serial,
            window: 1,
            ranks: None,
            x,
            tracks: vec![NormTrack { policy: NormPolicy::Reset, running: running.clone() }],
            frozen: running,
            counts: EvaluationCounts::default(),
            step: 0,
            loss: StepLoss::default(),
            direction: None,
            diagnostic_passes: 0,
        })
    }

    /// Another update rule.
    #[must_use]
    pub fn with_rule(mut self, rule: impl UpdateRule<O::Scalar> + 'static) -> Self {
        self.rule = Box::new(rule);
        self
    }

    /// Another learning-rate schedule.
    #[must_use]
    pub fn with_schedule(mut self, schedule: impl Schedule + 'static) -> Self {
        self.schedule = Box::new(schedule);
        self
    }

    /// What the schedule counts.
    #[must_use]
    pub fn with_clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Locked or unlocked transforms.
    #[must_use]
    pub fn with_locking(mut self, locking: Locking) -> Self {
        self.locking = locking;
        self
    }

    /// Carries one set of running statistics for each policy; the first is the one that evaluation
    /// mode at the snapshot uses. Before the first step only.
    #[must_use]
    pub fn with_norm_policies(mut self, policies: &[NormPolicy]) -> Self {
        self.tracks = policies.iter().map(|&policy| NormTrack { policy, running: self.frozen.clone() }).collect();
        self
    }

    /// Evaluates independent minibatches, and x and x̃ of one step, on the threads of the current
    /// rayon pool. Results do not depend on it where the oracle's do not.
    #[must_use]
    pub fn in_parallel(mut self) -> Self
    where
        O: Oracle<Batch: Sync> + Sync,
        D: Sync,
        D::Error: Send,
    {
        self.evaluate = parallel;
        self.window = 2 * rayon::current_num_threads();
        self
    }

    /// Shares independent minibatches, and x and x̃ of one step, out over the ranks that `root` leads. Results do not depend on
    /// it, nor does what is saved.
    #[must_use]
    pub fn on_ranks(mut self, root: Root<O::Scalar>) -> Self {
        self.ranks = Some(root);
        self
    }

    /// The iterate.
    pub fn iterate(&self) -> &FlatVector<O::Scalar> {
        &self.x
    }
    /// The network.
    pub fn oracle(&self) -> &O {
        &self.oracle
    }
    /// The estimator.
    pub fn estimator(&self) -> &dyn Estimator<O::Scalar> {
        &*self.estimator
    }
    /// The running statistics, one set for each policy.
    pub fn tracks(&self) -> &[NormTrack<O::Scalar>] {
        &self.tracks
    }
    /// Gradient evaluations so far.
    pub fn counts(&self) -> EvaluationCounts {
        self.counts
    }
    /// Steps taken so far.
    pub fn steps(&self) -> u64 {
        self.step
    }
    /// The direction of the last step, before the update rule; `None` before the first.
    pub fn direction(&self) -> Option<&FlatVector<O::Scalar>> {
        self.direction.as_ref()
    }
    /// Minibatches per epoch, m.
    pub fn minibatches(&self) -> usize {
        self.source.minibatches()
    }

    /// Does whatever is due before the next step's own gradients: moves the iterate, takes the
    /// snapshot, runs its pass.
    ///
    /// # Errors
    /// When a gradient or a minibatch fails.
    pub fn prepare(&mut self) -> Outcome<(), O, D> {
        self.prepare_until(&mut || false)?;
        Ok(())
    }

    /// One step of the update rule.
    ///
    /// # Errors
    /// When a gradient or a minibatch fails, or the loss is not finite.
    pub fn step(&mut self) -> Outcome<Progress, O, D> {
        self.prepare()?;
        self.take_step()
    }

    /// [`step`](Self::step) that may be left between the windows of a snapshot pass: `None` when `stop`
    /// said so. The next call goes on from there, and so does a run restored from a state saved there.
    ///
    /// # Errors
    /// As [`step`](Self::step).
    pub fn step_until(&mut self, mut stop: impl FnMut() -> bool) -> Outcome<Option<Progress>, O, D> {
        if self.prepare_until(&mut stop)? { self.take_step().map(Some) } else { Ok(None) }
    }

    /// Steps that make an epoch: m, unless the estimator leaves minibatches out.
    pub fn steps_per_epoch(&self) -> usize {
        self.estimator.steps_per_epoch(self.source.minibatches() as u32) as usize
    }

    /// The steps of an epoch; the progress is their mean.
    ///
    /// # Errors
    /// As [`step`](Self::step).
    pub fn epoch(&mut self) -> Outcome<Progress, O, D> {
        let m = self.steps_per_epoch();
        let (mut loss, mut accuracy, mut learning_rate) = (0.0, Some(0.0), 0.0);
        for _ in 0..m {
            let progress = self.step()?;
            loss += progress.loss;
            accuracy = accuracy.zip(progress.accuracy).map(|(sum, step)| sum + step);
            learning_rate = progress.learning_rate;
        }
        Ok(Progress { loss: loss / m as f64, accuracy: accuracy.map(|sum| sum / m as f64), learning_rate })
    }

    /// [`prepare`](Self::prepare), unless `stop` says to leave it before a window: then false.
    pub fn prepare_until(&mut self, stop: &mut dyn FnMut() -> bool) -> Outcome<bool, O, D> {
        loop {
            match self.estimator.ask(&self.x)? {
                Ask::Move(to) => move_to(self.oracle.space(), to, self.direction.as_ref(), &mut self.x),
                Ask::Snapshot => self.freeze(),
                Ask::Evaluate(requests) if requests.iter().all(|request| request.purpose != Purpose::Inner) => {
                    if !self.pass(&requests, stop)? {
                        return Ok(false);
                    }
                }
                Ask::Evaluate(_) | Ask::Step(_) => return Ok(true),
            }
        }
    }

    /// The step's own gradients, and the step.
    fn take_step(&mut self) -> Outcome<Progress, O, D> {
        loop {
            match self.estimator.ask(&self.x)? {
                Ask::Move(to) => move_to(self.oracle.space(), to, self.direction.as_ref(), &mut self.x),
                Ask::Snapshot => self.freeze(),
                Ask::Evaluate(requests) => self.answer(&requests)?,
                Ask::Step(direction) => {
                    let progress = self.loss.mean(self.schedule.at(self.clock.time(self.step, &self.counts)));
                    if !progress.loss.is_finite() {
                        return Err(TrainingError::Diverged { step: self.step, loss: progress.loss });
                    }
                    let (space, learning_rate) = (self.oracle.space(), progress.learning_rate);
                    let step = Step { space, learning_rate, direction, unused: self.loss.unused() };
                    self.rule.update(&step, &mut self.x);
                    self.direction.get_or_insert_default().clone_from(direction);
                    self.estimator.advance(&self.x);
                    self.step += 1;
                    self.loss = StepLoss::default();
                    return Ok(progress);
                }
            }
        }
    }

    /// Keeps the running statistics of the first policy for evaluations at the snapshot.
    fn freeze(&mut self) {
        if let Some(track) = self.tracks.first() {
            self.frozen.clone_from(&track.running);
        }
    }

    /// Answers a pass window by window; false when `stop` said to leave it before one.
    fn pass(&mut self, requests: &[Request], stop: &mut dyn FnMut() -> bool) -> Outcome<bool, O, D> {
        let mut windows = requests.chunks(self.window().max(2)).peekable();
        while let Some(window) = windows.next() {
            if stop() {
                return Ok(false);
            }
            // With ranks, what comes next is another rank's for the most part.
            if let (Some(next), None) = (windows.peek(), &self.ranks) {
                let upcoming: Vec<MinibatchKey> = next.iter().map(|request| self.locking.key(request)).collect();
                self.source.prefetch(&upcoming);
            }
            self.answer(window)?;
        }
        Ok(true)
    }

    /// Answers requests at once.
    fn answer(&mut self, requests: &[Request]) -> Outcome<(), O, D> {
        let job = |request: &Request| {
            let x = self.at(request.point)?;
            Ok(Job { key: self.locking.key(request), x, norm: self.normalization(request.norm) })
        };
        let jobs = requests.iter().map(job).collect::<Result<Vec<_>, EstimatorError>>()?;
        let answers = self.evaluate(&jobs, &mut || ())?;
        for (request, answer) in requests.iter().zip(answers) {
            let (evaluation, gradient) = answer?;
            self.counts.record(request.purpose, evaluation.samples);
            if let Some(statistics) = &evaluation.statistics {
                for track in &mut self.tracks {
                    track.observe(request, statistics);
                }
            }
            if request.point == Point::Current && request.purpose != Purpose::Restore {
                self.loss.observe(&evaluation);
            }
            self.estimator.tell(request, &gradient)?;
        }
        Ok(())
    }

    /// Computes independent gradients here, or shares them out; calls what is due beside them.
    fn evaluate<'a>(&self, jobs: &[Job<'a, O::Scalar>], beside: Beside<'_>) -> Outcome<Answers<O::Scalar>, O, D> {
        let mut here = |jobs: &[Job<'a, _>]| (self.evaluate)(&self.oracle, &self.source, jobs, beside);
        match &self.ranks {
            None => here(jobs).map(Answers::own),
            Some(root) => root.gradients(self.oracle.norm_layers(), jobs, here),
        }
    }

    /// Minibatches that are evaluated at once.
    fn window(&self) -> usize {
        self.window * self.ranks.as_ref().map_or(1, Root::size)
    }

    /// The point of that name.
    fn at(&self, point: Point) -> Result<&FlatVector<O::Scalar>, EstimatorError> {
        match point {
            Point::Current => Ok(&self.x),
            point => {
                let method = self.estimator.name();
                self.estimator.point(point).ok_or(EstimatorError::NoPoint { method, point })
            }
        }
    }

    fn normalization(&self, rule: NormRule) -> Normalization<'_, O::Scalar> {
        let running = self.tracks.first().map_or(&self.frozen, |track| &track.running);
        match rule {
            NormRule::Batch => Normalization::Running(running),
            NormRule::Frozen => Normalization::Stored(&self.frozen),
            NormRule::Current => Normalization::Stored(running),
        }
    }
}
