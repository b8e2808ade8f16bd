//! The coefficient of the control variate, fixed or estimated from the steps before, and the variance that it leaves.
//!
//! With y = g_b(x̃) − μ and d = g_b(x) − g_b(x̃) on a step's minibatch, the direction is `v = g − α·y = μ + d + (1 − α)·y`, and over the minibatches
//! its variance is least at `α* = 1 + E⟨d, y⟩/E‖y‖²`. Both products come from gradients that the step computes anyway.

use vr_core::vector::deviations;
use vr_core::{Coefficient, ParameterSpace, Scalar, StateError, StateReader, StateWriter};

use crate::control_variate::Combine;
use crate::fault::{Fault, NOT_NEGATIVE, POSITIVE, within};

/// Where α comes from.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum CoefficientRule {
    /// Always the same: 1 is SVRG.
    Fixed(f64),
    /// Estimated from the steps before.
    Estimated(Estimation),
}

/// How α is estimated.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Estimation {
    /// What has an α of its own.
    pub per: Per,
    /// When α changes.
    pub refresh: Refresh,
    /// Steps that the averages reach back; fewer after a snapshot, a quarter of the steps since. At least 1.
    pub window: u32,
    /// Standard errors of the estimate that α stays below it, at least 0.
    pub caution: f64,
    /// The largest α, above 0; the smallest is 0.
    pub most: f64,
}

/// What has an α of its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Per {
    /// Each tensor.
    #[default]
    Tensor,
    /// The network as a whole.
    Network,
}

/// When α changes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Refresh {
    /// After every step, from 1 at the snapshot on.
    #[default]
    Steps,
    /// At snapshots alone, to the best one of all the steps since the last; 1 until then.
    Snapshots,
}

impl Default for CoefficientRule {
    fn default() -> Self {
        Self::Estimated(Estimation::default())
    }
}

impl Default for Estimation {
    fn default() -> Self {
        Self { per: Per::default(), refresh: Refresh::default(), window: 10, caution: 1.0, most: 1.5 }
    }
}

impl CoefficientRule {
    /// Whether the options make sense.
    pub(super) fn check(&self) -> Result<(), Fault> {
        match *self {
            Self::Fixed(alpha) if alpha.is_finite() => Ok(()),
            Self::Fixed(alpha) => Err(Fault::new("fixed", format!("is {alpha}; expected a finite number"))),
            Self::Estimated(Estimation { window, caution, most, .. }) => within("window", window, 1..)
                .and_then(|()| within("caution", caution, NOT_NEGATIVE))
                .and_then(|()| within("most", most, POSITIVE))
                .map_err(|fault| fault.within("estimated")),
        }
    }

    fn estimation(&self) -> Option<Estimation> {
        match *self {
            Self::Fixed(_) => None,
            Self::Estimated(estimation) => Some(estimation),
        }
    }
}

/// Averages over the steps since the snapshot, of one α.
#[derive(Clone, Copy, Debug, Default)]
struct Averages {
    /// Of ‖y‖².
    squares: f64,
    /// Of ⟨d, y⟩.
    products: f64,
    /// Of the squared errors `⟨d, y⟩ − (α* − 1)·‖y‖²` of the estimates before each step.
    errors: f64,
}

impl Averages {
    /// The estimate of α* − 1.
    fn slope(&self) -> f64 {
        if self.squares > 0.0 { self.products / self.squares } else { 0.0 }
    }

    fn learn(&mut self, weight: f64, [yy, dy, _]: [f64; 3]) {
        let error = dy - self.slope() * yy;
        for (average, new) in [(&mut self.squares, yy), (&mut self.products, dy), (&mut self.errors, error * error)] {
            *average += weight * (new - *average);
        }
    }

    /// The standard error of the slope, where the averages are worth `1/spread` steps.
    fn deviation(&self, spread: f64) -> f64 {
        if self.squares > 0.0 { (spread * self.errors).sqrt() / self.squares } else { 0.0 }
    }
}

/// Squared distances to μ, summed over steps.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Distances {
    /// `Σ‖v − μ‖²`.
    reduced: f64,
    /// `Σ‖g − μ‖²`.
    plain: f64,
}

impl Distances {
    /// The variance that is left, as a share of the gradients' own; `None` where the gradients do not vary.
    pub(super) fn ratio(&self) -> Option<f64> {
        (self.plain > 0.0).then(|| self.reduced / self.plain)
    }
}

/// The coefficient with what it is estimated from.
#[derive(Clone, Debug)]
pub(super) struct Tuned<S> {
    rule: CoefficientRule,
    alpha: Coefficient<S>,
    /// One for each α that is estimated.
    averages: Vec<Averages>,
    /// Steps that they saw.
    seen: u64,
    /// Sum of their squared weights.
    spread: f64,
    /// Whether the direction is the gradient, and the rest is watched only.
    watches: bool,
    distances: Distances,
}

impl<S: Scalar> Tuned<S> {
    /// With α = 1, or the fixed one.
    pub(super) fn new(rule: CoefficientRule) -> Self {
        Self {
            rule,
            alpha: Coefficient::one(),
            averages: Vec::new(),
            seen: 0,
            spread: 0.0,
            watches: false,
            distances: Distances::default(),
        }
    }

