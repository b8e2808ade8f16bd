//! How sums are cut into the parts of blocks. It depends on sizes alone, so that their order does, too.

use vr_core::ParameterSpace;

/// Elements of a flat vector that one block takes at most.
const CHUNK: usize = 4096;

/// Values of a channel that one block sums at least.
const CHANNEL_CHUNK: usize = 2048;

/// Parts that a channel is cut into at most, since one thread adds them up.
const CHANNEL_CHUNKS: usize = 128;

/// Values that the lanes of a block's sum take at once: 256 lanes, four each (`kernel.h`, `quad.h`).
const LANES: usize = 4 * 256;

/// How the values of a channel, over all samples, are cut into chunks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChannelCut {
    /// Values of a channel: samples times positions.
    pub count: usize,
    /// Values of a chunk; the last may have fewer.
    pub chunk: usize,
    /// Chunks.
    pub chunks: usize,
}

impl ChannelCut {
    /// The cut of `count` values.
    pub fn new(count: usize) -> Self {
        let chunk = count.div_ceil(CHANNEL_CHUNKS).next_multiple_of(LANES).max(CHANNEL_CHUNK);
        Self { count, chunk, chunks: count.div_ceil(chunk) }
    }
}

/// How a flat vector is cut into chunks, each within one tensor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunks {
    table: Vec<u32>,
    firsts: Vec<u32>,
}

impl Chunks {
    /// The cut of the vectors of `space`, or `None` when it has more elements than 31 bits count.
    pub fn new(space: &ParameterSpace) -> Option<Self> {
        let every: Vec<usize> = (0..space.tensors().len()).collect();
        Self::of(space, &every)
    }

    /// The cut of some of the tensors, by index and ascending: what a kernel gets of them leaves the others alone.
    pub fn of(space: &ParameterSpace, tensors: &[usize]) -> Option<Self> {
        i32::try_from(space.len()).ok()?;
        let (mut table, mut firsts) = (Vec::new(), vec![0]);
        for (index, tensor) in space.tensors().iter().enumerate() {
            if tensors.binary_search(&index).is_ok() {
                let range = tensor.range();
                for first in range.clone().step_by(CHUNK) {
                    table.extend([first, range.end.min(first + CHUNK), index].map(|word| word as u32));
                }
            }
            firsts.push((table.len() / 3) as u32);
        }
        Some(Self { table, firsts })
    }

    /// First element, end and tensor of each chunk: the table that kernels read.
    pub fn table(&self) -> &[u32] {
        &self.table
    }

    /// The first chunk of each tensor of the space, and the number of chunks after them.
    pub fn firsts(&self) -> &[u32] {
        &self.firsts
    }

    /// Chunks: the blocks of a kernel.
    pub fn len(&self) -> usize {
        self.table.len() / 3
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.table.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_channel_is_cut_into_whole_lanes_and_few_parts() {
        for count in [1, 2047, 2048, 2049, 131_072, 262_145, 3_211_264, 50_000_001] {
            let cut = ChannelCut::new(count);
            assert!((cut.chunks - 1) * cut.chunk < count && cut.chunks * cut.chunk >= count, "{cut:?}");
            assert!(cut.chunks <= CHANNEL_CHUNKS && cut.chunk.is_multiple_of(LANES), "{cut:?}");
        }
    }

    #[test]
    fn chunks_cover_each_tensor_once() {
        let space = ParameterSpace::new([("a", vec![3]), ("b", vec![CHUNK, 2]), ("c", vec![CHUNK + 1])]).unwrap();
        let chunks = Chunks::new(&space).unwrap();
        assert_eq!(chunks.firsts(), [0, 1, 3, 5]);
        let [b, c] = [3, 3 + 2 * CHUNK as u32];
        let k = CHUNK as u32;
        let expected = [[0, 3, 0], [b, b + k, 1], [b + k, b + 2 * k, 1], [c, c + k, 2], [c + k, c + k + 1, 2]];
        assert_eq!(chunks.table(), expected.concat());
        let some = Chunks::of(&space, &[0, 2]).unwrap();
        assert_eq!((some.firsts(), some.len()), (&[0, 1, 1, 3][..], 3));
    }
}
