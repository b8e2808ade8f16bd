//! MARS (Yuan, Liu, Wu, Zhou & Gu, ICML 2025): a gradient corrected by a small share of its difference from the step before, made for AdamW and Lion.
//!
//! `c = g_b(x) + γ·β/(1 − β)·(g_b(x) − g⁻)`, scaled down to norm 1 in each tensor where it is longer; the update rule takes it for the gradient. *Exact*:
//! g⁻ is the gradient of the same minibatch at the previous iterate, 2 evaluations a step. *Approximate*: it is the gradient of the step before, 1
//! evaluation. β is the update rule's momentum, AdamW's β₁. Tensors of one dimension keep their plain gradient, as in the authors' code. It keeps x⁻, or the
//! last gradient. The exact form is `(1 + s)·g_b(x) − s·g_b(x⁻)` with s = γ·β/(1 − β): its mean is ∇f(x) only as far as x moved little.

use std::sync::Arc;

use vr_core::vector::norm;
use vr_core::{FlatVector, ParameterSpace, Scalar, StateReader, StateWriter};

use crate::estimator::{Ask, Estimate, Estimator, EstimatorError, Point, Probe, Request};
use crate::estimators::{Method, Vectors};
use crate::fault::{Fault, NOT_NEGATIVE, within};
use crate::two_points::TwoPoints;

/// What the gradient is compared with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Difference {
    /// The same minibatch's gradient at the previous iterate.
    #[default]
    Exact,
    /// The gradient of the step before.
    Approximate,
}

/// Options of [`Mars`].
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct MarsConfig {
    /// γ, how much of the correction is used, at least 0.
    pub gamma: f64,
    /// β, the momentum of the update rule, in [0, 1).
    pub beta: f64,
    /// What the gradient is compared with.
    pub difference: Difference,
    /// Whether each tensor's direction is scaled down to norm 1 where it is longer.
    pub clip: bool,
}

impl Default for MarsConfig {
    /// The authors': γ 0.025, β 0.95, exact, clipped.
    fn default() -> Self {
        Self { gamma: 0.025, beta: 0.95, difference: Difference::Exact, clip: true }
    }
}

impl<S: Scalar> Method<S> for MarsConfig {
    fn build(&self) -> Box<dyn Estimator<S>> {
        Box::new(Mars::new(*self))
    }

    fn check(&self) -> Result<(), Fault> {
        within("gamma", self.gamma, NOT_NEGATIVE)?;
        within("beta", self.beta, 0.0..1.0)
    }

    fn vectors(&self) -> Vectors {
        let last = u64::from(self.difference == Difference::Approximate);
        Vectors { numbers: TwoPoints::<S>::VECTORS + last, sums: 1 }
    }
}

/// MARS; a new batch plan every epoch.
#[derive(Debug)]
pub struct Mars<S> {
    config: MarsConfig,
    space: Arc<ParameterSpace>,
    minibatches: u32,
    step: u64,
    points: TwoPoints<S>,
    /// The gradient of the step before, where that is what g⁻ is.
    last: FlatVector<S>,
}

impl<S: Scalar> Mars<S> {
    /// The estimator before its first step.
    pub fn new(config: MarsConfig) -> Self {
        let points = match config.difference {
            Difference::Exact => TwoPoints::default(),
            Difference::Approximate => TwoPoints::single(),
        };
        let (space, last) = (Arc::default(), FlatVector::default());
        Self { config, space, minibatches: 0, step: 0, points, last }
    }

    fn is_approximate(&self) -> bool {
        self.config.difference == Difference::Approximate
    }

    fn place(&self, step: u64) -> (u32, u32) {
        let m = u64::from(self.minibatches);
        ((step / m) as u32, (step % m) as u32)
    }
}

