use super::*;
use std::collections::{HashMap, HashSet};
use vr_core::{LANES, Stream};

const SHAPE: [usize; 3] = [3, 32, 32];

fn key() -> Key {
    Key { generation: 1, ..Key::new(3, Stream::LockedTransform) }
}

fn draws(sample: u32) -> Draws {
    Draws { key: key(), sample }
}

/// A different byte at every place of a plane's neighbourhood, other planes shifted.
fn asymmetric() -> Picture<'static> {
    let bytes: Vec<u8> = (0..3072).map(|i| (i % 1024 / 32 * 5 + i % 32 * 3 + i / 1024) as u8).collect();
    Picture::new(SHAPE, bytes).unwrap()
}

fn values(transforms: &Transforms, picture: &Picture<'_>, draws: Draws) -> Vec<f32> {
    transforms.normalize().apply(&transforms.apply(picture.clone(), draws).unwrap()).unwrap()
}

/// The definition, word for word: draw, pad, crop, flip, scale, normalise.
fn slowly(picture: &Picture<'_>, draws: Draws) -> Vec<f32> {
    let [flip, top, left, _] = draws.key.words(draws.sample, 0);
    let below = |word: u32, bound: u64| ((u64::from(word) * bound) >> 32) as usize;
    let (flip, top, left) = (below(flip, 2) == 1, below(top, 9), below(left, 9));
    let padded = |c: usize, y: usize, x: usize| {
        let inside = (4..36).contains(&y) && (4..36).contains(&x);
        if inside { picture.bytes()[c * 1024 + (y - 4) * 32 + x - 4] } else { 0 }
    };
    let mut out = Vec::new();
    for c in 0..3 {
        for y in 0..32 {
            for x in 0..32 {
                let x = if flip { 31 - x } else { x };
                out.push((f32::from(padded(c, y + top, x + left)) / 255.0 - 0.5) / 0.5);
            }
        }
    }
    out
}

#[test]
fn the_standard_augmentation_is_what_its_definition_says() {
    let (picture, transforms) = (asymmetric(), Augmentation::Standard.transforms());
    for sample in 0..500 {
        assert_eq!(values(&transforms, &picture, draws(sample)), slowly(&picture, draws(sample)), "{sample}");
    }
}

#[test]
fn without_augmentation_the_bytes_are_only_normalised() {
    let picture = asymmetric();
    let expected: Vec<f32> = picture.bytes().iter().map(|&byte| (f32::from(byte) / 255.0 - 0.5) / 0.5).collect();
    assert_eq!(values(&Augmentation::None.transforms(), &picture, draws(3)), expected);
}

#[test]
fn lanes_hold_what_single_pictures_become() {
    for shape @ [channels, height, width] in [SHAPE, [1, 5, 7], [2, 48, 48], [3, 8, 8]] {
        let transforms = Augmentation::Standard.transforms().normalized(match channels {
            2 => Normalize::by_channel([0.1, 0.9], [0.5, 2.0]),
            _ => Normalize::default(),
        });
        let pictures: Vec<_> = (0..LANES)
            .map(|n| {
                let bytes = (0..channels * height * width).map(|i| (i * (2 * n + 1)) as u8).collect::<Vec<_>>();
                transforms.apply(Picture::new(shape, bytes).unwrap(), draws(n as u32)).unwrap()
            })
            .collect();
        for count in [1, 7, LANES] {
            let block = transforms.normalize().lanes(&pictures[..count], shape);
            for (lane, picture) in pictures[..count].iter().enumerate() {
                let expected = transforms.normalize().apply(picture).unwrap();
                assert!(block.lane(lane).eq(expected), "lane {lane} of {count}");
            }
            assert!((count..LANES).all(|lane| block.lane(lane).all(|value| value == 0.0)), "no picture, no value");
        }
    }
}

#[test]
fn padding_is_black() {
    let white = Picture::new(SHAPE, vec![255; 3072]).unwrap();
    let transforms = Transforms::new().then(PadCrop { padding: 4 });
    let corner = |sample| PadCrop { padding: 4 }.draw(draws(sample));
    let sample = (0..1000).find(|&sample| corner(sample) == [0, 8]).unwrap();
    let out = values(&transforms, &white, draws(sample));
    assert_eq!((out[0], out[31], out[10 * 32], out[10 * 32 + 31]), (-1.0, -1.0, 1.0, -1.0));
}

#[test]
fn all_transforms_are_drawn_equally_often() {
    let mut counts = HashMap::new();
    let trials = 162_000;
    for sample in 0..trials {
        let drawn = (Flip.draw(draws(sample)), PadCrop { padding: 4 }.draw(draws(sample)));
        *counts.entry(drawn).or_insert(0_u32) += 1;
    }
    assert_eq!(counts.len(), 162);
    // χ² with 161 degrees of freedom: mean 161, standard deviation 18.
    let chi: f64 = counts.values().map(|&c| (f64::from(c) - 1000.0).powi(2) / 1000.0).sum();
    assert!((80.0..270.0).contains(&chi), "{chi}");
}

#[test]
fn draws_depend_on_every_part_of_the_key() {
    let drawn = |key| -> Vec<_> { (0..20).map(|sample| PadCrop { padding: 4 }.draw(Draws { key, sample })).collect() };
    let all: HashSet<_> = [
        key(),
        Key { seed: 1, ..key() },
        Key { stream: Stream::InnerTransform, ..key() },
        Key { generation: 2, ..key() },
        Key { visit: 1, ..key() },
    ]
    .map(drawn)
    .into_iter()
    .collect();
    assert_eq!(all.len(), 5);
}

/// Takes the first `height` rows.
#[derive(Debug)]
struct Top(usize);

impl Step for Top {
    fn output(&self, input: PictureShape) -> Result<PictureShape, TransformError> {
        Ok(PictureShape { channels: 1, size: input.size.map(|[_, width]| [self.0, width]) })
    }

    fn is_random(&self) -> bool {
        false
    }

    fn apply<'a>(&self, picture: Picture<'a>, _draws: Draws) -> Result<Picture<'a>, TransformError> {
        let [_, _, width] = picture.shape();
        Ok(Picture::new([1, self.0, width], picture.bytes()[..self.0 * width].to_vec())?)
    }
}

#[test]
fn steps_of_ones_own_are_composed_with_the_others() {
    let transforms = Transforms::new().then(Top(2)).then(Flip);
    assert_eq!(transforms.output(SHAPE.into()).unwrap(), [1, 2, 32]);
    let out = transforms.apply(asymmetric(), draws(0)).unwrap();
    assert_eq!(out.shape(), [1, 2, 32]);
    assert!(matches!(transforms.output(PictureShape { channels: 3, size: None }), Err(TransformError::Sizes { .. })));
    let by_channel = transforms.clone().normalized(Normalize::by_channel([0.5; 3], [0.5; 3]));
    let error = by_channel.output(SHAPE.into()).unwrap_err();
    assert!(error.to_string().contains("one with 3 channels was expected"), "{error}");
    assert!(matches!(transforms.check_fixed(), Err(TransformError::Random { .. })));
    assert!(Transforms::new().then(Top(2)).check_fixed().is_ok());
}

#[test]
fn names_go_both_ways() {
    for augmentation in [Augmentation::None, Augmentation::Standard] {
        assert_eq!(augmentation.to_string().parse(), Ok(augmentation));
    }
    assert!("mixup".parse::<Augmentation>().unwrap_err().to_string().contains("standard"));
}
