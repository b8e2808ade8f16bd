//! The driver: answers an estimator's requests, applies its directions, counts what it cost.

use vr_core::{
    EvaluationCounts, FlatVector, MinibatchKey, MinibatchSource, NormStatistics, Normalization, Oracle, Purpose,
    SpaceError, State, Stream, TransformKey, VarianceAccumulator, VarianceReport,
};

use crate::estimator::{Ask, Estimator, EstimatorError, NormRule, Point, Reference, Request};
use crate::evaluate::{Evaluate, Job, parallel, serial};
use crate::norm_track::{NormPolicy, NormTrack};
use crate::rule::{SgdMomentum, UpdateRule};
use crate::schedule::StepDecay;

/// Why a run cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum TrainingError<O: std::error::Error, D: std::error::Error> {
    /// The network failed on a minibatch.
    #[error("gradient of minibatch {} of generation {}: {error}", key.index, key.generation)]
    Oracle {
        /// Which minibatch.
        key: MinibatchKey,
        /// The oracle's own error.
        #[source]
        error: O,
    },
    /// The data failed.
    #[error("loading minibatch {} of generation {}: {error}", key.index, key.generation)]
    Source {
        /// Which minibatch.
        key: MinibatchKey,
        /// The source's own error.
        #[source]
        error: D,
    },
    /// The iterate does not fit the network.
    #[error(transparent)]
    Space(#[from] SpaceError),
    /// The source has no minibatches, or more than 2³².
    #[error("a source of {0} minibatches; there must be at least one and fewer than 2^32")]
    Minibatches(usize),
    /// The estimator failed.
    #[error(transparent)]
    Estimator(#[from] EstimatorError),
    /// The loss is no longer a number.
    #[error("the run diverged: loss {loss} at step {step}")]
    Diverged {
        /// 0-based step.
        step: u64,
        /// The loss.
        loss: f64,
    },
}

/// Whether the passes of a generation share their random transforms.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Locking {
    /// One draw a generation, used by the snapshot pass, the steps and the diagnostics.
    #[default]
    Locked,
    /// Every pass draws its own.
    Unlocked,
}

/// What one step, or the mean of an epoch's, said.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Progress {
    /// Mean loss at the iterate, before the step, in train mode.
    pub loss: f64,
    /// Share of the samples classified rightly, in train mode; `None` where the oracle knows of no
    /// classes.
    pub accuracy: Option<f64>,
    /// The learning rate (of the last step).
    pub learning_rate: f64,
}

/// Where the iterate stands to the snapshot (Defazio & Bottou 2019, figure 3).
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Geometry {
    /// Iterate distance `‖x − x̃‖`.
    pub distance: f64,
    /// `‖g(x) − g(x̃)‖` with g the full gradient.
    pub gradient_distance: f64,
    /// `‖g(x) − g(x̃)‖/‖x − x̃‖`; `None` at the snapshot.
    pub curvature: Option<f64>,
}

/// A run of an estimator with an update rule on an oracle's loss over a source's minibatches.
///
/// [`step`](Self::step) and [`epoch`](Self::epoch) advance it; [`variance`](Self::variance)
/// measures it without touching its course.
pub struct Training<O, D>
where
    O: Oracle,
    D: MinibatchSource<Batch = O::Batch>,
{
    oracle: O,
    source: D,
    estimator: Box<dyn Estimator<O::Scalar>>,
    rule: Box<dyn UpdateRule<O::Scalar>>,
    schedule: StepDecay,
    locking: Locking,
    evaluate: Evaluate<O, D>,
    window: usize,
    x: FlatVector<O::Scalar>,
    tracks: Vec<NormTrack<O::Scalar>>,
    frozen: NormStatistics<O::Scalar>,
    counts: EvaluationCounts,
    step: u64,
    diagnostic_passes: u32,
}

