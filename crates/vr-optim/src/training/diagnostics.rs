//! Measurements of a run that leave its course alone.

use vr_core::counts::Count;
use vr_core::vector::{distance, norm};
use vr_core::{FlatVector, Mean, MinibatchSource, Oracle, Purpose, Scalar, VarianceAccumulator, VarianceReport};

use crate::estimator::{Anchor, Estimate, Estimator, EstimatorError, NormRule, Point, Probe, Request};
use crate::ranks::Answers;
use crate::training::Training;
use crate::training::error::Outcome;
use crate::training::evaluate::{Answer, Job};

/// What one pass over the generation's m minibatches tells at the iterate.
#[derive(Clone, Debug, PartialEq)]
pub struct Survey<S> {
    /// The variance of the step's direction, as it would be on each minibatch, against that of the plain gradient.
    ///
    /// Before a method has taken a snapshot its direction is the plain gradient. After a mega-batch μ
    /// is not the mean over the m minibatches: then the bias is of its size.
    pub variance: VarianceReport,
    /// The same in the form of the paper's release for mega-batches: the full gradient G is over all m minibatches,
    /// but the two second moments about it are means over the minibatches that μ is the mean of:
    /// `mean‖g_b − G‖²` and `mean‖g_b − g̃_b + μ − G‖²`.
    pub within: VarianceReport,
    /// The mean of the m gradients.
    pub full_gradient: FlatVector<S>,
    /// Where the iterate stands to the snapshot; `None` before there is one.
    pub geometry: Option<Geometry>,
}

/// Where the iterate x stands to the snapshot x̃ (Defazio & Bottou 2019, figure 3).
///
/// Both full gradients are over the generation's m minibatches. Where μ is the mean of all of
/// them it is the one at the snapshot; unlocked, or with evaluation mode at the snapshot, their
/// difference then holds more than the way from x̃ to x.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Geometry {
    /// `‖x − x̃‖`.
    pub distance: f64,
    /// `‖x − x̃‖/‖x̃‖`; `None` for a snapshot of zeros.
    pub relative_distance: Option<f64>,
    /// `‖g(x) − g(x̃)‖` with g the full gradient.
    pub gradient_distance: f64,
    /// `‖g(x) − g(x̃)‖/‖x − x̃‖`; `None` at the snapshot.
    pub curvature: Option<f64>,
    /// `mean‖g_b(x) − g_b(x̃)‖²/‖x − x̃‖²`, with g_b the gradient of minibatch b: the curvature that SVRG's variance
    /// goes by. `None` at the snapshot.
    pub mean_square_curvature: Option<f64>,
}

impl Geometry {
    /// `here` is the full gradient at `x`, `there` that at the snapshot, `squared_change` the mean over the minibatches of
    /// the squared distance between their gradients.
    fn between<S: Scalar>(
        x: &FlatVector<S>,
        snapshot: &FlatVector<S>,
        [here, there]: [&Mean; 2],
        squared_change: Option<f64>,
    ) -> Self {
        let (way, length) = (distance(x, snapshot), norm(snapshot));
        let gradient_distance = distance(&mean(here, x.len()), &mean(there, x.len()));
        Self {
            distance: way,
            relative_distance: (length > 0.0).then(|| way / length),
            gradient_distance,
            curvature: (way > 0.0).then(|| gradient_distance / way),
            mean_square_curvature: squared_change.filter(|_| way > 0.0).map(|change| change / way.powi(2)),
        }
    }
}

/// Minibatches of a sweep, each with the number of its answers, and the answers.
struct Window<S> {
    sizes: Vec<(u32, usize)>,
    answers: Option<Answers<S>>,
}

