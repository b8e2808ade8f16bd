//! The control variate and its coefficient α.

use crate::{ParameterSpace, Scalar};

/// The coefficient α of the control variate `v = (g − α·g̃) + α·μ`.
///
/// α = 1 is SVRG (Johnson & Zhang 2013), α = 0 is SGD; in between lie α-SVRG (Yin et al., ICLR
/// 2025) and the optimal coefficient `Cov(g, g̃)/Var(g̃)`.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Coefficient<S> {
    /// One for all parameters.
    Scalar(S),
    /// One for each tensor, in the order of the parameter space.
    PerTensor(Vec<S>),
    /// One for each coordinate of the flat vector.
    PerCoordinate(Vec<S>),
}

impl<S: Scalar> Coefficient<S> {
    /// SVRG's α = 1.
    pub fn one() -> Self {
        Self::Scalar(S::from_f64(1.0))
    }

    /// The same times a factor.
    #[must_use]
    pub fn scaled(&self, factor: f64) -> Self {
        let scale = |alpha: &S| S::from_f64(alpha.to_f64() * factor);
        match self {
            Self::Scalar(alpha) => Self::Scalar(scale(alpha)),
            Self::PerTensor(alphas) => Self::PerTensor(alphas.iter().map(scale).collect()),
            Self::PerCoordinate(alphas) => Self::PerCoordinate(alphas.iter().map(scale).collect()),
        }
    }

    /// Whether there is one for each tensor, or for each coordinate, of `space`.
    pub fn fits(&self, space: &ParameterSpace) -> bool {
        match self {
            Self::Scalar(_) => true,
            Self::PerTensor(alphas) => alphas.len() == space.tensors().len(),
            Self::PerCoordinate(alphas) => alphas.len() == space.len(),
        }
    }

    /// `out ← (gradient − α·reference) + α·mean`.
    ///
    /// In this form α = 0 gives the gradient to the bit, and gradient = reference with α = 1 gives
    /// the mean.
    ///
    /// # Panics
    /// When a vector or the coefficient does not fit the space.
    pub fn combine(&self, space: &ParameterSpace, gradient: &[S], reference: &[S], mean: &[S], out: &mut [S]) {
        for vector in [gradient, reference, mean, &*out] {
            assert_eq!(vector.len(), space.len(), "a control variate over the wrong space");
        }
        match self {
            Self::Scalar(alpha) => combine(*alpha, gradient, reference, mean, out),
            Self::PerTensor(alphas) => {
                assert_eq!(alphas.len(), space.tensors().len(), "one coefficient for each tensor");
                for (alpha, tensor) in alphas.iter().zip(space.tensors()) {
                    let range = tensor.range();
                    combine(
                        *alpha,
                        &gradient[range.clone()],
                        &reference[range.clone()],
                        &mean[range.clone()],
                        &mut out[range],
                    );
                }
            }
            Self::PerCoordinate(alphas) => {
                assert_eq!(alphas.len(), space.len(), "one coefficient for each coordinate");
                for (i, &alpha) in alphas.iter().enumerate() {
                    out[i] = if alpha == S::default() {
                        gradient[i]
                    } else {
                        (gradient[i] - alpha * reference[i]) + alpha * mean[i]
                    };
                }
            }
        }
    }
}

fn combine<S: Scalar>(alpha: S, gradient: &[S], reference: &[S], mean: &[S], out: &mut [S]) {
    // 0·g̃ is not neutral to the bit: it may turn −0 into +0 and is NaN where g̃ overflowed.
    if alpha == S::default() {
        out.copy_from_slice(gradient);
        return;
    }
    for (((out, &g), &r), &m) in out.iter_mut().zip(gradient).zip(reference).zip(mean) {
        *out = (g - alpha * r) + alpha * m;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn space() -> ParameterSpace {
        ParameterSpace::new([("a", vec![2]), ("b", vec![3])]).unwrap()
    }

    fn vector() -> impl Strategy<Value = Vec<f32>> {
        proptest::collection::vec(-1e30_f32..1e30, 5)
    }

    proptest! {
        #[test]
        fn zero_gives_the_gradient_to_the_bit(g in vector(), r in vector(), m in vector()) {
            let mut out = vec![0.0; 5];
            for alpha in [
                Coefficient::Scalar(0.0),
                Coefficient::PerTensor(vec![0.0; 2]),
                Coefficient::PerCoordinate(vec![0.0; 5]),
            ] {
                alpha.combine(&space(), &g, &r, &m, &mut out);
                prop_assert_eq!(out.iter().map(|x| x.to_bits()).collect::<Vec<_>>(),
                                g.iter().map(|x| x.to_bits()).collect::<Vec<_>>());
            }
        }

        #[test]
        fn at_the_snapshot_it_is_the_mean(g in vector(), m in vector()) {
            let mut out = vec![0.0; 5];
            Coefficient::one().combine(&space(), &g, &g, &m, &mut out);
            prop_assert_eq!(out, m);
        }

        #[test]
        fn the_three_forms_agree(g in vector(), r in vector(), m in vector(), a in -2.0_f32..2.0) {
            let mut results = Vec::new();
            for alpha in [
                Coefficient::Scalar(a),
                Coefficient::PerTensor(vec![a; 2]),
                Coefficient::PerCoordinate(vec![a; 5]),
            ] {
                let mut out = vec![0.0; 5];
                alpha.combine(&space(), &g, &r, &m, &mut out);
                results.push(out);
            }
            prop_assert_eq!(&results[0], &results[1]);
            prop_assert_eq!(&results[0], &results[2]);
        }
    }

    #[test]
    fn each_tensor_has_its_own() {
        let mut out = [0.0_f32; 5];
        let alpha = Coefficient::PerTensor(vec![0.0, 1.0]);
        alpha.combine(&space(), &[1.0; 5], &[1.0; 5], &[7.0; 5], &mut out);
        assert_eq!(out, [1.0, 1.0, 7.0, 7.0, 7.0]);
    }
}