/// A result with the errors of an oracle and of a source.
pub type Outcome<T, O, D> = Result<T, TrainingError<<O as Oracle>::Error, <D as MinibatchSource>::Error>>;

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
        let running = NormStatistics::initial(oracle.norm_layers().clone());
        Ok(Self {
            oracle,
            source,
            estimator: Box::new(estimator),
            rule: Box::new(SgdMomentum::default()),
            schedule: StepDecay::constant(0.1),
            locking: Locking::default(),
            evaluate: serial,
            window: 1,
            x,
            tracks: vec![NormTrack { policy: NormPolicy::Reset, running: running.clone() }],
            frozen: running,
            counts: EvaluationCounts::default(),
            step: 0,
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
    pub fn with_schedule(mut self, schedule: StepDecay) -> Self {
        self.schedule = schedule;
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
        O: Sync,
        D: Sync,
        D::Error: Send,
    {
        self.evaluate = parallel;
        self.window = 2 * rayon::current_num_threads();
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
        loop {
            match self.estimator.ask(&self.x)? {
                Ask::Move(to) => self.x.clone_from(to),
                Ask::Step(_) => return Ok(()),
                Ask::Evaluate(requests) => {
                    if requests.iter().any(|request| request.purpose == Purpose::Inner) {
                        return Ok(());
                    }
                    self.answer(&requests)?;
                }
            }
        }
    }

    /// One step of the update rule.
    ///
    /// # Errors
    /// When a gradient or a minibatch fails, or the loss is not finite.
    pub fn step(&mut self) -> Outcome<Progress, O, D> {
        let mut progress = Progress { loss: f64::NAN, accuracy: None, learning_rate: self.schedule.at(self.step) };
        loop {
            match self.estimator.ask(&self.x)? {
                Ask::Move(to) => self.x.clone_from(to),
                Ask::Evaluate(requests) => {
                    if let Some((loss, accuracy)) = self.answer(&requests)? {
                        progress.loss = loss;
                        progress.accuracy = accuracy;
                    }
                }
                Ask::Step(direction) => {
                    self.rule.update(self.oracle.space(), progress.learning_rate, direction, &mut self.x);
                    break;
                }
            }
        }
        if !progress.loss.is_finite() {
            return Err(TrainingError::Diverged { step: self.step, loss: progress.loss });
        }
        self.estimator.advance(&self.x);
        self.step += 1;
        Ok(progress)
    }

    /// Steps that make an epoch: m, unless the estimator leaves minibatches out.
    pub fn steps_per_epoch(&self) -> usize {
        self.estimator.steps_per_epoch() as usize
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

    /// A full pass over the current generation's minibatches at the iterate: the variance of the
    /// step's direction against that of the plain gradient.
    ///
    /// At the end of a generation it still measures that one, with its snapshot; call
    /// [`prepare`](Self::prepare) first to begin the next. Before a method has taken a snapshot its
    /// direction is the plain gradient.
    ///
    /// Locked, it sees the very minibatches of the steps; unlocked, it draws its own. It changes
    /// nothing but the count of diagnostic evaluations.
    ///
    /// # Errors
    /// When a gradient or a minibatch fails.
    pub fn variance(&mut self) -> Outcome<VarianceReport, O, D> {
        let control = self.estimator.control();
        let m = self.source.minibatches() as u32;
        let generation = self.estimator.generation();
        let space = self.oracle.space();
        let mut moments = VarianceAccumulator::new(space);
        let mut estimate = FlatVector::zeros(space.len());
        let mut row = FlatVector::zeros(space.len());
        let indices: Vec<u32> = (0..m).collect();
        for window in indices.chunks(self.window) {
            let mut jobs = Vec::new();
            for &index in window {
                let request = Request {
                    point: Point::Current,
                    generation,
                    index,
                    visit: self.diagnostic_passes,
                    purpose: Purpose::Diagnostic,
                    norm: NormRule::Batch,
                };
                let key = key(self.locking, &request);
                jobs.push(Job { key, x: &self.x, norm: Normalization::Batch });
                if let Some(Reference::Evaluate(snapshot, rule)) = control.as_ref().map(|c| c.reference) {
                    jobs.push(Job { key, x: snapshot, norm: normalization(rule, &self.tracks, &self.frozen) });
                }
            }
            let mut answers = (self.evaluate)(&self.oracle, &self.source, &jobs)?.into_iter();
            for &index in window {
                let Some((evaluation, gradient)) = answers.next() else { break };
                self.counts.record(Purpose::Diagnostic, evaluation.samples);
                let Some(control) = &control else {
                    moments.observe(&gradient, &gradient, None);
                    continue;
                };
                let recomputed;
                let reference = match control.reference {
                    Reference::Table(table) => table.row(index as usize, &mut row).map_err(EstimatorError::from)?,
                    Reference::Evaluate(..) => {
                        let Some((evaluation, gradient)) = answers.next() else { break };
                        self.counts.record(Purpose::Diagnostic, evaluation.samples);
                        recomputed = gradient;
                        &recomputed[..]
                    }
                };
                control.coefficient.combine(space, &gradient, reference, control.mean, &mut estimate);
                moments.observe(&gradient, &estimate, Some(reference));
            }
        }
        self.diagnostic_passes += 1;
        Ok(moments.report())
    }

    /// [`variance`](Self::variance) in the form of the paper's release for mega-batches: the second
    /// moments about the full gradient G over the minibatches that μ is the mean of, and no others.
    ///
    /// # Errors
    /// When a gradient or a minibatch fails.
    pub fn variance_within(&mut self) -> Outcome<VarianceReport, O, D> {
        todo!()
    }

    /// Where the iterate stands to the snapshot; `None` before there is one. Like
    /// [`variance`](Self::variance) it changes nothing but the count of diagnostic evaluations.
    ///
    /// # Errors
    /// When a gradient or a minibatch fails.
    pub fn geometry(&mut self) -> Outcome<Option<Geometry>, O, D> {
        todo!()
    }

    /// The direction of the last step; `None` before the first.
    pub fn direction(&self) -> Option<&FlatVector<O::Scalar>> {
        todo!()
    }

    /// [`step`](Self::step) that may be left between the windows of a snapshot pass: `None` when `stop`
    /// said so. The next call goes on from there, and so does a run restored from a state saved there.
    ///
    /// # Errors
    /// As [`step`](Self::step).
    pub fn step_until(&mut self, stop: impl FnMut() -> bool) -> Outcome<Option<Progress>, O, D> {
        let _ = stop;
        todo!()
    }

    /// Everything that influences the coming steps, but for what the configuration says.
    ///
    /// # Errors
    /// When a table that must be written cannot be read.
    pub fn save(&self) -> Result<State, EstimatorError> {
        todo!()
    }

    /// Goes on from a saved state of a run of the same configuration. After an error the run is
    /// neither the old one nor the saved one and only good to be dropped.
    ///
    /// # Errors
    /// When the state is of another method, model or shape; the error names the value at fault.
    pub fn restore(&mut self, state: &State) -> Result<(), EstimatorError> {
        let _ = state;
        todo!()
    }

    /// Answers requests window by window; returns loss and accuracy of the step's own minibatch.
    fn answer(&mut self, requests: &[Request]) -> Outcome<Option<(f64, Option<f64>)>, O, D> {
        let begins = requests.iter().any(|r| r.purpose == Purpose::Snapshot && r.index == 0);
        if let (true, Some(track)) = (begins, self.tracks.first()) {
            self.frozen.clone_from(&track.running);
        }
        let mut own = None;
        let mut windows = requests.chunks(self.window.max(2)).peekable();
        while let Some(window) = windows.next() {
            if let Some(next) = windows.peek() {
                let upcoming: Vec<MinibatchKey> = next.iter().map(|r| key(self.locking, r)).collect();
                self.source.prefetch(&upcoming);
            }
            let jobs: Vec<Job<'_, O::Scalar>> = window
                .iter()
                .map(|request| Job {
                    key: key(self.locking, request),
                    x: match (request.point, self.estimator.snapshot()) {
                        (Point::Snapshot, Some(snapshot)) => snapshot,
                        _ => &self.x,
                    },
                    norm: normalization(request.norm, &self.tracks, &self.frozen),
                })
                .collect();
            let answers = (self.evaluate)(&self.oracle, &self.source, &jobs)?;
            for (request, (evaluation, gradient)) in window.iter().zip(answers) {
                self.counts.record(request.purpose, evaluation.samples);
                if let Some(statistics) = &evaluation.statistics {
                    for track in &mut self.tracks {
                        track.observe(request, statistics);
                    }
                }
                if request.purpose == Purpose::Inner && request.point == Point::Current {
                    let samples = evaluation.samples.max(1) as f64;
                    own = Some((evaluation.loss, evaluation.correct.map(|correct| correct as f64 / samples)));
                }
                self.estimator.tell(request, &gradient)?;
            }
        }
        Ok(own)
    }
}

/// The key of a request's minibatch: locked passes share their transforms, unlocked ones have a
/// stream for each purpose.
fn key(locking: Locking, request: &Request) -> MinibatchKey {
    let generation = request.generation;
    let transform = match locking {
        Locking::Locked => TransformKey { stream: Stream::LockedTransform, generation, visit: 0 },
        Locking::Unlocked => {
            let stream = match request.purpose {
                Purpose::Inner => Stream::InnerTransform,
                Purpose::Snapshot => Stream::SnapshotTransform,
                Purpose::MegaBatch => Stream::MegaBatchTransform,
                Purpose::Diagnostic => Stream::DiagnosticTransform,
                // TODO(C1): as the evaluation that it repeats
                Purpose::Restore => Stream::SnapshotTransform,
            };
            TransformKey { stream, generation, visit: request.visit }
        }
    };
    MinibatchKey { generation, index: request.index, transform }
}

fn normalization<'a, S: vr_core::Scalar>(
    rule: NormRule,
    tracks: &'a [NormTrack<S>],
    frozen: &'a NormStatistics<S>,
) -> Normalization<'a, S> {
    match rule {
        NormRule::Batch => Normalization::Batch,
        NormRule::Frozen => Normalization::Stored(frozen),
        NormRule::Current => Normalization::Stored(tracks.first().map_or(frozen, |track| &track.running)),
    }
}