/// Writes the direction; without g⁻ it is the gradient, clipped.
fn correct<S: Scalar>(
    config: &MarsConfig,
    space: &ParameterSpace,
    gradient: &[S],
    before: Option<&[S]>,
    direction: &mut FlatVector<S>,
) {
    let share = S::from_f64(config.gamma * config.beta / (1.0 - config.beta));
    direction.copy_from_slice(gradient);
    for tensor in space.tensors().iter().filter(|tensor| tensor.shape().len() > 1) {
        let range = tensor.range();
        let out = &mut direction[range.clone()];
        if let Some(before) = before {
            for ((v, &g), &before) in out.iter_mut().zip(&gradient[range.clone()]).zip(&before[range]) {
                *v = g + share * (g - before);
            }
        }
        let length = if config.clip { norm(out) } else { 0.0 };
        if length > 1.0 {
            let scale = S::from_f64(1.0 / length);
            out.iter_mut().for_each(|v| *v = scale * *v);
        }
    }
}

impl<S: Scalar> Estimator<S> for Mars<S> {
    fn name(&self) -> &'static str {
        if self.is_approximate() { "mars-approximate" } else { "mars" }
    }

    fn begin(&mut self, space: &Arc<ParameterSpace>, minibatches: u32) -> Result<(), EstimatorError> {
        let checked = Method::<S>::check(&self.config);
        checked.map_err(|fault| EstimatorError::Config { method: self.name(), fault })?;
        self.space = Arc::clone(space);
        self.minibatches = minibatches;
        self.points.begin(space.len());
        self.last = FlatVector::zeros(if self.is_approximate() { space.len() } else { 0 });
        Ok(())
    }

    fn ask(&mut self, x: &FlatVector<S>) -> Result<Ask<'_, S>, EstimatorError> {
        if self.points.is_between() {
            self.points.open();
        }
        let (generation, own) = self.place(self.step);
        Ok(self.points.ask(x, generation, own, 0))
    }

    fn tell(&mut self, request: &Request, gradient: &FlatVector<S>) -> Result<(), EstimatorError> {
        let (config, space) = (&self.config, &self.space);
        self.points.tell(request, gradient, |g, before, v| correct(config, space, g, Some(before), v));
        if self.is_approximate() {
            let before = (self.step > 0).then_some(&*self.last);
            correct(config, space, gradient, before, self.points.direction_mut());
            self.last.copy_from_slice(gradient);
        } else if self.step == 0 {
            correct(config, space, gradient, None, self.points.direction_mut());
        }
        Ok(())
    }

    fn advance(&mut self, _x: &FlatVector<S>) {
        self.step += 1;
        self.points.close();
    }

    fn direction_on(
        &self,
        _index: u32,
        gradient: &FlatVector<S>,
        probed: &[&FlatVector<S>],
    ) -> Result<Estimate<S>, EstimatorError> {
        let last = (self.is_approximate() && self.step > 0).then_some(&self.last);
        let before = probed.first().copied().or(last);
        let mut direction = gradient.clone();
        correct(&self.config, &self.space, gradient, before.map(|before| &before[..]), &mut direction);
        Ok(Estimate { direction, reference: probed.first().map(|&reference| reference.clone()) })
    }

    /// That of the last step until the next is asked for, so that its end can still be measured.
    fn generation(&self) -> u32 {
        let between = self.points.is_between();
        self.place(if between { self.step.saturating_sub(1) } else { self.step }).0
    }

    fn point(&self, point: Point) -> Option<&FlatVector<S>> {
        self.points.previous().filter(|_| point == Point::Previous)
    }

    fn probes(&self, _index: u32) -> Vec<Probe> {
        self.points.probes()
    }

    fn save(&self, out: &mut StateWriter<'_>) -> Result<(), EstimatorError> {
        out.integer("step", self.step);
        if self.is_approximate() {
            out.vector("last", &self.last);
        }
        self.points.save(out);
        Ok(())
    }

    fn restore(&mut self, from: &StateReader<'_>) -> Result<(), EstimatorError> {
        self.step = from.integer("step")?;
        if self.is_approximate() {
            self.last = from.vector("last", self.space.len())?;
        }
        Ok(self.points.restore(from, self.minibatches)?)
    }
}
