//! Random transforms that are a function of their key.

use crate::image_set::{PICTURE_BYTES, PICTURE_SHAPE};
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};
use vr_core::{LANES, LaneBlock, TransformKey, random};

const SIDE: usize = PICTURE_SHAPE[1];
const PLANE: usize = SIDE * SIDE;
/// Zeros around a picture before it is cropped.
const PAD: usize = 4;

/// Which random transforms training pictures go through.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Augmentation {
    /// None: every pass sees the same picture.
    None,
    /// A horizontal flip with probability ½, and a random 32×32 crop after zero-padding by 4.
    #[default]
    Standard,
}

impl fmt::Display for Augmentation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "none",
            Self::Standard => "standard",
        })
    }
}

impl FromStr for Augmentation {
    type Err = UnknownAugmentation;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        match name {
            "none" => Ok(Self::None),
            "standard" => Ok(Self::Standard),
            _ => Err(UnknownAugmentation(name.to_owned())),
        }
    }
}

/// A name that is no augmentation.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("no augmentation is called `{0}`; there are `none` and `standard`")]
pub struct UnknownAugmentation(pub String);

/// One way to flip and crop a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Transform {
    /// Whether left and right are exchanged, after the crop.
    pub flip: bool,
    /// Top edge of the crop within the padded picture, in 0..=8; 4 is the middle.
    pub top: usize,
    /// Left edge of the crop, likewise.
    pub left: usize,
}

impl Transform {
    /// The transform that changes nothing.
    pub const IDENTITY: Self = Self { flip: false, top: PAD, left: PAD };

    /// Writes the picture, transformed and normalised, to `out`.
    ///
    /// Zeros pad the picture before it is normalised, so the border of a shifted picture is black and
    /// not grey, as with torchvision's `RandomCrop` followed by `ToTensor` and `Normalize`.
    ///
    /// # Panics
    /// When either slice is not one picture long, or the crop leaves the padded picture.
    pub fn apply(&self, picture: &[u8], out: &mut [f32]) {
        assert_eq!(out.len(), PICTURE_BYTES, "room for one picture");
        let mut crop = [0; PICTURE_BYTES];
        self.crop(picture, &mut crop);
        for (value, byte) in out.iter_mut().zip(crop) {
            *value = NORMALIZED[usize::from(byte)];
        }
    }

    /// Writes the transformed picture, before it is normalised, to `crop`, which holds zeros.
    fn crop(&self, picture: &[u8], crop: &mut [u8; PICTURE_BYTES]) {
        assert_eq!(picture.len(), PICTURE_BYTES, "one picture");
        assert!(self.top <= 2 * PAD && self.left <= 2 * PAD, "{self:?} leaves the padded picture");
        let (corner, middle) = (self.top * SIDE + self.left, PAD * SIDE + PAD);
        let (from, to) = (corner.saturating_sub(middle), middle.saturating_sub(corner));
        for (crop, plane) in crop.chunks_exact_mut(PLANE).zip(picture.chunks_exact(PLANE)) {
            crop[to..PLANE - from].copy_from_slice(&plane[from..PLANE - to]);
        }
        // A plane moved as a whole: what left a row at one side came into the next at the other, which the mask takes out.
        for row in crop.as_chunks_mut::<SIDE>().0 {
            let inside: [u8; SIDE] = std::array::from_fn(|x| row[x] & INSIDE[self.left][x]);
            *row = if self.flip { std::array::from_fn(|x| inside[SIDE - 1 - x]) } else { inside };
        }
    }
}

/// For each left edge, which columns of the crop show the picture (all bits) and which its padding (none).
static INSIDE: [[u8; SIDE]; 2 * PAD + 1] = {
    let mut masks = [[0; SIDE]; 2 * PAD + 1];
    let mut at = 0;
    while at < masks.len() * SIDE {
        let (left, x) = (at / SIDE, at % SIDE);
        if PAD <= left + x && left + x < PAD + SIDE {
            masks[left][x] = u8::MAX;
        }
        at += 1;
    }
    masks
};

/// Up to sixteen pictures, transformed and normalised as by [`Transform::apply`], each in its own lane.
///
/// # Panics
/// When there are more pictures, one is not a picture long, or a crop leaves the padded picture.
pub fn apply_in_lanes(pictures: &[(&[u8], Transform)]) -> LaneBlock {
    assert!(pictures.len() <= LANES, "{} pictures for {LANES} lanes", pictures.len());
    // Whole pictures first: rows of sixteen in turn would miss the cache at every one.
    let mut bytes = [[0; PICTURE_BYTES]; LANES];
    for ((picture, transform), bytes) in pictures.iter().zip(&mut bytes) {
        transform.crop(picture, bytes);
    }
    let value = |i: usize| std::array::from_fn(|lane: usize| NORMALIZED[usize::from(bytes[lane][i])]);
    let mut block: LaneBlock = (0..PICTURE_BYTES).map(value).collect();
    for lane in pictures.len()..LANES {
        block.set(lane, &[0.0; PICTURE_BYTES]);
    }
    block
}

