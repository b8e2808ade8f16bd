//! Flat vectors: parameters, gradients, snapshots and table rows are all of this one type.

use std::ops::{Deref, DerefMut};

use crate::Scalar;

/// The elements of every tensor of a [`ParameterSpace`](crate::ParameterSpace), one after another.
///
/// It owns its memory, so a clone is a deep copy: a snapshot never aliases the iterate.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FlatVector<S = f32>(Vec<S>);

impl<S: Scalar> FlatVector<S> {
    /// `len` zeros.
    pub fn zeros(len: usize) -> Self {
        Self(vec![S::default(); len])
    }

    /// `self ← self + a·x`.
    ///
    /// # Panics
    /// When the lengths differ, as in every operation on two vectors here.
    pub fn axpy(&mut self, a: S, x: &[S]) {
        assert_eq!(self.len(), x.len(), "axpy of vectors of unequal length");
        for (y, &x) in self.0.iter_mut().zip(x) {
            *y = *y + a * x;
        }
    }

    /// `self ← keep·self + (1 − keep)·x`: one step of an exponential moving average.
    ///
    /// # Panics
    /// When the lengths differ.
    pub fn average_in(&mut self, keep: f64, x: &[S]) {
        assert_eq!(self.len(), x.len(), "average of vectors of unequal length");
        let (keep, new) = (S::from_f64(keep), S::from_f64(1.0 - keep));
        for (y, &x) in self.0.iter_mut().zip(x) {
            *y = keep * *y + new * x;
        }
    }

    /// `self ← x`, converting precision where the types differ.
    ///
    /// # Panics
    /// When the lengths differ.
    pub fn assign<T: Scalar>(&mut self, x: &[T]) {
        assert_eq!(self.len(), x.len(), "assignment of vectors of unequal length");
        for (y, &x) in self.0.iter_mut().zip(x) {
            *y = S::from_f64(x.to_f64());
        }
    }

    /// Whether every element is finite.
    pub fn is_finite(&self) -> bool {
        self.0.iter().all(|x| x.to_f64().is_finite())
    }
}

impl<S> From<Vec<S>> for FlatVector<S> {
    fn from(elements: Vec<S>) -> Self {
        Self(elements)
    }
}

impl<S> Deref for FlatVector<S> {
    type Target = [S];
    fn deref(&self) -> &[S] {
        &self.0
    }
}

impl<S> DerefMut for FlatVector<S> {
    fn deref_mut(&mut self) -> &mut [S] {
        &mut self.0
    }
}

/// Partial sums that [`sum_by`] keeps, so that the compiler can vectorise a sum whose order is fixed.
const LANES: usize = 8;

/// `Σ term(i)` in f64 in a fixed order: eight interleaved partial sums, then their sum in order.
fn sum_by(len: usize, term: impl Fn(usize) -> f64) -> f64 {
    let mut partial = [0.0; LANES];
    let whole = len - len % LANES;
    for start in (0..whole).step_by(LANES) {
        for (lane, sum) in partial.iter_mut().enumerate() {
            *sum += term(start + lane);
        }
    }
    for (lane, i) in (whole..len).enumerate() {
        partial[lane] += term(i);
    }
    partial.iter().sum()
}

/// `⟨x, y⟩` in f64, in a fixed order.
///
/// # Panics
/// When the lengths differ.
pub fn dot<S: Scalar>(x: &[S], y: &[S]) -> f64 {
    assert_eq!(x.len(), y.len(), "dot product of vectors of unequal length");
    sum_by(x.len(), |i| x[i].to_f64() * y[i].to_f64())
}

/// `‖x‖` in f64, in a fixed order.
pub fn norm<S: Scalar>(x: &[S]) -> f64 {
    dot(x, x).sqrt()
}

/// `‖x − y‖` in f64, in a fixed order.
///
/// # Panics
/// When the lengths differ.
pub fn distance<S: Scalar>(x: &[S], y: &[S]) -> f64 {
    squared_distance(x, y).sqrt()
}

