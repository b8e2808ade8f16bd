//! Streaming methods, whose snapshot gradient is the mean over a mega-batch: streaming SVRG and SCSG.

use std::ops::Bound;
use std::sync::Arc;

use vr_core::random::uniform;
use vr_core::{Coefficient, FlatVector, Key, ParameterSpace, Purpose, Scalar, StateReader, StateWriter, Stream};

use crate::control_variate::{ControlVariate, Wanted};
use crate::estimator::{Anchor, Ask, Estimate, Estimator, EstimatorError, NormRule, Point, Probe, Request};
use crate::estimators::svrg::SnapshotGradients;
use crate::estimators::{Method, Vectors};
use crate::fault::{Fault, within};
use crate::table::{GradientTable, TableStorage};

/// Above this, drawing a geometric number of steps, which counts them one by one, would take longer than
/// taking them.
const MOST_INNER_STEPS: f64 = 1e6;

/// How many minibatches make a mega-batch; never more than an epoch's.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum MegaBatchSize {
    /// Always as many.
    Constant(u32),
    /// The k-th mega-batch (from 0) has `min(first·factor^k, most)`, rounded down.
    #[serde(rename_all = "kebab-case")]
    Growing {
        /// The first one's.
        first: u32,
        /// Above 1.
        factor: f64,
        /// Where growth ends.
        most: u32,
    },
}

/// How many steps follow a mega-batch.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum InnerSteps {
    /// As many as it has minibatches.
    Matching,
    /// Always as many.
    Fixed(u32),
    /// N with `P(N = k) = (1 − γ)·γ^k` for k = 0, 1, … and `γ = mean/(1 + mean)`, as SCSG was
    /// published. A mega-batch that no step follows (N = 0, one in `1 + mean`) moves nothing: it is
    /// left out and costs nothing. So `1 + mean` steps in the mean follow the mega-batches that are
    /// taken, 11 where the published mean is 10, and SCSG as published, which evaluates the others
    /// too, costs that much more in mega-batches.
    Geometric {
        /// The mean of N, those of N = 0 included; from 1 to a million.
        mean: f64,
    },
}

/// Which minibatches the steps use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum InnerSamples {
    /// The mega-batch's own in their order, again from its first when they are used up.
    Same,
    /// The next ones of the plan; the following mega-batch takes those after them.
    Fresh,
}

/// Options of [`MegaBatch`].
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct MegaBatchConfig {
    /// Minibatches of a mega-batch.
    pub size: MegaBatchSize,
    /// Steps that follow it.
    pub inner: InnerSteps,
    /// Their minibatches.
    pub samples: InnerSamples,
    /// Stored (with [`InnerSamples::Same`] only) or recomputed gradients.
    pub gradients: SnapshotGradients,
    /// Where stored gradients are kept.
    pub storage: TableStorage,
    /// Governs the geometric numbers of steps.
    pub seed: u64,
}

impl MegaBatchConfig {
    /// SCSG as the paper's authors released it: mega-batches of ten minibatches, stored, then one
    /// step on each of those in order.
    pub fn scsg_released() -> Self {
        Self {
            size: MegaBatchSize::Constant(10),
            inner: InnerSteps::Matching,
            samples: InnerSamples::Same,
            gradients: SnapshotGradients::Stored,
            storage: TableStorage::default(),
            seed: 0,
        }
    }

    /// SCSG as published (Lei, Ju, Chen & Jordan, NIPS 2017) with mega-batches of ten minibatches: a
    /// geometric number of steps, ten in the mean, on fresh minibatches. Mega-batches without a step
    /// are [left out](InnerSteps::Geometric), so that eleven in the mean follow one that is taken.
    pub fn scsg_published(seed: u64) -> Self {
        Self { inner: InnerSteps::Geometric { mean: 10.0 }, seed, ..Self::streaming(MegaBatchSize::Constant(10)) }
    }

    /// Streaming SVRG (Frostig, Ge, Kakade & Sidford, COLT 2015): as many steps as the mega-batch has
    /// minibatches, on fresh ones.
    pub fn streaming(size: MegaBatchSize) -> Self {
        Self { size, samples: InnerSamples::Fresh, gradients: SnapshotGradients::Recomputed, ..Self::scsg_released() }
    }
}

impl<S: Scalar> Method<S> for MegaBatchConfig {
    fn build(&self) -> Box<dyn Estimator<S>> {
        Box::new(MegaBatch::new(self.clone()))
    }

