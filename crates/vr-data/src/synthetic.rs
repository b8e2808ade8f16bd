//! A seeded set of drawn pictures: ten shapes in random colours, places and sizes, among clutter.
//!
//! It stands in for CIFAR-10 where nothing may be downloaded. The shape alone decides the class, every
//! class is the same distribution seen in a mirror, and a tenth of the pictures hold a second large
//! shape, so no model gets all of them right.

mod canvas;
mod shape;

use crate::{Dataset, ImageSet, ImageSetError, Picture, PictureError, ReadPicture};
use canvas::Canvas;
use rayon::prelude::*;
use shape::{Placement, SHAPES};
use std::sync::Arc;
use vr_core::{Key, Stream, random};

/// Rows and columns of a picture, and the measure of all shapes.
const SIDE: usize = 32;
/// `[channels, height, width]` of a drawn picture.
pub const SHAPE: [usize; 3] = [3, SIDE, SIDE];
const PICTURE_BYTES: usize = SHAPE[0] * SHAPE[1] * SHAPE[2];

/// How many pictures, and which.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SyntheticConfig {
    /// Equal seeds give equal pictures.
    pub seed: u64,
    /// Training pictures.
    pub train: usize,
    /// Test pictures.
    pub test: usize,
}

impl Default for SyntheticConfig {
    fn default() -> Self {
        Self { seed: 0, train: 10_000, test: 2_000 }
    }
}

/// Draws the set. Classes are equally frequent, up to one picture.
pub fn synthetic(config: &SyntheticConfig) -> Dataset {
    let split = |generation, pictures| {
        let key = Key { generation, ..Key::new(config.seed, Stream::Synthetic) };
        draw_set(key, pictures)
    };
    Dataset { name: "synthetic".into(), train: split(0, config.train), test: split(1, config.test) }
}

/// The same set with pictures of `side` rows and columns, each drawn when it is asked for. Classes, colours, places and
/// proportions are those of [`synthetic`]; the noise is as fine as the pixels.
///
/// # Errors
/// [`ImageSetError::Shape`] when `side` is 0, or too large for a picture.
pub fn synthetic_of_size(config: &SyntheticConfig, side: usize) -> Result<Dataset, ImageSetError> {
    let split = |generation, pictures| {
        let key = Key { generation, ..Key::new(config.seed, Stream::Synthetic) };
        let digest = format!("synthetic, seed {}, split {generation}, {side} rows", config.seed);
        ImageSet::read_on_demand(
            Arc::new(Drawn { key, side }),
            digest,
            [3, side, side].into(),
            labels(pictures),
            classes(),
        )
    };
    let name = format!("synthetic ({side} px)");
    Ok(Dataset { name, train: split(0, config.train)?, test: split(1, config.test)? })
}

/// Pictures that are drawn when they are asked for.
#[derive(Debug)]
struct Drawn {
    key: Key,
    side: usize,
}

impl ReadPicture for Drawn {
    fn read(&self, index: usize) -> Result<Picture<'_>, PictureError> {
        let mut bytes = vec![0; 3 * self.side * self.side];
        let mut draws = Draws { key: self.key, sample: index as u32, next: 0, block: [0; 4] };
        draw_picture(index % SHAPES.len(), self.side, &mut draws, &mut bytes);
        Picture::new([3, self.side, self.side], bytes)
    }
}

fn labels(pictures: usize) -> Vec<u16> {
    (0..pictures).map(|picture| (picture % SHAPES.len()) as u16).collect()
}

fn classes() -> Vec<String> {
    SHAPES.iter().map(|(name, _)| (*name).to_owned()).collect()
}

fn draw_set(key: Key, pictures: usize) -> ImageSet {
    let mut pixels = vec![0; pictures * PICTURE_BYTES];
    let labels = labels(pictures);
    pixels.par_chunks_exact_mut(PICTURE_BYTES).zip(&labels).enumerate().for_each(|(picture, (out, &label))| {
        let mut draws = Draws { key, sample: picture as u32, next: 0, block: [0; 4] };
        draw_picture(usize::from(label), SIDE, &mut draws, out);
    });
    ImageSet::new(SHAPE, pixels, labels, classes()).expect("one picture was drawn for each label, each a shape's index")
}

fn draw_picture(class: usize, side: usize, draws: &mut Draws, out: &mut [u8]) {
    let scale = side as f32 / SIDE as f32;
    let background = draws.colour();
    let mut canvas = Canvas::new(side, background, draws.between(-0.25, 0.25), draws.between(-0.25, 0.25));
    for _ in 0..draws.below(4) + 2 {
        let clutter = draws.below(SHAPES.len() as u32) as usize;
        let placement = draws.placement(2.0, 3.5);
        let colour = draws.colour();
        canvas.draw(SHAPES[clutter].1, placement.scaled(scale), colour, 0.8);
    }
    let target = draws.placement(6.0, 11.0);
    if draws.uniform() < 0.1 {
        let other = draws.below(SHAPES.len() as u32) as usize;
        let placement = draws.placement(5.0, 10.0);
        let colour = draws.contrasting(background);
        canvas.draw(SHAPES[other].1, placement.scaled(scale), colour, 0.9);
    }
    let colour = draws.contrasting(background);
    canvas.draw(SHAPES[class].1, target.scaled(scale), colour, 0.9);
    let noise = draws.between(0.08, 0.2);
    canvas.finish(|| noise * draws.rough_normal(), out);
}

