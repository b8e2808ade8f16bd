//! Means of vectors, accumulated in double precision.

use crate::{Scalar, StateError, StateReader, StateWriter};

/// A mean of vectors accumulated in f64 in the order of the calls: the paper's μ.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Mean {
    sum: Vec<f64>,
    count: u64,
}

impl Mean {
    /// The mean of nothing yet, over vectors of `len` elements.
    pub fn new(len: usize) -> Self {
        Self { sum: vec![0.0; len], count: 0 }
    }

    /// Forgets what was added.
    pub fn reset(&mut self) {
        self.sum.fill(0.0);
        self.count = 0;
    }

    /// Adds one vector.
    ///
    /// # Panics
    /// When its length differs.
    pub fn add<S: Scalar>(&mut self, x: &[S]) {
        assert_eq!(self.sum.len(), x.len(), "mean of vectors of unequal length");
        for (sum, x) in self.sum.iter_mut().zip(x) {
            *sum += x.to_f64();
        }
        self.count += 1;
    }

    /// Takes away a vector that was added.
    ///
    /// # Panics
    /// When its length differs or nothing was added.
    pub fn remove<S: Scalar>(&mut self, x: &[S]) {
        assert_eq!(self.sum.len(), x.len(), "mean of vectors of unequal length");
        assert!(self.count > 0, "removal from the mean of no vectors");
        for (sum, x) in self.sum.iter_mut().zip(x) {
            *sum -= x.to_f64();
        }
        self.count -= 1;
    }

    /// Writes the sum to a run state.
    pub fn save(&self, out: &mut StateWriter<'_>) {
        out.f64s("sum", &self.sum);
        out.integer("count", self.count);
    }

    /// Reads what [`save`](Self::save) wrote of `count` vectors.
    ///
    /// # Errors
    /// When the state does not fit, or is of another number of vectors.
    pub fn restore(&mut self, from: &StateReader<'_>, count: u64) -> Result<(), StateError> {
        let found = from.integer("count")?;
        if found != count {
            let (name, found, expected) = (from.name("count"), found.to_string(), count.to_string());
            return Err(StateError::Value { name, found, expected });
        }
        self.sum = from.f64s("sum", self.sum.len())?;
        self.count = count;
        Ok(())
    }

    /// Writes the mean, rounded once.
    ///
    /// # Panics
    /// When the lengths differ or nothing was added.
    pub fn write<S: Scalar>(&self, out: &mut [S]) {
        assert_eq!(self.sum.len(), out.len(), "mean of vectors of unequal length");
        assert!(self.count > 0, "the mean of no vectors");
        let count = self.count as f64;
        for (out, sum) in out.iter_mut().zip(&self.sum) {
            *out = S::from_f64(sum / count);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mean_is_rounded_once() {
        let mut mean = Mean::new(1);
        for _ in 0..10 {
            mean.add(&[0.1_f32]);
        }
        let mut out = [0.0_f32];
        mean.write(&mut out);
        assert_eq!(out, [0.1]);
    }
}
