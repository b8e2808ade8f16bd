//! Randomness as a value: every draw is a function of (seed, stream, generation, visit, sample, draw).
//!
//! The generator is Philox4x32-10 (Salmon, Moraes, Dror & Shaw, "Parallel random numbers: as easy
//! as 1, 2, 3", SC 2011). It has no state, so nothing has to be saved to resume a run, and no order
//! of evaluation can change a draw.

/// What a draw is for. Streams never overlap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Stream {
    /// Initial parameters.
    Initialization = 0,
    /// The batch plan's permutation.
    Permutation = 1,
    /// Transforms under locking: the same in every pass of a generation.
    LockedTransform = 2,
    /// Transforms of an unlocked snapshot pass or mega-batch.
    SnapshotTransform = 3,
    /// Transforms of unlocked steps.
    InnerTransform = 4,
    /// Transforms of an unlocked diagnostic pass.
    DiagnosticTransform = 6,
    /// Choice of a training subset.
    Subset = 7,
    /// Pictures of a synthetic set.
    Synthetic = 8,
    /// How many steps follow a snapshot or a mega-batch, where chance decides.
    InnerCount = 9,
    /// In which order a table method goes through its fixed minibatches.
    TableOrder = 11,
    /// Whatever a program of the user's own draws.
    User = 255,
}

impl Stream {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::Initialization,
        Self::Permutation,
        Self::LockedTransform,
        Self::SnapshotTransform,
        Self::InnerTransform,
        Self::DiagnosticTransform,
        Self::Subset,
        Self::Synthetic,
        Self::InnerCount,
        Self::TableOrder,
        Self::User,
    ];
}

/// The fixed part of a family of draws.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    /// Governs everything random in a run.
    pub seed: u64,
    /// What the draws are for.
    pub stream: Stream,
    /// Lock or plan generation; 0 where there is none.
    pub generation: u32,
    /// Pass within the generation, below 2²⁴; higher bits are ignored.
    pub visit: u32,
}

impl Key {
    /// A key of generation 0 and visit 0.
    pub fn new(seed: u64, stream: Stream) -> Self {
        Self { seed, stream, generation: 0, visit: 0 }
    }

    /// Four independent uniform words: the `draw`-th block of sample `sample`.
    pub fn words(&self, sample: u32, draw: u32) -> [u32; 4] {
        let tag = u32::from(self.stream as u8) << 24 | (self.visit & 0x00ff_ffff);
        philox4x32([draw, sample, self.generation, tag], [self.seed as u32, (self.seed >> 32) as u32])
    }
}

/// Philox4x32-10: a bijection of 128-bit counters for each 64-bit key.
pub fn philox4x32(mut counter: [u32; 4], mut key: [u32; 2]) -> [u32; 4] {
    const MULTIPLIERS: [u32; 2] = [0xd251_1f53, 0xcd9e_8d57];
    const WEYL: [u32; 2] = [0x9e37_79b9, 0xbb67_ae85];
    for round in 0..10 {
        if round > 0 {
            key = [key[0].wrapping_add(WEYL[0]), key[1].wrapping_add(WEYL[1])];
        }
        let a = u64::from(MULTIPLIERS[0]) * u64::from(counter[0]);
        let b = u64::from(MULTIPLIERS[1]) * u64::from(counter[2]);
        counter = [(b >> 32) as u32 ^ counter[1] ^ key[0], b as u32, (a >> 32) as u32 ^ counter[3] ^ key[1], a as u32];
    }
    counter
}

/// A uniform number in [0, 1) with 32 bits.
pub fn uniform(word: u32) -> f64 {
    f64::from(word) / 4_294_967_296.0
}

/// A uniform integer in 0..`bound` (bias below `bound`·2⁻³²).
pub fn below(word: u32, bound: u32) -> u32 {
    ((u64::from(word) * u64::from(bound)) >> 32) as u32
}

/// Two independent standard normal numbers from two words (Box and Muller).
pub fn normal(words: [u32; 2]) -> [f64; 2] {
    // The half keeps the logarithm's argument above 0.
    let radius = (-2.0 * ((f64::from(words[0]) + 0.5) / 4_294_967_296.0).ln()).sqrt();
    let (sin, cos) = (std::f64::consts::TAU * uniform(words[1])).sin_cos();
    [radius * cos, radius * sin]
}

