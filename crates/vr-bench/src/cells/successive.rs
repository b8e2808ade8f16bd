//! How much successive steps resemble each other.

use vr_core::vector::{dot, norm};
use vr_core::{FlatVector, StateError, StateReader, StateWriter};

use crate::results::diagnostics::{Moment, StepRow};

/// A run of successive steps.
#[derive(Debug)]
pub struct Successive {
    /// The full gradient where the coming step begins.
    full: FlatVector<f32>,
    /// Direction and noise of the step before.
    last: Option<[FlatVector<f32>; 2]>,
    /// Sums of the cosines between successive directions and noises.
    sums: [f64; 2],
    pairs: u64,
}

impl Successive {
    /// Before the first step, which begins where the full gradient is `full`.
    pub fn begin(full: FlatVector<f32>) -> Self {
        Self { full, last: None, sums: [0.0; 2], pairs: 0 }
    }

    /// A step was taken in this direction.
    pub fn step(&mut self, direction: &FlatVector<f32>) {
        let mut noise = direction.clone();
        noise.axpy(-1.0, &self.full);
        let step = [direction.clone(), noise];
        if let Some(last) = &self.last {
            self.pairs += 1;
            for ((sum, last), step) in self.sums.iter_mut().zip(last).zip(&step) {
                *sum += cosine(last, step);
            }
        }
        self.last = Some(step);
    }

    /// The next step begins where the full gradient is `full`.
    pub fn next(&mut self, full: FlatVector<f32>) {
        self.full = full;
    }

    /// The mean cosines.
    pub fn row(&self, at: Moment) -> StepRow {
        let [direction_cosine, noise_cosine] = self.sums.map(|sum| sum / self.pairs as f64);
        StepRow { at, pairs: self.pairs as usize, direction_cosine, noise_cosine }
    }

    /// Writes everything.
    pub fn save(&self, out: &mut StateWriter<'_>) {
        out.vector("full", &self.full);
        if let Some([direction, noise]) = &self.last {
            out.vector("direction", direction);
            out.vector("noise", noise);
        }
        out.f64s("sums", &self.sums);
        out.integer("pairs", self.pairs);
    }

    /// Reads what [`save`](Self::save) wrote, over `len` parameters; `None` where nothing was written.
    ///
    /// # Errors
    /// When a value is missing or does not fit.
    pub fn restore(from: &StateReader<'_>, len: usize) -> Result<Option<Self>, StateError> {
        if !from.has("full") {
            return Ok(None);
        }
        let last = match from.has("direction") {
            true => Some([from.vector("direction", len)?, from.vector("noise", len)?]),
            false => None,
        };
        let sums = from.f64s("sums", 2)?;
        Ok(Some(Self {
            full: from.vector("full", len)?,
            last,
            sums: [sums[0], sums[1]],
            pairs: from.integer("pairs")?,
        }))
    }
}

/// Of a vector of zeros, 0.
fn cosine(x: &FlatVector<f32>, y: &FlatVector<f32>) -> f64 {
    let norms = norm(x) * norm(y);
    if norms > 0.0 { dot(x, y) / norms } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use vr_core::State;

    use super::*;

    fn at() -> Moment {
        Moment { model: "lenet".into(), method: "sgd".into(), seed: 0, epoch: 1, percent: 10.0 }
    }

    fn vector(x: [f32; 2]) -> FlatVector<f32> {
        FlatVector::from(x.to_vec())
    }

    /// Full gradients (1, 0); directions (1, 1), (1, −1), (2, −2): noises (0, 1), (0, −1), (1, −2).
    #[test]
    fn cosines_by_hand_also_across_an_interruption() {
        let steps = [[1.0, 1.0], [1.0, -1.0], [2.0, -2.0]];
        for interruption in 0..=steps.len() {
            let mut successive = Successive::begin(vector([1.0, 0.0]));
            for (i, step) in steps.into_iter().enumerate() {
                if i == interruption {
                    let mut state = State::new();
                    successive.save(&mut state.writer("successive"));
                    successive = Successive::restore(&state.reader("successive"), 2).unwrap().unwrap();
                }
                successive.step(&vector(step));
                successive.next(vector([1.0, 0.0]));
            }
            let row = successive.row(at());
            assert_eq!(row.pairs, 2);
            assert!((row.direction_cosine - 0.5).abs() < 1e-12);
            assert!((row.noise_cosine - (2.0 / 5.0_f64.sqrt() - 1.0) / 2.0).abs() < 1e-12);
        }
    }

    #[test]
    fn a_state_without_one_or_of_another_size() {
        let mut state = State::new();
        assert!(Successive::restore(&state.reader("successive"), 2).unwrap().is_none());
        Successive::begin(vector([1.0, 0.0])).save(&mut state.writer("successive"));
        assert!(Successive::restore(&state.reader("successive"), 3).is_err());
    }
}
