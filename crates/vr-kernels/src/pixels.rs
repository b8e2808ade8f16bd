//! From images to lane blocks.

use crate::LANES;

/// Turns images of bytes, `[channels][height][width]`, into a lane block of normalised values.
#[derive(Clone, Debug)]
pub struct Pixels {
    height: usize,
    width: usize,
    /// The value of every byte in every channel.
    values: Vec<[f32; 256]>,
    padding: Vec<f32>,
}

/// Which part of an image a sample is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Crop {
    /// The image's row that comes first; rows that it has not are padding.
    pub y: isize,
    /// The image's column that comes first; columns that it has not are padding.
    pub x: isize,
    /// Whether the part is mirrored, left to right.
    pub flip: bool,
}

impl Pixels {
    /// The value of byte u in channel c is `(u / 255 − mean[c]) / std[c]`, and that of places
    /// outside the image is `padding[c]` (after normalisation: `−mean[c] / std[c]` would be black).
    ///
    /// # Panics
    /// If the numbers of channels differ.
    pub fn new(height: usize, width: usize, mean: &[f32], std: &[f32], padding: &[f32]) -> Self {
        assert!(mean.len() == std.len() && mean.len() == padding.len(), "statistics: one value per channel");
        let values = mean.iter().zip(std).map(|(&mean, &std)| {
            let scale = 1.0 / (255.0 * f64::from(std));
            let shift = -f64::from(mean) / f64::from(std);
            std::array::from_fn(|u| (u as f32).mul_add(scale as f32, shift as f32))
        });
        Self { height, width, values: values.collect(), padding: padding.to_vec() }
    }

    /// Writes a crop of each image into `out`, `[channels][height][width][16]`, and zeros into the
    /// padded lanes: lane l of position (y, x) is image l at (y + crop.y, x + crop.x), with x
    /// counted from the right if it is flipped.
    ///
    /// # Panics
    /// If the lengths do not fit or there are not 1 to 16 images.
    pub fn pack(&self, images: &[&[u8]], crops: &[Crop], out: &mut [f32]) {
        let Self { height, width, .. } = *self;
        let plane = height * width;
        assert!((1..=LANES).contains(&images.len()), "a lane block holds 1 to 16 samples");
        assert_eq!(images.len(), crops.len(), "one crop per image");
        assert!(
            images.iter().all(|image| image.len() == self.values.len() * plane),
            "image: [channels][height][width]"
        );
        assert_eq!(out.len(), self.values.len() * plane * LANES, "out: [channels][height][width][16]");
        for (row, out) in out.chunks_exact_mut(width * LANES).enumerate() {
            let (channel, y) = (row / height, row % height);
            if images.len() < LANES {
                out.fill(0.0);
            }
            for (lane, (image, crop)) in images.iter().zip(crops).enumerate() {
                let from = y.checked_add_signed(crop.y).filter(|&y| y < height);
                let from = from.map(|y| &image[channel * plane + y * width..][..width]);
                self.row(channel, from, *crop, lane, out.as_chunks_mut().0);
            }
        }
    }

    /// One image's part of one row of the block; without an image's row, padding.
    fn row(&self, channel: usize, from: Option<&[u8]>, crop: Crop, lane: usize, out: &mut [[f32; LANES]]) {
        assert!(lane < LANES, "a lane");
        let (values, padding) = (&self.values[channel], self.padding[channel]);
        // What is left of the row, and how much padding comes before it.
        let shift = crop.x.clamp(-(self.width as isize), self.width as isize);
        let start = shift.max(0) as usize;
        let len = from.map_or(0, |_| self.width - shift.unsigned_abs());
        let before = if crop.flip { start } else { (-shift).max(0) as usize };
        let (left, rest) = out.split_at_mut(before);
        let (inside, right) = rest.split_at_mut(len);
        left.iter_mut().chain(right).for_each(|out| out[lane] = padding);
        let bytes = from.map_or(&[][..], |from| &from[start..start + len]);
        if crop.flip {
            inside.iter_mut().zip(bytes.iter().rev()).for_each(|(out, &u)| out[lane] = values[usize::from(u)]);
        } else {
            inside.iter_mut().zip(bytes).for_each(|(out, &u)| out[lane] = values[usize::from(u)]);
        }
    }
}
