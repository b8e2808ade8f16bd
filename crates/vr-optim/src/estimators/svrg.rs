//! Stochastic variance-reduced gradient (Johnson & Zhang, NIPS 2013), with stored or recomputed
//! snapshot gradients, and α-SVRG (Yin et al., ICLR 2025), whose coefficient falls through the run.

use std::sync::Arc;

use vr_core::{Coefficient, FlatVector, ParameterSpace, Purpose, Scalar, StateReader, StateWriter};

use crate::control_variate::{ControlVariate, Wanted};
use crate::estimator::{Anchor, Ask, Estimate, Estimator, EstimatorError, NormRule, Point, Probe, Request};
use crate::estimators::{Method, Vectors};
use crate::fault::{Fault, within};
use crate::table::{GradientTable, TableStorage};

/// Where the snapshot is taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum SnapshotRule {
    /// At the last iterate.
    #[default]
    LastIterate,
    /// At an exponential moving average of the iterates, `a ← keep·a + (1 − keep)·x` after every
    /// step from the initial point on; the iterate is moved there, as in the paper's released code
    /// (keep = 0.9).
    MovingAverage {
        /// Weight of the old average, in [0, 1).
        keep: f64,
    },
}

/// Where the control variate's gradients come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SnapshotGradients {
    /// Kept in a table: m·P numbers, 2 gradient evaluations a step, the snapshot pass included.
    Stored,
    /// Evaluated again at every step: 2P numbers (x̃ and μ), 3 evaluations a step.
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
    /// Steps between snapshots; `None` is one epoch of m steps.
    ///
    /// Up to m, an epoch keeps one batch plan and visits each of its minibatches once, taking a
    /// snapshot before every `interval`-th step and before its first; the last interval is shorter
    /// where they do not divide m (`m.div_ceil(k)` makes k snapshots an epoch). Beyond m the plan
    /// lasts as long as the snapshot, and is gone through again.
    pub interval: Option<u64>,
    /// The step at which the method switches on; until then it is SGD.
    pub start: u64,
    /// α of the control variate.
    pub coefficient: Coefficient<S>,
    /// Steps over which α falls to 0 along a line, from snapshot to snapshot: α-SVRG (Yin et al., ICLR 2025), with the
    /// whole run's steps and a coefficient of ½ or ¾. `None` leaves it as it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decay: Option<u64>,
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
            decay: None,
            snapshot_norm: NormRule::Batch,
            storage: TableStorage::default(),
        }
    }
}

impl<S: Scalar> Method<S> for SvrgConfig<S> {
    fn build(&self) -> Box<dyn Estimator<S>> {
        Box::new(Svrg::new(self.clone()))
    }

    fn check(&self) -> Result<(), Fault> {
        if let SnapshotRule::MovingAverage { keep } = self.snapshot {
            within("snapshot.moving-average.keep", keep, 0.0..1.0)?;
        }
        within("interval", self.interval.unwrap_or(1), 1..)?;
        within("decay", self.decay.unwrap_or(1), 1..)?;
        let (key, alphas) = coefficients(&self.coefficient);
        match alphas.iter().map(|alpha| alpha.to_f64()).find(|alpha| !alpha.is_finite()) {
            Some(alpha) => Err(Fault::new(key, format!("is {alpha}; expected a finite number"))),
            None => Ok(()),
        }
    }

    fn check_space(&self, space: &ParameterSpace) -> Result<(), Fault> {
        if self.coefficient.fits(space) {
            return Ok(());
        }
        let (key, alphas) = coefficients(&self.coefficient);
        let (tensors, len) = (space.tensors().len(), space.len());
        Err(Fault::new(
            key,
            format!("has {} numbers; the network has {tensors} tensors of {len} numbers", alphas.len()),
        ))
    }

    fn vectors(&self) -> Vectors {
        let averages = matches!(self.snapshot, SnapshotRule::MovingAverage { .. });
        Vectors { numbers: ControlVariate::<S>::VECTORS + u64::from(averages), sums: 1 }
    }

    fn table(&mut self, minibatches: usize) -> Option<(&mut TableStorage, usize)> {
        (self.gradients == SnapshotGradients::Stored).then_some((&mut self.storage, minibatches))
    }

    fn takes_snapshots(&self) -> bool {
        true
    }
}