/// A random permutation of 0..n that stores nothing: a Feistel network over the next power of four,
/// walked until it lands below n. Any element is found on its own, so a run resumes mid-epoch by
/// arithmetic.
#[derive(Clone, Copy, Debug)]
pub struct Permutation {
    key: Key,
    len: u32,
    half_bits: u32,
}

impl Permutation {
    const ROUNDS: u32 = 8;

    /// The permutation of 0..`len` that `key` names.
    pub fn new(key: Key, len: u32) -> Self {
        let bits = 32 - len.saturating_sub(1).leading_zeros();
        Self { key, len, half_bits: bits.div_ceil(2).max(1) }
    }

    /// Number of elements.
    pub fn len(&self) -> u32 {
        self.len
    }

    /// Whether there are no elements.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Where `index` goes.
    ///
    /// # Panics
    /// When `index` is not below the length.
    pub fn at(&self, index: u32) -> u32 {
        assert!(index < self.len, "index {index} of a permutation of {} elements", self.len);
        let mut value = index;
        loop {
            value = self.feistel(value);
            if value < self.len {
                return value;
            }
        }
    }

    fn feistel(&self, value: u32) -> u32 {
        let mask = (1_u32 << self.half_bits) - 1;
        let (mut left, mut right) = (value >> self.half_bits & mask, value & mask);
        for round in 0..Self::ROUNDS {
            let word = self.key.words(right, round)[0];
            (left, right) = (right, left ^ (word & mask));
        }
        left << self.half_bits | right
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The known-answer vectors published with Random123.
    #[test]
    fn known_answers() {
        for (counter, key, expected) in [
            ([0; 4], [0; 2], [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]),
            ([u32::MAX; 4], [u32::MAX; 2], [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]),
            (
                [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344],
                [0xa409_3822, 0x299f_31d0],
                [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1],
            ),
        ] {
            assert_eq!(philox4x32(counter, key), expected);
        }
    }

    #[test]
    fn every_part_of_the_key_matters() {
        let key = Key { seed: 1 << 40, stream: Stream::InnerTransform, generation: 3, visit: 2 };
        let words = key.words(5, 7);
        for other in [
            Key { seed: 0, ..key },
            Key { stream: Stream::SnapshotTransform, ..key },
            Key { generation: 4, ..key },
            Key { visit: 3, ..key },
        ] {
            assert_ne!(other.words(5, 7), words);
        }
        assert_ne!(key.words(6, 7), words);
        assert_ne!(key.words(5, 8), words);
    }

    #[test]
    fn permutations_are_permutations() {
        for len in [1_u32, 2, 3, 7, 64, 100, 1000, 50_000] {
            let permutation = Permutation::new(Key::new(7, Stream::Permutation), len);
            let mut seen = vec![false; len as usize];
            for i in 0..len {
                seen[permutation.at(i) as usize] = true;
            }
            assert!(seen.iter().all(|&s| s), "{len}");
        }
    }

    /// Over many keys each element goes everywhere equally often (χ², 5 degrees of freedom, p ≈ 1e-6).
    #[test]
    fn permutations_are_uniform() {
        let mut counts = [[0_u32; 6]; 6];
        let trials = 60_000;
        for generation in 0..trials {
            let key = Key { generation, ..Key::new(1, Stream::Permutation) };
            let permutation = Permutation::new(key, 6);
            for (i, row) in counts.iter_mut().enumerate() {
                row[permutation.at(i as u32) as usize] += 1;
            }
        }
        let expected = f64::from(trials) / 6.0;
        for row in counts {
            let chi: f64 = row.iter().map(|&c| (f64::from(c) - expected).powi(2) / expected).sum();
            assert!(chi < 36.0, "{chi}");
        }
    }

    #[test]
    fn draws_have_the_right_moments() {
        let key = Key::new(3, Stream::User);
        let n = 20_000;
        let (mut mean, mut square) = (0.0, 0.0);
        for i in 0..n {
            let [a, b, c, _] = key.words(i, 0);
            let [x, y] = normal([a, b]);
            mean += x + y;
            square += x * x + y * y;
            assert!(below(c, 9) < 9);
        }
        let n = 2.0 * f64::from(n);
        assert!((mean / n).abs() < 0.02);
        assert!((square / n - 1.0).abs() < 0.03);
    }
}
