//! Minibatches of pictures that lie on the device as bytes, with the transforms of `vr-data`.

use vr_core::Key;

use super::{Address, Grid};

/// A key as kernels read it: low and high half of the seed, generation, and stream with visit.
pub fn key_words(key: Key) -> [u32; 4] {
    let Key { seed, stream, generation, visit } = key;
    [seed as u32, (seed >> 32) as u32, generation, u32::from(stream as u8) << 24 | (visit & 0x00ff_ffff)]
}

kernel! {
    /// The pictures of some samples: cropped at a random place of the padded picture (`vr_data::PadCrop`), flipped with probability ½
    /// (`vr_data::Flip`), and normalised by tables (`vr_data::Normalize`).
    GatherPictures = "gather_pictures", |of| Grid::Elements(of.len),
    {
        /// All pictures, `[samples of the set][C][H][W]`, at most 2³¹ − 1 bytes each.
        pictures: Address<u8>,
        /// Four words: see [`key_words`].
        key: Address<u32>,
        /// The N samples.
        samples: Address<u32>,
        /// What each byte becomes: 256 numbers, or 256 for each channel.
        tables: Address<f32>,
        /// `[N][C][H][W]`, written.
        out: Address<f32>,
        /// N · C · H · W.
        len: usize,
        /// C.
        channels: usize,
        /// H.
        height: usize,
        /// W.
        width: usize,
        /// Zeros around a picture; 0 for no crop.
        padding: usize,
        /// Whether pictures are flipped.
        flips: bool,
        /// Numbers from one channel's table to the next: 0 or 256.
        table_step: usize,
    }
}

kernel! {
    /// The labels of some samples.
    GatherLabels = "gather_labels", |of| Grid::Elements(of.len),
    {
        /// Of all samples of the set.
        labels: Address<u32>,
        /// The N samples.
        samples: Address<u32>,
        /// N labels, written.
        out: Address<u32>,
        /// N.
        len: usize,
    }
}