/// `‖x − y‖²` in f64, in a fixed order.
///
/// # Panics
/// When the lengths differ.
pub fn squared_distance<S: Scalar>(x: &[S], y: &[S]) -> f64 {
    assert_eq!(x.len(), y.len(), "distance of vectors of unequal length");
    sum_by(x.len(), |i| (x[i].to_f64() - y[i].to_f64()).powi(2))
}

/// Elements whose products are summed in their own type before they join sums in f64.
const BLOCK: usize = 16 * LANES;

/// With `d = gradient − reference` and `y = reference − mean`: `[⟨y, y⟩, ⟨d, y⟩, ⟨d, d⟩]`, in a fixed order, in one pass over the three
/// vectors. Blocks of 128 elements are summed in the vectors' own type, the blocks in f64.
///
/// # Panics
/// When the lengths differ.
pub fn deviations<S: Scalar>(gradient: &[S], reference: &[S], mean: &[S]) -> [f64; 3] {
    let len = gradient.len();
    assert!(reference.len() == len && mean.len() == len, "deviations of vectors of unequal length");
    let mut sums = [0.0; 3];
    for ((g, r), mean) in gradient.chunks(BLOCK).zip(reference.chunks(BLOCK)).zip(mean.chunks(BLOCK)) {
        let [mut yy, mut dy, mut dd] = [[S::default(); LANES]; 3];
        let (g, r, mean) = (g.as_chunks::<LANES>(), r.as_chunks::<LANES>(), mean.as_chunks::<LANES>());
        for ((g, r), mean) in g.0.iter().zip(r.0).zip(mean.0) {
            for lane in 0..LANES {
                let (d, y) = (g[lane] - r[lane], r[lane] - mean[lane]);
                yy[lane] = yy[lane] + y * y;
                dy[lane] = dy[lane] + d * y;
                dd[lane] = dd[lane] + d * d;
            }
        }
        for (lane, ((&g, &r), &mean)) in g.1.iter().zip(r.1).zip(mean.1).enumerate() {
            let (d, y) = (g - r, r - mean);
            yy[lane] = yy[lane] + y * y;
            dy[lane] = dy[lane] + d * y;
            dd[lane] = dd[lane] + d * d;
        }
        for (sum, lanes) in sums.iter_mut().zip([yy, dy, dd]) {
            *sum += lanes.iter().map(|lane| lane.to_f64()).sum::<f64>();
        }
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clone_is_a_deep_copy() {
        let mut x = FlatVector::from(vec![1.0_f32, 2.0]);
        let snapshot = x.clone();
        x.axpy(1.0, &[1.0, 1.0]);
        assert_eq!(&snapshot[..], [1.0, 2.0]);
        assert_eq!(&x[..], [2.0, 3.0]);
    }

    #[test]
    fn products_and_norms() {
        let x: Vec<f64> = (0..19).map(f64::from).collect();
        let y = vec![2.0; 19];
        assert_eq!(dot(&x, &y), 2.0 * 171.0);
        assert_eq!(norm(&[3.0_f32, 4.0]), 5.0);
        assert_eq!(distance(&[3.0_f32, 4.0], &[0.0, 0.0]), 5.0);
    }

    #[test]
    fn deviations_are_the_three_products() {
        let vector = |seed: i32| -> Vec<f64> { (0..300).map(|i| f64::from((i * seed) % 7 - 3)).collect() };
        let (g, r, mean) = (vector(3), vector(5), vector(11));
        let d: Vec<f64> = g.iter().zip(&r).map(|(g, r)| g - r).collect();
        let y: Vec<f64> = r.iter().zip(&mean).map(|(r, mean)| r - mean).collect();
        assert_eq!(deviations(&g, &r, &mean), [dot(&y, &y), dot(&d, &y), dot(&d, &d)]);
    }

    #[test]
    fn average_keeps_the_stated_share() {
        let mut x = FlatVector::from(vec![1.0_f64]);
        x.average_in(0.9, &[2.0]);
        assert!((x[0] - 1.1).abs() < 1e-15);
    }
}