/// The draws of one picture, one after the other.
struct Draws {
    key: Key,
    sample: u32,
    next: u32,
    block: [u32; 4],
}

impl Draws {
    fn word(&mut self) -> u32 {
        let place = (self.next % 4) as usize;
        if place == 0 {
            self.block = self.key.words(self.sample, self.next / 4);
        }
        self.next += 1;
        self.block[place]
    }

    fn below(&mut self, bound: u32) -> u32 {
        random::below(self.word(), bound)
    }

    fn uniform(&mut self) -> f32 {
        random::uniform(self.word()) as f32
    }

    fn between(&mut self, low: f32, high: f32) -> f32 {
        low + (high - low) * self.uniform()
    }

    fn colour(&mut self) -> [f32; 3] {
        [self.uniform(), self.uniform(), self.uniform()]
    }

    /// A colour that can be told from `other`: after a few tries, the opposite one.
    fn contrasting(&mut self, other: [f32; 3]) -> [f32; 3] {
        for _ in 0..8 {
            let colour = self.colour();
            let distance: f32 = colour.iter().zip(other).map(|(a, b)| (a - b).powi(2)).sum();
            if distance > 0.2 {
                return colour;
            }
        }
        other.map(|value| if value < 0.5 { value + 0.5 } else { value - 0.5 })
    }

    fn placement(&mut self, smallest: f32, largest: f32) -> Placement {
        let radius = self.between(smallest, largest);
        // A fifth of the shape may lie outside the picture.
        let reach = 0.8 * radius;
        let far = SIDE as f32 - reach;
        let centre = [self.between(reach, far), self.between(reach, far)];
        Placement { centre, radius, angle: self.between(-0.25, 0.25), stretch: self.between(0.8, 1.25) }
    }

    /// Mean 0 and variance 1 from the four bytes of a word: close enough to normal for camera noise.
    fn rough_normal(&mut self) -> f32 {
        let sum: u32 = self.word().to_le_bytes().into_iter().map(u32::from).sum();
        (sum as f32 - 510.0) / 147.8
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_seed_decides_and_the_splits_differ() {
        let config = SyntheticConfig { seed: 3, train: 40, test: 40 };
        let set = synthetic(&config);
        assert_eq!(set, synthetic(&config));
        assert_ne!(set.train, set.test);
        assert_ne!(set.train.digest(), synthetic(&SyntheticConfig { seed: 4, ..config }).train.digest());
        assert_eq!(set.train.class_counts(), [4; 10]);
    }

    /// Results name their data by these digests.
    #[test]
    fn the_default_set_is_what_it_was() {
        let set = synthetic(&SyntheticConfig::default());
        assert_eq!(set.test.digest(), "312d029eda07c6cb44fe927df641dc4a414a8af95e414a57a116f93ae0573146");
        let part = crate::balanced_subset(&set.train, 5000, 0).unwrap();
        assert_eq!(part.digest(), "823dc049839487fcb91b76eaf6a5915d8b3d6a5d3c3cc3f5d5838b2091d5eb63");
    }

    #[test]
    fn a_picture_does_not_depend_on_how_many_there_are() {
        let few = synthetic(&SyntheticConfig { seed: 3, train: 5, test: 0 });
        let many = synthetic(&SyntheticConfig { seed: 3, train: 50, test: 0 });
        assert_eq!(few.train.pixels().unwrap(), &many.train.pixels().unwrap()[..5 * PICTURE_BYTES]);
    }

    #[test]
    fn at_its_own_size_it_is_the_same_set() {
        let config = SyntheticConfig { seed: 3, train: 30, test: 10 };
        let (set, drawn) = (synthetic(&config), synthetic_of_size(&config, 32).unwrap());
        for (set, drawn) in [(set.train, drawn.train), (set.test, drawn.test)] {
            assert_eq!(set.labels(), drawn.labels());
            assert!((0..set.len()).all(|index| set.picture(index).unwrap() == drawn.picture(index).unwrap()));
        }
        assert_eq!(synthetic_of_size(&config, 0).unwrap_err(), ImageSetError::Shape([3, 0, 0]));
    }

    /// A larger picture brought to 32×32 differs from the small one by noise alone, which is not drawn alike.
    #[test]
    fn other_sizes_show_the_same() {
        let config = SyntheticConfig { seed: 3, train: 20, test: 0 };
        let small = synthetic(&config).train;
        for side in [64, 96] {
            let large = synthetic_of_size(&config, side).unwrap().train;
            assert_ne!(large.digest(), synthetic_of_size(&config, side + 1).unwrap().train.digest());
            for index in 0..20 {
                let (a, b) = (small.picture(index).unwrap(), large.picture(index).unwrap());
                assert_eq!(b, large.picture(index).unwrap());
                let b = b.resampled(crate::Part::whole([side, side], [32, 32])).unwrap();
                let apart: u64 = a.bytes().iter().zip(b.bytes()).map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
                let other: u64 = small
                    .picture((index + 10) % 20)
                    .unwrap()
                    .bytes()
                    .iter()
                    .zip(b.bytes())
                    .map(|(a, b)| u64::from(a.abs_diff(*b)))
                    .sum();
                assert!(apart < 3072 * 40 && apart < other, "{index} at {side}: {apart}, another {other}");
            }
        }
    }
}
