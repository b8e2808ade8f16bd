//! Self-tuning SVRG: a control variate that estimates how much of itself to use, and stays SGD where it does not pay.
//!
//! `v = g_b(x) − α·(g_b(x̃) − μ)`, with μ the mean of the minibatch gradients at the snapshot x̃ and α, of each tensor, estimated from
//! earlier steps alone ([`coefficient`]), so that v is as unbiased as g. The same numbers say what share of the variance is left. Times
//! the gradients that a step costs, 2 with stored and 3 with recomputed ones, it says whether that pays ([`switch`]). Where it does not, steps are those
//! of SGD to the bit, without snapshot or second gradient, and now and then a trial: the gradients of a few minibatches of the coming plan,
//! with which these are compared when their steps come. `docs/estimators.md` has the law and what can be proved of it.

pub mod coefficient;
pub mod switch;

use std::sync::Arc;

use vr_core::{FlatVector, ParameterSpace, Purpose, Scalar, StateReader, StateWriter};

use crate::control_variate::{ControlVariate, Wanted};
use crate::estimator::{Anchor, Ask, Estimate, Estimator, EstimatorError, NormRule, Point, Probe, Request};
use crate::estimators::svrg::SnapshotGradients;
use crate::estimators::{Method, Vectors};
use crate::fault::{Fault, within};
use crate::table::{GradientTable, TableStorage};
use coefficient::{CoefficientRule, Tuned};
use switch::{ByCost, Phase, Switch, SwitchRule};

/// Fewer minibatches say too little of a variance.
const LEAST_TRIAL: u32 = 8;

/// Options of [`SelfTuning`]. A coefficient that is fixed leaves the switch, a switch that is never thrown the coefficient.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct SelfTuningConfig {
    /// α.
    pub coefficient: CoefficientRule,
    /// When variance is reduced.
    pub switch: SwitchRule,
    /// Stored or recomputed gradients, at snapshots and in trials.
    pub gradients: SnapshotGradients,
    /// Minibatches of a snapshot, with a step on each of them after it: a mega-batch, as in SCSG. `None` is the whole batch plan.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mega_batch: Option<u32>,
    /// Where stored gradients are kept.
    pub storage: TableStorage,
}

impl SelfTuningConfig {
    /// Gradients that a step costs, the snapshot's share included.
    fn cost(&self) -> u32 {
        match self.gradients {
            SnapshotGradients::Stored => 2,
            SnapshotGradients::Recomputed => 3,
        }
    }

    /// Minibatches of a snapshot where a plan has so many.
    fn size(&self, minibatches: u32) -> u32 {
        self.mega_batch.map_or(minibatches, |size| size.clamp(1, minibatches.max(1)))
    }

    /// Which minibatches of a plan a trial looks at, and every how many of them: as many as a trial in every plan would cost
    /// what trials may.
    fn trial(&self, minibatches: u32) -> (u32, u32) {
        let SwitchRule::ByCost(ByCost { share, trial, .. }) = self.switch else { return (0, minibatches.max(1)) };
        let paid = (share * f64::from(minibatches) / f64::from(self.cost() - 1)) as u32;
        let stride = minibatches.div_ceil(trial.unwrap_or(paid.max(LEAST_TRIAL))).max(1);
        (stride / 2, stride)
    }

    /// Minibatches of a trial.
    fn tried(&self, minibatches: u32) -> u32 {
        let (first, stride) = self.trial(minibatches);
        minibatches.saturating_sub(first).div_ceil(stride)
    }

    /// The most rows that a table has.
    fn rows(&self, minibatches: u32) -> u32 {
        self.size(minibatches).max(self.tried(minibatches))
    }
}

impl<S: Scalar> Method<S> for SelfTuningConfig {
    fn build(&self) -> Box<dyn Estimator<S>> {
        Box::new(SelfTuning::new(self.clone()))
    }

    fn check(&self) -> Result<(), Fault> {
        self.coefficient.check().map_err(|fault| fault.within("coefficient"))?;
        self.switch.check().map_err(|fault| fault.within("switch"))?;
        within("mega-batch", self.mega_batch.unwrap_or(1), 1..)
    }