/// The key of a coefficient's numbers, and these.
fn coefficients<S>(coefficient: &Coefficient<S>) -> (String, &[S]) {
    let (form, alphas) = match coefficient {
        Coefficient::Scalar(alpha) => ("scalar", std::slice::from_ref(alpha)),
        Coefficient::PerTensor(alphas) => ("per-tensor", &**alphas),
        Coefficient::PerCoordinate(alphas) => ("per-coordinate", &**alphas),
    };
    (format!("coefficient.{form}"), alphas)
}

/// SVRG: `v = (g_b(x) − α·g_b(x̃)) + α·μ` with μ the mean of the m minibatch gradients at the
/// snapshot x̃ (every minibatch with the same weight, the short last one too).
///
/// The lock generation belongs to the snapshot: batch plan and locked transforms stay while it lives.
/// Several snapshots of one epoch share them ([`SvrgConfig::interval`]).
#[derive(Debug)]
pub struct Svrg<S> {
    config: SvrgConfig<S>,
    minibatches: u32,
    step: u64,
    /// Steps since the batch plan's first.
    since_plan: u64,
    generation: u32,
    /// Snapshot passes over this plan before the last one.
    pass: u32,
    average: Option<FlatVector<S>>,
    variate: ControlVariate<S>,
}

impl<S: Scalar> Svrg<S> {
    /// The estimator before its first step.
    pub fn new(config: SvrgConfig<S>) -> Self {
        let variate = ControlVariate::new(config.coefficient.clone());
        Self { config, minibatches: 0, step: 0, since_plan: 0, generation: 0, pass: 0, average: None, variate }
    }

    /// SVRG with recomputation from the last iterate: little memory, 3 evaluations a step.
    pub fn recomputed() -> Self {
        Self::new(SvrgConfig::default())
    }

    /// SVRG with stored gradients from the last iterate: m·P numbers, 2 evaluations a step.
    pub fn stored() -> Self {
        Self::new(SvrgConfig { gradients: SnapshotGradients::Stored, ..SvrgConfig::default() })
    }

    /// Puts the α of a snapshot taken at step `step` in force, where α changes.
    fn set_coefficient(&mut self, step: u64) {
        if let Some(length) = self.config.decay {
            let left = length.saturating_sub(step) as f64 / length as f64;
            *self.variate.combination_mut() = self.config.coefficient.scaled(left);
        }
    }

    fn interval(&self) -> u64 {
        self.config.interval.unwrap_or(self.minibatches.into())
    }

    /// Begins a step: with a new plan where the old one is used up, with a snapshot where one is due;
    /// says whether it took one. That is done with the next ask, not with the last step, so that
    /// the old generation can still be measured in between.
    fn open(&mut self, x: &FlatVector<S>) -> bool {
        self.variate.open();
        let epoch = u64::from(self.minibatches);
        let active = self.variate.snapshot().is_some();
        let lasts = if active { epoch.max(self.interval()) } else { epoch };
        if self.since_plan >= lasts || (self.step == self.config.start && self.step > 0) {
            self.generation += 1;
            self.since_plan = 0;
        }
        let due = self.step >= self.config.start && self.since_plan.is_multiple_of(self.interval());
        if due {
            self.pass = (self.since_plan / self.interval()) as u32;
            self.set_coefficient(self.step);
            self.variate.take(self.average.as_ref().unwrap_or(x), 0..self.minibatches);
        }
        due
    }

    /// How what is wanted is requested.
    fn requests(&self) -> impl Fn(Wanted) -> Request + use<S> {
        let (generation, pass, norm) = (self.generation, self.pass, self.config.snapshot_norm);
        let epoch = u64::from(self.minibatches);
        let (own, round) = ((self.since_plan % epoch) as u32, (self.since_plan / epoch) as u32);
        move |wanted| {
            let request = wanted.request(Purpose::Snapshot, generation, own);
            let visit = if matches!(wanted, Wanted::Pass(_) | Wanted::Again(_)) { pass } else { round };
            let norm = if request.point == Point::Snapshot { norm } else { NormRule::Batch };
            Request { visit, norm, ..request }
        }
    }