    /// Sizes the averages.
    pub(super) fn begin(&mut self, space: &ParameterSpace) {
        (self.alpha, self.averages) = match self.rule {
            CoefficientRule::Fixed(alpha) => (Coefficient::Scalar(S::from_f64(alpha)), Vec::new()),
            CoefficientRule::Estimated(Estimation { per: Per::Network, .. }) => {
                (Coefficient::one(), vec![Averages::default()])
            }
            CoefficientRule::Estimated(Estimation { per: Per::Tensor, .. }) => {
                let tensors = space.tensors().len();
                let ones = vec![S::from_f64(1.0); tensors];
                (Coefficient::PerTensor(ones), vec![Averages::default(); tensors])
            }
        };
    }

    /// Says that a snapshot was taken, to be `watched` only or to be used.
    pub(super) fn snapshot(&mut self, watched: bool) {
        self.watches = watched;
        match self.rule.estimation() {
            Some(Estimation { refresh: Refresh::Steps, .. }) => self.alphas_mut().fill(S::from_f64(1.0)),
            Some(estimation) if self.seen > 0 => self.estimate(estimation),
            _ => {}
        }
        self.averages.fill(Averages::default());
        (self.seen, self.spread) = (0, 0.0);
    }

    /// What was summed since it was last asked.
    pub(super) fn take_distances(&mut self) -> Distances {
        std::mem::take(&mut self.distances)
    }

    fn alphas(&self) -> &[S] {
        match &self.alpha {
            Coefficient::Scalar(alpha) => std::slice::from_ref(alpha),
            Coefficient::PerTensor(alphas) | Coefficient::PerCoordinate(alphas) => alphas,
        }
    }

    fn alphas_mut(&mut self) -> &mut [S] {
        match &mut self.alpha {
            Coefficient::Scalar(alpha) => std::slice::from_mut(alpha),
            Coefficient::PerTensor(alphas) | Coefficient::PerCoordinate(alphas) => alphas,
        }
    }

    /// Puts the estimates in force.
    fn estimate(&mut self, Estimation { caution, most, .. }: Estimation) {
        // 0 where it is not a number.
        let safe = |of: &Averages| (1.0 + of.slope() - caution * of.deviation(self.spread)).max(0.0).min(most);
        let alphas: Vec<S> = self.averages.iter().map(|averages| S::from_f64(safe(averages))).collect();
        self.alphas_mut().copy_from_slice(&alphas);
    }

    /// The weight of the newest step in the averages.
    fn weight(&self, Estimation { refresh, window, .. }: Estimation) -> f64 {
        let seen = self.seen as f64;
        match refresh {
            Refresh::Steps => (4.0 / (seen + 4.0)).max(1.0 / f64::from(window)),
            Refresh::Snapshots => 1.0 / (seen + 1.0),
        }
    }
}

impl<S: Scalar> Combine<S> for Tuned<S> {
    fn combine(&self, space: &ParameterSpace, gradient: &[S], reference: &[S], mean: &[S], out: &mut [S]) {
        if self.watches {
            out.copy_from_slice(gradient);
        } else {
            self.alpha.combine(space, gradient, reference, mean, out);
        }
    }

    fn learn(&mut self, space: &ParameterSpace, gradient: &[S], reference: &[S], mean: &[S]) {
        let ranges = space.tensors().iter().map(|tensor| tensor.range());
        let tensors = ranges.map(|range| deviations(&gradient[range.clone()], &reference[range.clone()], &mean[range]));
        let products: Vec<[f64; 3]> = match self.alpha {
            Coefficient::PerTensor(_) => tensors.collect(),
            _ => vec![tensors.fold([0.0; 3], |sums, tensor| std::array::from_fn(|i| sums[i] + tensor[i]))],
        };
        let mut distances = self.distances;
        for (&[yy, dy, dd], alpha) in products.iter().zip(self.alphas()) {
            let rest = 1.0 - alpha.to_f64();
            distances.reduced += rest * rest * yy + 2.0 * rest * dy + dd;
            distances.plain += yy + 2.0 * dy + dd;
        }
        self.distances = distances;
        let Some(estimation) = self.rule.estimation() else { return };
        let weight = self.weight(estimation);
        for (averages, products) in self.averages.iter_mut().zip(products) {
            averages.learn(weight, products);
        }
        self.spread = (1.0 - weight).powi(2) * self.spread + weight * weight;
        self.seen += 1;
        if estimation.refresh == Refresh::Steps {
            self.estimate(estimation);
        }
    }

    fn save(&self, out: &mut StateWriter<'_>) {
        out.vector("alpha", self.alphas());
        let column = |of: fn(&Averages) -> f64| self.averages.iter().map(of).collect::<Vec<_>>();
        out.f64s("squares", &column(|averages| averages.squares));
        out.f64s("products", &column(|averages| averages.products));
        out.f64s("errors", &column(|averages| averages.errors));
        out.integer("seen", self.seen);
        out.flag("watches", self.watches);
        out.f64s("sums", &[self.spread, self.distances.reduced, self.distances.plain]);
    }

    fn restore(&mut self, from: &StateReader<'_>, _len: usize) -> Result<(), StateError> {
        let alphas = from.vector("alpha", self.alphas().len())?;
        self.alphas_mut().copy_from_slice(&alphas);
        let column = |name| from.f64s(name, self.averages.len());
        let (squares, products, errors) = (column("squares")?, column("products")?, column("errors")?);
        for (i, averages) in self.averages.iter_mut().enumerate() {
            *averages = Averages { squares: squares[i], products: products[i], errors: errors[i] };
        }
        self.seen = from.integer("seen")?;
        self.watches = from.flag("watches")?;
        let sums = from.f64s("sums", 3)?;
        self.spread = sums[0];
        self.distances = Distances { reduced: sums[1], plain: sums[2] };
        Ok(())
    }
}