    fn check(&self) -> Result<(), Fault> {
        match self.size {
            MegaBatchSize::Constant(size) => within("size.constant", size, 1..)?,
            MegaBatchSize::Growing { first, factor, most } => {
                within("size.growing.first", first, 1..)?;
                let above_one = (Bound::Excluded(1.0), Bound::Excluded(f64::INFINITY));
                within("size.growing.factor", factor, above_one)?;
                within("size.growing.most", most, first..)?;
            }
        }
        match self.inner {
            InnerSteps::Matching => {}
            InnerSteps::Fixed(steps) => within("inner.fixed", steps, 1..)?,
            InnerSteps::Geometric { mean } => within("inner.geometric.mean", mean, 1.0..=MOST_INNER_STEPS)?,
        }
        if self.samples == InnerSamples::Fresh && self.gradients == SnapshotGradients::Stored {
            let reason = "is `stored`, which serves a mega-batch's own samples only, but `samples` is `fresh`";
            return Err(Fault::new("gradients", reason).with_nearest("recomputed"));
        }
        Ok(())
    }

    fn vectors(&self) -> Vectors {
        Vectors { numbers: ControlVariate::<S>::VECTORS, sums: 1 }
    }

    fn table(&mut self, minibatches: usize) -> Option<(&mut TableStorage, usize)> {
        let rows = self.size.most(u32::try_from(minibatches).unwrap_or(u32::MAX)) as usize;
        (self.gradients == SnapshotGradients::Stored).then_some((&mut self.storage, rows))
    }

    fn takes_snapshots(&self) -> bool {
        true
    }
}

impl Default for MegaBatchConfig {
    /// [`MegaBatchConfig::scsg_released`].
    fn default() -> Self {
        Self::scsg_released()
    }
}

impl MegaBatchSize {
    /// Minibatches of mega-batch `k` (from 0) where an epoch has `epoch`.
    fn at(self, k: u64, epoch: u32) -> u32 {
        let size = match self {
            Self::Constant(size) => size,
            Self::Growing { first, factor, most } => {
                let mut size = f64::from(first);
                // Not `powi`, whose last bit may differ between machines.
                for _ in 0..k {
                    if size >= f64::from(most) {
                        break;
                    }
                    size *= factor;
                }
                (size as u32).min(most)
            }
        };
        size.min(epoch)
    }

    /// Minibatches of the largest mega-batch where an epoch has `epoch`.
    fn most(self, epoch: u32) -> u32 {
        match self {
            Self::Constant(size) | Self::Growing { most: size, .. } => size.min(epoch),
        }
    }
}

impl InnerSteps {
    /// Steps after mega-batch `k` (from 0) of `size` minibatches.
    fn at(self, k: u64, size: u32, seed: u64) -> u64 {
        match self {
            Self::Matching => size.into(),
            Self::Fixed(steps) => steps.into(),
            Self::Geometric { mean } => {
                let word = Key::new(seed, Stream::InnerCount).words(k as u32, (k >> 32) as u32)[0];
                let (ratio, mut steps) = (mean / (1.0 + mean), 0);
                // P(N ≥ k) = γ^k; products rather than a logarithm, for the same bits everywhere.
                let mut exceeds = ratio;
                while uniform(word) < exceeds {
                    steps += 1;
                    exceeds *= ratio;
                }
                steps
            }
        }
    }
}

/// `v = (g_b(x) − g_b(x̃)) + μ̂` with μ̂ the mean gradient of a mega-batch at the snapshot x̃, the
/// iterate when the mega-batch was taken.
///
/// Mega-batches, and fresh minibatches, take the batch plan's minibatches one after another. A
/// mega-batch lies in one plan: where the rest of it is too short it is left out and the next plan
/// begins. Given the mega-batch, the mean of v over all minibatches is `G(x) − G(x̃) + μ̂`: biased by
/// the error of μ̂, which has mean zero over mega-batches. Memory is 2P numbers and the mega-batch's
/// rows where they are stored; a step costs 1 evaluation with stored and 2 with recomputed gradients,
/// a mega-batch as many as it has minibatches.
#[derive(Debug)]
pub struct MegaBatch<S> {
    config: MegaBatchConfig,
    epoch: u32,
    /// Mega-batches begun, those that no step followed included.
    begun: u64,
    /// Steps that follow the last one, and those of them that were taken.
    steps: u64,
    taken: u64,
    /// Generation of the last one's plan.
    generation: u32,
    /// Minibatches used up, all plans in a row.
    position: u64,
    variate: ControlVariate<S>,
}

impl<S: Scalar> MegaBatch<S> {
    /// The estimator before its first step.
    pub fn new(config: MegaBatchConfig) -> Self {
        let variate = ControlVariate::new(Coefficient::one());
        Self { config, epoch: 0, begun: 0, steps: 0, taken: 0, generation: 0, position: 0, variate }
    }

    /// Minibatches of the largest mega-batch.
    fn most(&self) -> u32 {
        self.config.size.most(self.epoch)
    }

    /// Generation and index of the next minibatch.
    fn next(&self) -> (u32, u32) {
        let epoch = u64::from(self.epoch);
        ((self.position / epoch) as u32, (self.position % epoch) as u32)
    }

