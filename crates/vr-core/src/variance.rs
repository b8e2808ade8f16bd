//! The variance report: the trace of the covariance of an estimator against that of SGD.

use std::ops::{AddAssign, Range};

use crate::vector::{distance, dot, squared_distance};
use crate::{ParameterSpace, Scalar};

/// What a full pass over the minibatches at a point x says of an estimator, over all parameters or
/// over one tensor's.
///
/// With g_b the minibatch gradients at x, G their mean, v_b the estimator's direction on minibatch
/// b and g̃_b its control variate, every mean over the m minibatches with divisor m and every square
/// summed over coordinates (the trace of the covariance; Defazio & Bottou 2019, section 4):
#[derive(Clone, Copy, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct VarianceSummary {
    /// `‖G‖²`; `sgd_variance / squared_gradient` is the gradient noise scale in minibatches.
    pub squared_gradient: f64,
    /// `mean‖g_b − G‖²`.
    pub sgd_variance: f64,
    /// `mean‖v_b − G‖²` = `estimator_variance` + `squared_bias`.
    pub estimator_error: f64,
    /// `mean‖v_b − mean v‖²`.
    pub estimator_variance: f64,
    /// `‖mean v − G‖²`: zero, but for rounding, for an unbiased estimator.
    pub squared_bias: f64,
    /// `estimator_error / sgd_variance`: below 1 the estimator helps, about 2 it does not
    /// correlate at all. `None` when the gradients do not vary.
    pub ratio: Option<f64>,
    /// Correlation of g_b and g̃_b. `None` without a control variate or without variance.
    pub correlation: Option<f64>,
    /// `Cov(g, g̃)/Var(g̃)`, the α of least variance. `None` likewise.
    pub optimal_coefficient: Option<f64>,
    /// `Cov(g − v, g̃)/Var(g̃)`, the α that the method uses, where its direction is `g − α·(g̃ − μ)`: 1 for SVRG. `None` likewise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub coefficient: Option<f64>,
    /// `mean‖g_b − g̃_b‖²`, which bounds SVRG's variance. `None` without a control variate.
    pub squared_change: Option<f64>,
}

/// [`VarianceSummary`] in total and for each tensor.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct VarianceReport {
    /// Minibatches observed.
    pub minibatches: u64,
    /// Over all parameters.
    pub total: VarianceSummary,
    /// For each tensor, by name, in the order of the parameter space.
    pub tensors: Vec<(String, VarianceSummary)>,
}

/// Gathers a [`VarianceReport`] in one pass over the minibatches with three f64 vectors of memory,
/// by Welford's update.
#[derive(Clone, Debug)]
pub struct VarianceAccumulator {
    tensors: Vec<(String, Range<usize>)>,
    count: u64,
    references: u64,
    gradient: Vec<f64>,
    estimate: Vec<f64>,
    reference: Vec<f64>,
    sums: Vec<Sums>,
}

/// Sums of squared and mixed deviations from the mean over one tensor's coordinates.
#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    gradient: f64,
    estimate: f64,
    reference: f64,
    /// Of gradient and reference.
    mixed: f64,
    /// Of estimate and reference.
    left: f64,
}

impl AddAssign for Sums {
    fn add_assign(&mut self, other: Self) {
        self.gradient += other.gradient;
        self.estimate += other.estimate;
        self.reference += other.reference;
        self.mixed += other.mixed;
        self.left += other.left;
    }
}

/// Interleaved partial sums: a fixed order that still vectorises.
const LANES: usize = 8;

/// Welford's update of one tensor's means; returns what it adds to the sum of squared deviations.
fn update<S: Scalar>(mean: &mut [f64], x: &[S], weight: f64) -> f64 {
    let mut partial = [0.0; LANES];
    for (mean, x) in mean.chunks_mut(LANES).zip(x.chunks(LANES)) {
        for ((sum, mean), x) in partial.iter_mut().zip(mean).zip(x) {
            let x = x.to_f64();
            let before = x - *mean;
            *mean += before * weight;
            *sum += before * (x - *mean);
        }
    }
    partial.iter().sum()
}