    fn vectors(&self) -> Vectors {
        Vectors { numbers: ControlVariate::<S>::VECTORS, sums: 1 }
    }

    fn table(&mut self, minibatches: usize) -> Option<(&mut TableStorage, usize)> {
        let rows = self.rows(u32::try_from(minibatches).unwrap_or(u32::MAX)) as usize;
        (self.gradients == SnapshotGradients::Stored).then_some((&mut self.storage, rows))
    }

    fn takes_snapshots(&self) -> bool {
        true
    }
}

/// Self-tuning SVRG. It has SGD's batch plans, one an epoch, and what it does changes between them; with α = 1 and without the switch it is
/// SVRG, or SCSG as released, to the bit.
///
/// Memory is 2P numbers, and the snapshot's rows where they are stored.
#[derive(Debug)]
pub struct SelfTuning<S> {
    config: SelfTuningConfig,
    minibatches: u32,
    step: u64,
    /// The step before which the last snapshot was taken.
    taken: u64,
    /// Gradients asked for in all, and those that trials cost.
    gradients: u64,
    trials: u64,
    switch: Switch,
    variate: ControlVariate<S, Tuned<S>>,
}

impl<S: Scalar> SelfTuning<S> {
    /// The estimator before its first step.
    pub fn new(config: SelfTuningConfig) -> Self {
        let variate = ControlVariate::new(Tuned::new(config.coefficient));
        let switch = Switch::new(config.switch);
        Self { config, minibatches: 0, step: 0, taken: 0, gradients: 0, trials: 0, switch, variate }
    }

    /// The plan of step `step`, and its minibatch there.
    fn place(&self, step: u64) -> (u32, u32) {
        let m = u64::from(self.minibatches.max(1));
        ((step / m) as u32, (step % m) as u32)
    }

    /// Whether the steps of the current plan are of reduced variance.
    fn reduces(&self) -> bool {
        self.switch.phase() == Phase::Reducing
    }

    /// Gradients of trials so far, as a share of all.
    pub fn trial_share(&self) -> f64 {
        self.trials as f64 / self.gradients.max(1) as f64
    }

    /// Ends a plan: decides what is done in the next.
    fn turn(&mut self) {
        let ratio = self.variate.combination_mut().take_distances().ratio();
        let pays = ratio.is_some_and(|ratio| f64::from(self.config.cost()) * ratio < 1.0);
        let before = self.switch.phase();
        self.switch.turn(pays, self.affords());
        if (before == Phase::Reducing) != self.reduces() {
            tracing::info!(
                step = self.step,
                ratio,
                reduces = self.reduces(),
                "the self-tuning control variate switches"
            );
        }
    }

    /// Whether a trial now leaves trials within their share of all gradients.
    fn affords(&self) -> bool {
        let SwitchRule::ByCost(ByCost { share, .. }) = self.config.switch else { return false };
        let cost = u64::from(self.config.cost() - 1) * u64::from(self.config.tried(self.minibatches));
        (self.trials + cost) as f64 <= share * (self.gradients + cost) as f64
    }

    fn open(&mut self, x: &FlatVector<S>) {
        let (m, index) = (self.minibatches, self.place(self.step).1);
        if index == 0 && self.step > 0 {
            self.turn();
        }
        match self.switch.phase() {
            Phase::Plain if index == 0 => self.variate.drop_snapshot(),
            Phase::Plain => {}
            Phase::Trial if index == 0 => {
                let (first, stride) = self.config.trial(m);
                self.variate.combination_mut().snapshot(true);
                self.variate.take_every(stride, x, first..m);
            }
            Phase::Trial => {}
            Phase::Reducing => {
                let size = self.config.size(m);
                if index.is_multiple_of(size) {
                    self.taken = self.step;
                    self.variate.combination_mut().snapshot(false);
                    self.variate.take(x, index..index.saturating_add(size).min(m));
                }
            }
        }
        if self.variate.covers(index) { self.variate.open() } else { self.variate.open_plain() }
    }

