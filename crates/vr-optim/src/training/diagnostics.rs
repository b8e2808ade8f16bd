//! Measurements of a run that leave its course alone.

use vr_core::counts::Count;
use vr_core::vector::distance;
use vr_core::{
    FlatVector, Mean, MinibatchSource, Oracle, ParameterSpace, Purpose, Scalar, VarianceAccumulator, VarianceReport,
};

use crate::estimator::{Control, EstimatorError, NormRule, Point, Reference, Request};
use crate::evaluate::{Answer, Job};
use crate::training::{Outcome, Training};

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

/// A point with the statistics to use there.
type Place<'a, S> = (&'a FlatVector<S>, NormRule);

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
        let control = self.estimator.control();
        let space = self.oracle.space();
        let mut moments = VarianceAccumulator::new(space);
        let count = self.sweep(
            |index| self.places(control.as_ref(), index),
            |index, answers| observe(space, control.as_ref(), index, answers, &mut moments),
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
        let control = self.estimator.control();
        let within = |index| control.as_ref().is_none_or(|control| control.minibatches.contains(&index));
        let space = self.oracle.space();
        let (mut moments, mut full) = (VarianceAccumulator::new(space), Mean::new(space.len()));
        let count = self.sweep(
            |index| if within(index) { self.places(control.as_ref(), index) } else { vec![self.here()] },
            |index, answers| {
                full.add(&answers[0].1);
                if within(index) { observe(space, control.as_ref(), index, answers, &mut moments) } else { Ok(()) }
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
        let (Some(control), Some(snapshot)) = (self.estimator.control(), self.estimator.snapshot()) else {
            return Ok(None);
        };
        let whole = control.minibatches.len() == self.source.minibatches();
        let len = self.x.len();
        let (mut here, mut there) = (Mean::new(len), Mean::new(len));
        if whole {
            there.add(control.mean);
        }
        let count = self.sweep(
            |_| if whole { vec![self.here()] } else { vec![self.here(), (snapshot, NormRule::Batch)] },
            |_, answers| {
                here.add(&answers[0].1);
                if let Some((_, gradient)) = answers.get(1) {
                    there.add(gradient);
                }
                Ok(())
            },
        )?;
        let (way, gradients) = (distance(&self.x, snapshot), distance(&mean(&here, len), &mean(&there, len)));
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
            |_| vec![self.here()],
            |_, answers| {
                sum.add(&answers[0].1);
                Ok(())
            },
        )?;
        self.measured(count);
        sum.write(&mut full);
        Ok(full)
    }

    fn here(&self) -> Place<'_, O::Scalar> {
        (&self.x, NormRule::Batch)
    }

    /// Where minibatch `index` is evaluated to know the direction on it: at the iterate and, unless a
    /// table has its row, at the snapshot.
    fn places<'a>(&'a self, control: Option<&Control<'a, O::Scalar>>, index: u32) -> Vec<Place<'a, O::Scalar>> {
        let snapshot = control.and_then(|control| match control.reference {
            Reference::Evaluate(snapshot, rule) => Some((snapshot, rule)),
            Reference::Table(_) if control.minibatches.contains(&index) => None,
            Reference::Table(_) => self.estimator.snapshot().map(|snapshot| (snapshot, NormRule::Batch)),
        });
        [Some(self.here()), snapshot].into_iter().flatten().collect()
    }

    /// Evaluates each minibatch of the generation at its `places`, window by window, and shows the
    /// answers in the order of the minibatches, a window's beside the evaluation of the next; returns
    /// what that cost.
    fn sweep<'a>(
        &'a self,
        places: impl Fn(u32) -> Vec<Place<'a, O::Scalar>>,
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
                let places = places(index);
                sizes.push(places.len());
                jobs.extend(places.into_iter().map(|(x, rule)| Job { key, x, norm: self.normalization(rule) }));
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

/// Adds the direction on minibatch `index`, evaluated at its [`places`](Training::places).
fn observe<S: Scalar>(
    space: &ParameterSpace,
    control: Option<&Control<'_, S>>,
    index: u32,
    answers: &[Answer<S>],
    moments: &mut VarianceAccumulator,
) -> Result<(), EstimatorError> {
    let gradient = &answers[0].1;
    let Some(control) = control else {
        moments.observe(gradient, gradient, None);
        return Ok(());
    };
    let mut row = FlatVector::zeros(space.len());
    let reference = match (answers.get(1), control.reference) {
        (None, Reference::Table(table)) => {
            let index = (index - control.minibatches.start) as usize;
            table.row(index, &mut row)?
        }
        (Some((_, reference)), _) => reference,
        (None, Reference::Evaluate(..)) => &row,
    };
    let mut estimate = FlatVector::zeros(space.len());
    control.coefficient.combine(space, gradient, reference, control.mean, &mut estimate);
    moments.observe(gradient, &estimate, Some(reference));
    Ok(())
}

fn mean(sum: &Mean, len: usize) -> Vec<f64> {
    let mut mean = vec![0.0; len];
    sum.write(&mut mean);
    mean
}