    fn take(&mut self, x: &FlatVector<S>) {
        let mut size;
        loop {
            size = self.config.size.at(self.begun, self.epoch);
            self.steps = self.config.inner.at(self.begun, size, self.config.seed);
            self.begun += 1;
            if self.steps > 0 {
                break;
            }
        }
        let rest = self.epoch - self.next().1;
        if rest < size {
            self.position += u64::from(rest);
        }
        let (generation, first) = self.next();
        self.generation = generation;
        self.variate.take(x, first..first + size);
        self.position += u64::from(size);
        self.taken = 0;
    }

    /// How what is wanted is requested.
    fn requests(&self) -> impl Fn(Wanted) -> Request + use<S> {
        let generation = self.generation;
        let ((own_generation, own), visit) = match self.config.samples {
            InnerSamples::Fresh => (self.next(), 0),
            InnerSamples::Same => {
                let size = self.variate.minibatches().len() as u64;
                let place = self.taken.checked_rem(size).unwrap_or(0) as u32;
                let visit = self.taken.checked_div(size).unwrap_or(0) as u32;
                ((generation, self.variate.minibatches().start + place), visit)
            }
        };
        move |wanted| match wanted {
            Wanted::Pass(_) | Wanted::Again(_) => wanted.request(Purpose::MegaBatch, generation, own),
            _ => Request { visit, ..wanted.request(Purpose::MegaBatch, own_generation, own) },
        }
    }
}

impl<S: Scalar> Estimator<S> for MegaBatch<S> {
    fn name(&self) -> &'static str {
        match (self.config.samples, self.config.inner) {
            (InnerSamples::Same, _) => "scsg",
            (InnerSamples::Fresh, InnerSteps::Geometric { .. }) => "scsg-published",
            (InnerSamples::Fresh, _) => "streaming-svrg",
        }
    }

    fn begin(&mut self, space: &Arc<ParameterSpace>, minibatches: u32) -> Result<(), EstimatorError> {
        let checked = Method::<S>::check(&self.config);
        checked.map_err(|fault| EstimatorError::Config { method: self.name(), fault })?;
        self.epoch = minibatches;
        let table = match self.config.gradients {
            SnapshotGradients::Stored => {
                Some(GradientTable::new(&self.config.storage, self.most() as usize, space.len())?)
            }
            SnapshotGradients::Recomputed => None,
        };
        self.variate.begin(space, table);
        Ok(())
    }

    fn ask(&mut self, x: &FlatVector<S>) -> Result<Ask<'_, S>, EstimatorError> {
        if self.variate.is_between() {
            if self.taken >= self.steps {
                self.take(x);
            }
            self.variate.open();
        }
        let requests = self.requests();
        Ok(self.variate.ask(requests))
    }

    fn tell(&mut self, request: &Request, gradient: &FlatVector<S>) -> Result<(), EstimatorError> {
        self.variate.tell(request, gradient)
    }

    fn advance(&mut self, _x: &FlatVector<S>) {
        self.taken += 1;
        if self.config.samples == InnerSamples::Fresh {
            self.position += 1;
        }
        self.variate.close();
    }

    fn save(&self, out: &mut StateWriter<'_>) -> Result<(), EstimatorError> {
        out.integer("begun", self.begun);
        out.integer("steps", self.steps);
        out.integer("taken", self.taken);
        out.integer("generation", self.generation.into());
        out.integer("position", self.position);
        self.variate.save(out, false)
    }

    fn restore(&mut self, from: &StateReader<'_>) -> Result<(), EstimatorError> {
        self.begun = from.integer("begun")?;
        self.steps = from.integer("steps")?;
        self.taken = from.integer("taken")?;
        self.generation = from.index("generation", u32::MAX.into())? as u32;
        self.position = from.integer("position")?;
        self.variate.restore(from, false, self.epoch, self.most())
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

    /// m; with mega-batches of constant size and a step on each of their minibatches, those of the
    /// whole mega-batches.
    fn steps_per_epoch(&self, minibatches: u32) -> u32 {
        match (self.config.size, self.config.inner, self.config.samples) {
            (MegaBatchSize::Constant(_), InnerSteps::Matching, InnerSamples::Same) => {
                minibatches - minibatches % self.config.size.most(minibatches)
            }
            _ => minibatches,
        }
    }

    fn point(&self, point: Point) -> Option<&FlatVector<S>> {
        self.variate.snapshot().filter(|_| point == Point::Snapshot)
    }

    fn probes(&self, index: u32) -> Vec<Probe> {
        self.variate.probes(index, NormRule::Batch)
    }

    fn anchor(&self) -> Option<Anchor<'_, S>> {
        self.variate.anchor()
    }

    fn since_snapshot(&self) -> Option<u64> {
        self.variate.snapshot().map(|_| self.taken)
    }
}