    /// How what is wanted is requested.
    fn requests(&self) -> impl Fn(Wanted) -> Request + use<S> {
        let (generation, own) = (self.generation(), self.place(self.step).1);
        let whole = self.reduces() && self.config.mega_batch.is_none();
        let pass = if whole { Purpose::Snapshot } else { Purpose::MegaBatch };
        move |wanted| wanted.request(pass, generation, own)
    }
}

impl<S: Scalar> Estimator<S> for SelfTuning<S> {
    fn name(&self) -> &'static str {
        "self-tuning"
    }

    fn begin(&mut self, space: &Arc<ParameterSpace>, minibatches: u32) -> Result<(), EstimatorError> {
        Method::<S>::check(&self.config).map_err(|fault| EstimatorError::Config { method: "self-tuning", fault })?;
        let table = match self.config.gradients {
            SnapshotGradients::Stored => {
                Some(GradientTable::new(&self.config.storage, self.config.rows(minibatches) as usize, space.len())?)
            }
            SnapshotGradients::Recomputed => None,
        };
        self.minibatches = minibatches;
        self.variate.begin(space, table);
        self.variate.combination_mut().begin(space);
        Ok(())
    }

    fn ask(&mut self, x: &FlatVector<S>) -> Result<Ask<'_, S>, EstimatorError> {
        if self.variate.is_between() {
            self.open(x);
        }
        let requests = self.requests();
        Ok(self.variate.ask(requests))
    }

    fn tell(&mut self, request: &Request, gradient: &FlatVector<S>) -> Result<(), EstimatorError> {
        if request.purpose != Purpose::Restore {
            self.gradients += 1;
            let tries = self.switch.phase() == Phase::Trial && request.point == Point::Snapshot;
            self.trials += u64::from(tries);
        }
        self.variate.tell(request, gradient)
    }

    fn advance(&mut self, _x: &FlatVector<S>) {
        self.step += 1;
        self.variate.close();
    }

    fn save(&self, out: &mut StateWriter<'_>) -> Result<(), EstimatorError> {
        let numbers =
            [("step", self.step), ("taken", self.taken), ("gradients", self.gradients), ("trials", self.trials)];
        numbers.into_iter().for_each(|(name, number)| out.integer(name, number));
        self.switch.save(&mut out.part("switch"));
        self.variate.save(out, false)
    }

    fn restore(&mut self, from: &StateReader<'_>) -> Result<(), EstimatorError> {
        self.step = from.integer("step")?;
        self.taken = from.integer("taken")?;
        self.gradients = from.integer("gradients")?;
        self.trials = from.index("trials", self.gradients)?;
        self.switch.restore(&from.part("switch"))?;
        let rows = self.config.rows(self.minibatches);
        self.variate.restore(from, false, self.minibatches, rows)
    }

    fn missing(&self) -> Vec<Request> {
        self.variate.missing(self.requests())
    }

    /// That of the last step until the next is asked for, so that its end can still be measured.
    fn generation(&self) -> u32 {
        self.place(if self.variate.is_between() { self.step.saturating_sub(1) } else { self.step }).0
    }

    fn direction_on(
        &self,
        index: u32,
        gradient: &FlatVector<S>,
        probed: &[&FlatVector<S>],
    ) -> Result<Estimate<S>, EstimatorError> {
        if self.reduces() {
            return self.variate.direction_on(index, gradient, probed);
        }
        Ok(Estimate { direction: gradient.clone(), reference: None })
    }

    fn point(&self, point: Point) -> Option<&FlatVector<S>> {
        self.variate.snapshot().filter(|_| point == Point::Snapshot)
    }

    fn probes(&self, index: u32) -> Vec<Probe> {
        if self.reduces() { self.variate.probes(index, NormRule::Batch) } else { Vec::new() }
    }

    fn anchor(&self) -> Option<Anchor<'_, S>> {
        self.variate.anchor().filter(|_| self.reduces())
    }

    fn since_snapshot(&self) -> Option<u64> {
        (self.reduces() && self.variate.snapshot().is_some()).then(|| self.step.saturating_sub(self.taken))
    }
}