impl<S> Default for Window<S> {
    fn default() -> Self {
        Self { sizes: Vec::new(), answers: None }
    }
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
    /// A full pass over the generation's m minibatches at the iterate, with all that it tells.
    ///
    /// # Errors
    /// When a gradient or a minibatch fails.
    pub fn survey(&mut self) -> Outcome<Survey<O::Scalar>, O, D> {
        self.refill()?;
        let (space, len) = (self.oracle.space(), self.x.len());
        let anchor = self.estimator.anchor();
        let whole = |anchor: &Anchor<'_, _>| anchor.minibatches.len() == self.source.minibatches();
        // Where μ is not the mean of all minibatches, the full gradient at the snapshot must be evaluated, too.
        let apart = anchor.as_ref().is_some_and(|anchor| !whole(anchor));
        let of_anchor = |index| anchor.as_ref().is_none_or(|anchor| anchor.minibatches.contains(&index));
        let mut variance = VarianceAccumulator::new(space);
        let mut within = apart.then(|| VarianceAccumulator::new(space));
        let (mut here, mut there) = (Mean::new(len), Mean::new(len));
        let count = self.sweep(
            |index| {
                let mut probes = self.probes(index);
                if apart && !probes.contains(&THERE) {
                    probes.push(THERE);
                }
                probes
            },
            |index, answers| {
                let gradients: Vec<&FlatVector<_>> = answers.iter().map(|(_, gradient)| gradient).collect();
                let own = self.estimator.probes(index);
                let estimate = self.estimator.direction_on(index, gradients[0], &gradients[1..=own.len()])?;
                observe(gradients[0], &estimate, &mut variance);
                here.add(gradients[0]);
                if let Some(within) = &mut within {
                    there.add(gradients[1 + own.iter().position(|probe| *probe == THERE).unwrap_or(own.len())]);
                    if of_anchor(index) {
                        observe(gradients[0], &estimate, within);
                    }
                }
                Ok(())
            },
        )?;
        let full = mean(&here, len);
        let report = variance.report();
        let geometry = anchor.map(|anchor| {
            if !apart {
                there.add(anchor.mean);
            }
            Geometry::between(&self.x, anchor.snapshot, [&here, &there], report.total.squared_change)
        });
        let within = within.map_or_else(|| report.clone(), |within| within.report_about(&full));
        let mut full_gradient = FlatVector::zeros(len);
        here.write(&mut full_gradient);
        self.measured(count);
        Ok(Survey { variance: report, within, full_gradient, geometry })
    }

    /// What [`survey`](Self::survey) tells of the variance.
    ///
    /// # Errors
    /// When a gradient or a minibatch fails.
    pub fn variance(&mut self) -> Outcome<VarianceReport, O, D> {
        Ok(self.survey()?.variance)
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
        let mut before = Window::default();
        let mut show = |window: Window<O::Scalar>| -> Outcome<(), O, D> {
            let mut answers = window.answers.into_iter().flatten();
            for (index, size) in window.sizes {
                let answers = answers.by_ref().take(size).collect::<Result<Vec<_>, _>>()?;
                for (evaluation, _) in &answers {
                    count += Count { minibatches: 1, samples: evaluation.samples as u64 };
                }
                see(index, &answers)?;
            }
            Ok(())
        };
        for window in indices.chunks(self.window()) {
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
                sizes.push((index, probes.len()));
                for Probe { point, norm } in probes {
                    jobs.push(Job { key, x: self.at(point)?, norm: self.normalization(norm) });
                }
            }
            let mut shown = Ok(());
            let answers = self.evaluate(&jobs, &mut || shown = show(std::mem::take(&mut before)))?;
            shown?;
            before = Window { sizes, answers: Some(answers) };
            // What other ranks still owe comes before they are asked for more.
            if before.answers.as_ref().is_some_and(Answers::is_owed) {
                show(std::mem::take(&mut before))?;
            }
        }
        show(before)?;
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

fn observe<S: Scalar>(gradient: &FlatVector<S>, estimate: &Estimate<S>, moments: &mut VarianceAccumulator) {
    moments.observe(gradient, &estimate.direction, estimate.reference.as_deref());
}

fn mean(sum: &Mean, len: usize) -> Vec<f64> {
    let mut mean = vec![0.0; len];
    sum.write(&mut mean);
    mean
}
