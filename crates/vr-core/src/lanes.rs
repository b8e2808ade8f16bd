//! Sixteen samples side by side, so that one vector instruction works on all of them.

use bytemuck::{Pod, Zeroable};

/// Samples side by side.
pub const LANES: usize = 16;

/// One value of sixteen samples: a cache line, which no vector then crosses.
#[derive(Clone, Copy, Debug, PartialEq, Pod, Zeroable)]
#[repr(C, align(64))]
struct Line([f32; LANES]);

/// Sixteen samples of `len` values each: `[len][16]`.
#[derive(Clone, Debug, PartialEq)]
pub struct LaneBlock(Vec<Line>);

impl LaneBlock {
    /// Zeros, `len` values a sample.
    pub fn zeros(len: usize) -> Self {
        Self(vec![Line::zeroed(); len])
    }

    /// No values yet, and room for `len` a sample.
    pub fn with_capacity(len: usize) -> Self {
        Self(Vec::with_capacity(len))
    }

    /// Values a sample.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether a sample has no value.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All values, `[len][16]`.
    pub fn values(&self) -> &[f32] {
        bytemuck::cast_slice(&self.0)
    }

    /// The values of sample `lane`.
    ///
    /// # Panics
    /// When `lane` is not below sixteen.
    pub fn lane(&self, lane: usize) -> impl Iterator<Item = f32> + '_ {
        assert!(lane < LANES, "no lane {lane} of {LANES}");
        self.0.iter().map(move |line| line.0[lane])
    }

    /// Makes `sample` the values of sample `lane`.
    ///
    /// # Panics
    /// When `sample` is not `len` values long or `lane` not below sixteen.
    pub fn set(&mut self, lane: usize, sample: &[f32]) {
        assert_eq!(sample.len(), self.len(), "one sample");
        for (line, &value) in self.0.iter_mut().zip(sample) {
            line.0[lane] = value;
        }
    }
}

impl FromIterator<[f32; LANES]> for LaneBlock {
    /// From one value of all samples after another.
    fn from_iter<I: IntoIterator<Item = [f32; LANES]>>(values: I) -> Self {
        Self(values.into_iter().map(Line).collect())
    }
}

impl Extend<[f32; LANES]> for LaneBlock {
    /// By one value of all samples after another.
    fn extend<I: IntoIterator<Item = [f32; LANES]>>(&mut self, values: I) {
        self.0.extend(values.into_iter().map(Line));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_stands_in_its_lane_and_nowhere_else() {
        let mut block = LaneBlock::zeros(3);
        block.set(5, &[1.0, 2.0, 3.0]);
        assert!(block.lane(5).eq([1.0, 2.0, 3.0]));
        assert_eq!((block.values()[5], block.values()[16 + 5], block.values()[32 + 5]), (1.0, 2.0, 3.0));
        assert_eq!(block.values().iter().sum::<f32>(), 6.0);
        assert_eq!(block.values().as_chunks().0.iter().copied().collect::<LaneBlock>(), block);
        assert!(block.values().as_ptr().addr().is_multiple_of(64));
    }
}