/// What a pair adds to the sum of mixed deviations: `mean_x` from before, `mean_y` from after this pair.
fn mixed<S: Scalar>(mean_x: &[f64], x: &[S], mean_y: &[f64], y: &[S]) -> f64 {
    let mut partial = [0.0; LANES];
    let chunks = mean_x.chunks(LANES).zip(x.chunks(LANES)).zip(mean_y.chunks(LANES).zip(y.chunks(LANES)));
    for ((mean_x, x), (mean_y, y)) in chunks {
        for (lane, sum) in partial.iter_mut().enumerate().take(x.len()) {
            *sum += (x[lane].to_f64() - mean_x[lane]) * (y[lane].to_f64() - mean_y[lane]);
        }
    }
    partial.iter().sum()
}

impl VarianceAccumulator {
    /// An accumulator over the vectors of `space`.
    pub fn new(space: &ParameterSpace) -> Self {
        Self {
            tensors: space.tensors().iter().map(|t| (t.name().to_owned(), t.range())).collect(),
            count: 0,
            references: 0,
            gradient: vec![0.0; space.len()],
            estimate: vec![0.0; space.len()],
            reference: vec![0.0; space.len()],
            sums: vec![Sums::default(); space.tensors().len()],
        }
    }

    /// Adds one minibatch: its gradient g_b, the estimator's direction v_b, and the control variate
    /// g̃_b where there is one.
    ///
    /// # Panics
    /// When a vector does not fit the space.
    pub fn observe<S: Scalar>(&mut self, gradient: &[S], estimate: &[S], reference: Option<&[S]>) {
        assert_eq!(gradient.len(), self.gradient.len(), "a gradient over the wrong space");
        assert_eq!(estimate.len(), self.gradient.len(), "an estimate over the wrong space");
        self.count += 1;
        self.references += u64::from(reference.is_some());
        let weight = 1.0 / self.count as f64;
        for ((_, range), sums) in self.tensors.iter().zip(&mut self.sums) {
            let range = range.clone();
            if let Some(reference) = reference {
                let r = &reference[range.clone()];
                sums.reference += update(&mut self.reference[range.clone()], r, weight);
                let (before, after) = (&self.gradient[range.clone()], &self.reference[range.clone()]);
                sums.mixed += mixed(before, &gradient[range.clone()], after, r);
                sums.left += mixed(&self.estimate[range.clone()], &estimate[range.clone()], after, r);
            }
            sums.gradient += update(&mut self.gradient[range.clone()], &gradient[range.clone()], weight);
            sums.estimate += update(&mut self.estimate[range.clone()], &estimate[range], weight);
        }
    }

    /// The mean of the gradients: the full gradient G.
    pub fn full_gradient(&self) -> &[f64] {
        &self.gradient
    }

    /// The report on what was observed so far.
    pub fn report(&self) -> VarianceReport {
        self.report_about(&self.gradient)
    }

    /// The report about another full gradient `full` than that of the minibatches observed: G of the
    /// formulas is `full`, while the means still are over the minibatches observed.
    ///
    /// # Panics
    /// When `full` does not fit the space.
    pub fn report_about(&self, full: &[f64]) -> VarianceReport {
        assert_eq!(full.len(), self.gradient.len(), "a full gradient over the wrong space");
        let mut all = (Sums::default(), About::default());
        let mut tensors = Vec::with_capacity(self.tensors.len());
        for ((name, range), sums) in self.tensors.iter().zip(&self.sums) {
            let full = &full[range.clone()];
            let about = About {
                squared_norm: dot(full, full),
                offset: distance(&self.gradient[range.clone()], full).powi(2),
                squared_bias: distance(&self.estimate[range.clone()], full).powi(2),
                between_means: squared_distance(&self.gradient[range.clone()], &self.reference[range.clone()]),
            };
            tensors.push((name.clone(), self.summary(*sums, about)));
            all.0 += *sums;
            all.1 += about;
        }
        VarianceReport { minibatches: self.count, total: self.summary(all.0, all.1), tensors }
    }