impl Augmentation {
    /// The transform of sample `sample` under a key.
    pub fn draw(self, seed: u64, key: TransformKey, sample: u32) -> Transform {
        match self {
            Self::None => Transform::IDENTITY,
            Self::Standard => {
                let [flip, top, left, _] = key.with_seed(seed).words(sample, 0);
                let places = 2 * PAD as u32 + 1;
                Transform {
                    flip: random::below(flip, 2) == 1,
                    top: random::below(top, places) as usize,
                    left: random::below(left, places) as usize,
                }
            }
        }
    }
}

/// Each byte scaled to [0, 1] and normalised with mean ½ and standard deviation ½.
static NORMALIZED: [f32; 256] = {
    let mut table = [0.0; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = (byte as f32 / 255.0 - 0.5) / 0.5;
        byte += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;
    use vr_core::Stream;

    const KEY: TransformKey = TransformKey { stream: Stream::LockedTransform, generation: 1, visit: 0 };

    /// A different byte at every place of a plane's neighbourhood, other planes inverted.
    fn asymmetric() -> Vec<u8> {
        (0..PICTURE_BYTES).map(|i| (i % 1024 / 32 * 5 + i % 32 * 3 + i / 1024) as u8).collect()
    }

    /// The definition, word for word: pad, crop, flip, scale, normalise.
    fn slowly(transform: Transform, picture: &[u8]) -> Vec<f32> {
        let padded = |c: usize, y: usize, x: usize| {
            let inside = (PAD..PAD + SIDE).contains(&y) && (PAD..PAD + SIDE).contains(&x);
            if inside { picture[c * 1024 + (y - PAD) * SIDE + x - PAD] } else { 0 }
        };
        let mut out = Vec::new();
        for c in 0..3 {
            for y in 0..SIDE {
                for x in 0..SIDE {
                    let x = if transform.flip { SIDE - 1 - x } else { x };
                    let byte = padded(c, y + transform.top, x + transform.left);
                    out.push((f32::from(byte) / 255.0 - 0.5) / 0.5);
                }
            }
        }
        out
    }

    #[test]
    fn every_transform_is_what_its_definition_says() {
        let picture = asymmetric();
        let mut out = vec![0.0; PICTURE_BYTES];
        for flip in [false, true] {
            for (top, left) in (0..9).flat_map(|top| (0..9).map(move |left| (top, left))) {
                let transform = Transform { flip, top, left };
                transform.apply(&picture, &mut out);
                assert_eq!(out, slowly(transform, &picture), "{transform:?}");
            }
        }
    }

    #[test]
    fn lanes_hold_what_single_pictures_become() {
        let pictures: Vec<Vec<u8>> = (0..LANES)
            .map(|n| asymmetric().into_iter().map(|byte| byte.wrapping_mul(2 * n as u8 + 1)).collect())
            .collect();
        let drawn = |n| Augmentation::Standard.draw(3, KEY, n);
        for count in [1, 7, LANES] {
            let pairs: Vec<_> = (0..count).map(|n| (&pictures[n][..], drawn(n as u32))).collect();
            let block = apply_in_lanes(&pairs);
            let mut out = vec![0.0; PICTURE_BYTES];
            for (lane, (picture, transform)) in pairs.iter().enumerate() {
                transform.apply(picture, &mut out);
                assert!(block.lane(lane).eq(out.iter().copied()), "lane {lane} of {count}");
            }
            assert!((count..LANES).all(|lane| block.lane(lane).all(|value| value == 0.0)), "no picture, no value");
        }
    }

    #[test]
    fn padding_is_black() {
        let mut out = vec![0.0; PICTURE_BYTES];
        Transform { flip: false, top: 0, left: 8 }.apply(&vec![255; PICTURE_BYTES], &mut out);
        assert_eq!((out[0], out[31], out[10 * 32], out[10 * 32 + 31]), (-1.0, -1.0, 1.0, -1.0));
    }

    #[test]
    fn all_transforms_are_drawn_equally_often() {
        let mut counts = std::collections::HashMap::new();
        let trials = 162_000;
        for sample in 0..trials {
            *counts.entry(Augmentation::Standard.draw(0, KEY, sample)).or_insert(0_u32) += 1;
        }
        assert_eq!(counts.len(), 162);
        // χ² with 161 degrees of freedom: mean 161, standard deviation 18.
        let chi: f64 = counts.values().map(|&c| (f64::from(c) - 1000.0).powi(2) / 1000.0).sum();
        assert!((80.0..270.0).contains(&chi), "{chi}");
    }

    #[test]
    fn draws_depend_on_every_part_of_the_key() {
        let draws = |seed, key| -> Vec<_> { (0..20).map(|s| Augmentation::Standard.draw(seed, key, s)).collect() };
        let all: HashSet<_> = [
            draws(0, KEY),
            draws(1, KEY),
            draws(0, TransformKey { stream: Stream::InnerTransform, ..KEY }),
            draws(0, TransformKey { generation: 2, ..KEY }),
            draws(0, TransformKey { visit: 1, ..KEY }),
        ]
        .into_iter()
        .collect();
        assert_eq!(all.len(), 5);
        assert_eq!(Augmentation::None.draw(0, KEY, 3), Transform::IDENTITY);
    }

    #[test]
    fn names_go_both_ways() {
        for augmentation in [Augmentation::None, Augmentation::Standard] {
            assert_eq!(augmentation.to_string().parse(), Ok(augmentation));
        }
        assert!("mixup".parse::<Augmentation>().unwrap_err().to_string().contains("standard"));
    }
}