    /// Whether a table's rows must be saved: the statistics that they were computed with move on.
    fn keeps_rows(&self) -> bool {
        self.config.snapshot_norm == NormRule::Current
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
        let checked = self.config.check().and_then(|()| self.config.check_space(space));
        checked.map_err(|fault| EstimatorError::Config { method: self.name(), fault })?;
        let table = match self.config.gradients {
            SnapshotGradients::Stored => {
                Some(GradientTable::new(&self.config.storage, minibatches as usize, space.len())?)
            }
            SnapshotGradients::Recomputed => None,
        };
        self.minibatches = minibatches;
        self.variate.begin(space, table);
        Ok(())
    }

    fn ask(&mut self, x: &FlatVector<S>) -> Result<Ask<'_, S>, EstimatorError> {
        if self.average.is_none() && matches!(self.config.snapshot, SnapshotRule::MovingAverage { .. }) {
            self.average = Some(x.clone());
        }
        if self.variate.is_between() && self.open(x) && self.average.is_some() {
            return Ok(self.variate.snapshot().map_or(Ask::Snapshot, Ask::Move));
        }
        let requests = self.requests();
        Ok(self.variate.ask(requests))
    }

    fn tell(&mut self, request: &Request, gradient: &FlatVector<S>) -> Result<(), EstimatorError> {
        self.variate.tell(request, gradient)
    }

    fn advance(&mut self, x: &FlatVector<S>) {
        if let (SnapshotRule::MovingAverage { keep }, Some(average)) = (self.config.snapshot, &mut self.average) {
            average.average_in(keep, x);
        }
        self.step += 1;
        self.since_plan += 1;
        self.variate.close();
    }

    fn save(&self, out: &mut StateWriter<'_>) -> Result<(), EstimatorError> {
        out.integer("step", self.step);
        out.integer("since-plan", self.since_plan);
        out.integer("generation", self.generation.into());
        out.integer("pass", self.pass.into());
        out.flag("averages", self.average.is_some());
        if let Some(average) = &self.average {
            out.vector("average", average);
        }
        self.variate.save(out, self.keeps_rows())
    }

    fn restore(&mut self, from: &StateReader<'_>) -> Result<(), EstimatorError> {
        self.step = from.integer("step")?;
        self.since_plan = from.integer("since-plan")?;
        self.generation = from.index("generation", u32::MAX.into())? as u32;
        self.pass = from.index("pass", u32::MAX.into())? as u32;
        self.average = if from.flag("averages")? { Some(from.vector("average", self.variate.len())?) } else { None };
        // A snapshot covers the whole plan: row b of its table is minibatch b's.
        from.index("first", 0)?;
        self.variate.restore(from, self.keeps_rows(), self.minibatches, self.minibatches)?;
        self.set_coefficient(self.step.saturating_sub(self.since_snapshot().unwrap_or_default()));
        Ok(())
    }

    fn missing(&self) -> Vec<Request> {
        self.variate.missing(self.requests())
    }

    fn generation(&self) -> u32 {
        self.generation
    }

    fn direction_on(
        &self,
        index: u32,
        gradient: &FlatVector<S>,
        probed: &[&FlatVector<S>],
    ) -> Result<Estimate<S>, EstimatorError> {
        self.variate.direction_on(index, gradient, probed)
    }

    fn point(&self, point: Point) -> Option<&FlatVector<S>> {
        self.variate.snapshot().filter(|_| point == Point::Snapshot)
    }

    fn probes(&self, index: u32) -> Vec<Probe> {
        self.variate.probes(index, self.config.snapshot_norm)
    }

    fn anchor(&self) -> Option<Anchor<'_, S>> {
        self.variate.anchor()
    }

    fn since_snapshot(&self) -> Option<u64> {
        let before = u64::from(self.pass).saturating_mul(self.interval());
        self.variate.snapshot().map(|_| self.since_plan.saturating_sub(before))
    }

    /// Before it switches on, each epoch has a plan of its own. A moving average would have followed the iterates.
    fn follow_sgd(&mut self, steps: u64) -> bool {
        let epoch = u64::from(self.minibatches);
        let follows = self.config.snapshot == SnapshotRule::LastIterate
            && (1..=self.config.start).contains(&steps)
            && steps.is_multiple_of(epoch);
        if follows {
            (self.step, self.since_plan, self.generation) = (steps, epoch, (steps / epoch - 1) as u32);
        }
        follows
    }
}