    fn summary(&self, sums: Sums, about: About) -> VarianceSummary {
        let count = self.count.max(1) as f64;
        let sgd_variance = sums.gradient / count + about.offset;
        let estimator_variance = sums.estimate / count;
        let estimator_error = estimator_variance + about.squared_bias;
        let always = self.references == self.count && self.count > 0;
        let varies = always && sums.reference > 0.0;
        VarianceSummary {
            squared_gradient: about.squared_norm,
            sgd_variance,
            estimator_error,
            estimator_variance,
            squared_bias: about.squared_bias,
            ratio: (sgd_variance > 0.0).then(|| estimator_error / sgd_variance),
            correlation: (varies && sums.gradient > 0.0).then(|| sums.mixed / (sums.gradient * sums.reference).sqrt()),
            optimal_coefficient: varies.then(|| sums.mixed / sums.reference),
            coefficient: varies.then(|| (sums.mixed - sums.left) / sums.reference),
            squared_change: always.then(|| {
                // Of the deviations from the means, and between the means.
                let deviations = (sums.gradient + sums.reference - 2.0 * sums.mixed) / count;
                deviations.max(0.0) + about.between_means
            }),
        }
    }
}

/// What the full gradient G says of one tensor.
#[derive(Clone, Copy, Debug, Default)]
struct About {
    /// `‖G‖²`.
    squared_norm: f64,
    /// Squared distance of the gradients' own mean to G.
    offset: f64,
    /// Squared distance of the estimates' mean to G.
    squared_bias: f64,
    /// Squared distance between the means of gradients and references.
    between_means: f64,
}

