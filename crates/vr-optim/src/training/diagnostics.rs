//! Measurements of a run that leave its course alone.

use vr_core::counts::Count;
use vr_core::vector::distance;
use vr_core::{FlatVector, Mean, MinibatchSource, Oracle, Purpose, Scalar, VarianceAccumulator, VarianceReport};

use crate::estimator::{Estimator, EstimatorError, NormRule, Point, Probe, Request};
use crate::training::Training;
use crate::training::error::Outcome;
use crate::training::evaluate::{Answer, Job};

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

/// The evaluation that tells the plain gradient.
const HERE: Probe = Probe { point: Point::Current, norm: NormRule::Batch };
/// The evaluation that tells the gradient at the snapshot in train mode.
const THERE: Probe = Probe { point: Point::Snapshot, norm: NormRule::Batch };

/// Each of these changes nothing but the count of diagnostic evaluations. Locked, they see the very
/// minibatches of the steps; unlocked, they draw their own. At the end of a generation they still
/// measure that one; call [`prepare`](Training::prepare) first to begin the next.
impl<O, D> Training<O, D>
where
    O: Oracle,
    D: MinibatchSource<Batch = O::Batch>,
{
    /// A full pass over the generation's m minibatches at the iterate: the variance of the step's
    /// direction, as it would be on each of them, against that of the plain gradient.
    ///
    /// Before a method has taken a snapshot its direction is the plain gradient. After a mega-batch μ
    /// is not the mean over the m minibatches: then the bias is of its size.
    ///
    /// # Errors
    /// When a gradient or a minibatch fails.
    pub fn variance(&mut self) -> Outcome<VarianceReport, O, D> {
        self.refill()?;
        let mut moments = VarianceAccumulator::new(self.oracle.space());
        let count = self.sweep(
            |index| self.probes(index),
            |index, answers| observe(&*self.estimator, index, answers, &mut moments),
        )?;
        self.measured(count);
        Ok(moments.report())
    }

    /// [`variance`](Self::variance) in the form of the paper's release for mega-batches: the full
    /// gradient G is over all m minibatches, but the two second moments about it are means over the
    /// minibatches that μ is the mean of: `mean‖g_b − G‖²` and `mean‖g_b − g̃_b + μ − G‖²`.
    ///
    /// # Errors
    /// When a gradient or a minibatch fails.
    pub fn variance_within(&mut self) -> Outcome<VarianceReport, O, D> {
        self.refill()?;
        let anchor = self.estimator.anchor();
        let within = |index| anchor.as_ref().is_none_or(|anchor| anchor.minibatches.contains(&index));
        let space = self.oracle.space();
        let (mut moments, mut full) = (VarianceAccumulator::new(space), Mean::new(space.len()));
        let count = self.sweep(
            |index| if within(index) { self.probes(index) } else { vec![HERE] },
            |index, answers| {
                full.add(&answers[0].1);
                if within(index) { observe(&*self.estimator, index, answers, &mut moments) } else { Ok(()) }
            },
        )?;
        self.measured(count);
        Ok(moments.report_about(&mean(&full, self.x.len())))
    }

    /// Distance and curvature between iterate and snapshot; `None` before there is a snapshot.
    ///
    /// Both full gradients are over the generation's m minibatches. Where μ is the mean of all of
    /// them it is the one at the snapshot; unlocked, or with evaluation mode at the snapshot, their
    /// difference then holds more than the way from x̃ to x.
    ///
    /// # Errors
    /// When a gradient or a minibatch fails.
    pub fn geometry(&mut self) -> Outcome<Option<Geometry>, O, D> {
        let Some(anchor) = self.estimator.anchor() else { return Ok(None) };
        let whole = anchor.minibatches.len() == self.source.minibatches();
        let len = self.x.len();
        let (mut here, mut there) = (Mean::new(len), Mean::new(len));
        if whole {
            there.add(anchor.mean);
        }
        let count = self.sweep(
            |_| if whole { vec![HERE] } else { vec![HERE, THERE] },
            |_, answers| {
                here.add(&answers[0].1);
                if let Some((_, gradient)) = answers.get(1) {
                    there.add(gradient);
                }
                Ok(())
            },
        )?;
        let (way, gradients) = (distance(&self.x, anchor.snapshot), distance(&mean(&here, len), &mean(&there, len)));
        self.measured(count);
        let curvature = (way > 0.0).then(|| gradients / way);
        Ok(Some(Geometry { distance: way, gradient_distance: gradients, curvature }))
    }

    /// The full gradient at the iterate: the mean over the generation's m minibatches.
    ///
    /// # Errors
    /// When a gradient or a minibatch fails.
    pub fn full_gradient(&mut self) -> Outcome<FlatVector<O::Scalar>, O, D> {
        let (mut full, mut sum) = (FlatVector::zeros(self.x.len()), Mean::new(self.x.len()));
        let count = self.sweep(
            |_| vec![HERE],
            |_, answers| {
                sum.add(&answers[0].1);
                Ok(())
            },
        )?;
        self.measured(count);
        sum.write(&mut full);
        Ok(full)
    }

    /// Where minibatch `index` is evaluated to know the direction on it: at the iterate first.
    fn probes(&self, index: u32) -> Vec<Probe> {
        let mut probes = vec![HERE];
        probes.extend(self.estimator.probes(index));
        probes
    }

    /// Evaluates each minibatch of the generation as its `probes` say, window by window, and shows the
    /// answers in the order of the minibatches, a window's beside the evaluation of the next; returns
    /// what that cost.
    fn sweep(
        &self,
        probes: impl Fn(u32) -> Vec<Probe>,
        mut see: impl FnMut(u32, &[Answer<O::Scalar>]) -> Result<(), EstimatorError> + Send,
    ) -> Outcome<Count, O, D> {
        let indices: Vec<u32> = (0..self.source.minibatches() as u32).collect();
        let mut count = Count::default();
        let mut before: Vec<(u32, Vec<Answer<O::Scalar>>)> = Vec::new();
        let mut show = |window: &[(u32, Vec<_>)]| window.iter().try_for_each(|(index, answers)| see(*index, answers));
        for window in indices.chunks(self.window) {
            let mut jobs = Vec::new();
            let mut sizes = Vec::new();
            for &index in window {
                let request = Request {
                    point: Point::Current,
                    generation: self.estimator.generation(),
                    index,
                    visit: self.diagnostic_passes,
                    purpose: Purpose::Diagnostic,
                    norm: NormRule::Batch,
                };
                let key = self.locking.key(&request);
                let probes = probes(index);
                sizes.push(probes.len());
                for Probe { point, norm } in probes {
                    jobs.push(Job { key, x: self.at(point)?, norm: self.normalization(norm) });
                }
            }
            let mut shown = Ok(());
            let answers = (self.evaluate)(&self.oracle, &self.source, &jobs, &mut || shown = show(&before))?;
            shown?;
            for (evaluation, _) in &answers {
                count += Count { minibatches: 1, samples: evaluation.samples as u64 };
            }
            let mut answers = answers.into_iter();
            before = window.iter().zip(sizes).map(|(&i, size)| (i, answers.by_ref().take(size).collect())).collect();
        }
        show(&before)?;
        Ok(count)
    }

    fn measured(&mut self, count: Count) {
        self.counts.diagnostic += count;
        self.diagnostic_passes += 1;
    }

    /// Evaluates again what a restored run lacks.
    fn refill(&mut self) -> Outcome<(), O, D> {
        let missing = self.estimator.missing();
        self.pass(&missing, &mut || false)?;
        Ok(())
    }
}

/// Adds the direction on minibatch `index`, from its [probes](Training::probes).
fn observe<S: Scalar>(
    estimator: &dyn Estimator<S>,
    index: u32,
    answers: &[Answer<S>],
    moments: &mut VarianceAccumulator,
) -> Result<(), EstimatorError> {
    let gradients: Vec<&FlatVector<S>> = answers.iter().map(|(_, gradient)| gradient).collect();
    let estimate = estimator.direction_on(index, gradients[0], &gradients[1..])?;
    moments.observe(gradients[0], &estimate.direction, estimate.reference.as_deref());
    Ok(())
}

fn mean(sum: &Mean, len: usize) -> Vec<f64> {
    let mut mean = vec![0.0; len];
    sum.write(&mut mean);
    mean
}