impl AddAssign for About {
    fn add_assign(&mut self, other: Self) {
        self.squared_norm += other.squared_norm;
        self.offset += other.offset;
        self.squared_bias += other.squared_bias;
        self.between_means += other.between_means;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Coefficient;

    const P: usize = 13;

    fn space() -> ParameterSpace {
        ParameterSpace::new([("a", vec![3]), ("b", vec![2, 5])]).unwrap()
    }

    fn rows() -> impl Strategy<Value = Vec<(Vec<f64>, Vec<f64>)>> {
        let vector = || proptest::collection::vec(-1.0..1.0_f64, P);
        proptest::collection::vec((vector(), vector()), 2..9)
    }

    fn mean(rows: &[Vec<f64>]) -> Vec<f64> {
        (0..P).map(|i| rows.iter().map(|r| r[i]).sum::<f64>() / rows.len() as f64).collect()
    }

    /// The definitions, by two passes over a stored table.
    fn table(g: &[Vec<f64>], v: &[Vec<f64>], r: &[Vec<f64>], range: Range<usize>) -> VarianceSummary {
        let m = g.len() as f64;
        let (mg, mv, mr) = (mean(g), mean(v), mean(r));
        let sum = |x: &[Vec<f64>], mx: &[f64], y: &[Vec<f64>], my: &[f64]| -> f64 {
            x.iter().zip(y).flat_map(|(x, y)| range.clone().map(|i| (x[i] - mx[i]) * (y[i] - my[i]))).sum::<f64>() / m
        };
        let (sgd, reference, mixed) = (sum(g, &mg, g, &mg), sum(r, &mr, r, &mr), sum(g, &mg, r, &mr));
        let error = sum(v, &mg, v, &mg);
        let change = |(x, y): (&Vec<f64>, &Vec<f64>)| -> f64 { range.clone().map(|i| (x[i] - y[i]).powi(2)).sum() };
        VarianceSummary {
            squared_gradient: range.clone().map(|i| mg[i].powi(2)).sum(),
            squared_change: Some(g.iter().zip(r).map(change).sum::<f64>() / m),
            sgd_variance: sgd,
            estimator_error: error,
            estimator_variance: sum(v, &mv, v, &mv),
            squared_bias: range.clone().map(|i| (mv[i] - mg[i]).powi(2)).sum(),
            ratio: Some(error / sgd),
            correlation: Some(mixed / (sgd * reference).sqrt()),
            optimal_coefficient: Some(mixed / reference),
            coefficient: Some((mixed - sum(v, &mv, r, &mr)) / reference),
        }
    }

    fn assert_close(found: VarianceSummary, expected: VarianceSummary) {
        let close = |a: f64, b: f64| assert!((a - b).abs() <= 1e-10 * (1.0 + b.abs()), "{found:?}\n{expected:?}");
        close(found.squared_gradient, expected.squared_gradient);
        close(found.squared_change.unwrap(), expected.squared_change.unwrap());
        close(found.sgd_variance, expected.sgd_variance);
        close(found.estimator_error, expected.estimator_error);
        close(found.estimator_variance, expected.estimator_variance);
        close(found.squared_bias, expected.squared_bias);
        close(found.ratio.unwrap(), expected.ratio.unwrap());
        close(found.correlation.unwrap(), expected.correlation.unwrap());
        close(found.optimal_coefficient.unwrap(), expected.optimal_coefficient.unwrap());
        close(found.coefficient.unwrap(), expected.coefficient.unwrap());
    }

    proptest! {
        #[test]
        fn one_pass_equals_the_definitions(rows in rows(), alpha in -1.0..2.0_f64) {
            let space = space();
            let (g, r): (Vec<_>, Vec<_>) = rows.into_iter().unzip();
            // A μ that is not the mean of the references: the estimator is biased.
            let mu = vec![0.25; P];
            let mut accumulator = VarianceAccumulator::new(&space);
            let mut v = Vec::new();
            for (g, r) in g.iter().zip(&r) {
                let mut estimate = vec![0.0; P];
                Coefficient::Scalar(alpha).combine(&space, g, r, &mu, &mut estimate);
                accumulator.observe(g, &estimate, Some(r));
                v.push(estimate);
            }
            let report = accumulator.report();
            prop_assert!((report.total.coefficient.unwrap() - alpha).abs() < 1e-9);
            assert_close(report.total, table(&g, &v, &r, 0..P));
            assert_close(report.tensors[0].1, table(&g, &v, &r, 0..3));
            assert_close(report.tensors[1].1, table(&g, &v, &r, 3..P));
        }
    }

    #[test]
    fn at_the_snapshot_the_variance_is_exactly_zero() {
        let space = space();
        let mut accumulator = VarianceAccumulator::new(&space);
        let mu: Vec<f32> = (0..P).map(|i| 0.1 * i as f32).collect();
        for b in 0..5 {
            let g: Vec<f32> = (0..P).map(|i| ((b * i) as f32).sin()).collect();
            let mut v = vec![0.0; P];
            Coefficient::one().combine(&space, &g, &g, &mu, &mut v);
            accumulator.observe(&g, &v, Some(&g));
        }
        let total = accumulator.report().total;
        assert_eq!(total.estimator_variance, 0.0);
        assert!(total.squared_change.unwrap() < 1e-14 * total.sgd_variance, "{total:?}");
    }

    #[test]
    fn sgd_has_ratio_one_and_no_coefficient() {
        let mut accumulator = VarianceAccumulator::new(&space());
        for b in 0..4 {
            let g = vec![f64::from(b); P];
            accumulator.observe(&g, &g, None);
        }
        let total = accumulator.report().total;
        assert_eq!(total.ratio, Some(1.0));
        assert_eq!(total.sgd_variance, 1.25 * P as f64);
        assert_eq!(total.squared_gradient, 2.25 * P as f64);
        assert_eq!((total.squared_bias, total.correlation, total.optimal_coefficient), (0.0, None, None));
        assert_eq!(total.squared_change, None);
    }
}
