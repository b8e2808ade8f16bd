//! Decoding and resampling against what Pillow and torchvision make of the same pictures (`pytorch/pictures.py`).

use serde::Deserialize;
use vr_core::{Key, Stream};
use vr_data::{CentreCrop, Draws, Part, Picture, RandomResizedCrop, Resize, Step, decode};

#[derive(Deserialize)]
struct Facts {
    size: [usize; 2],
    crc: u32,
    first: Vec<u8>,
}

#[derive(Deserialize)]
struct ResizedCrop {
    of: [usize; 2],
    corner: [usize; 2],
    part: [usize; 2],
    side: usize,
    #[serde(flatten)]
    facts: Facts,
}

#[derive(Deserialize)]
struct Tested {
    of: [usize; 2],
    shorter: usize,
    side: usize,
    #[serde(flatten)]
    facts: Facts,
}

#[derive(Deserialize)]
struct Fallback {
    of: [usize; 2],
    corner: [usize; 2],
    part: [usize; 2],
}

#[derive(Deserialize)]
struct Encoded {
    name: String,
    data: String,
    rgb: String,
    size: [usize; 2],
}

#[derive(Deserialize)]
struct Fixtures {
    resized_crops: Vec<ResizedCrop>,
    tested: Vec<Tested>,
    fallbacks: Vec<Fallback>,
    encoded: Vec<Encoded>,
}

fn fixtures() -> Fixtures {
    serde_json::from_str(include_str!("pytorch/pictures.json")).unwrap()
}

fn draws() -> Draws {
    Draws { key: Key::new(0, Stream::User), sample: 0 }
}

/// The picture that the script draws.
fn drawn([height, width]: [usize; 2]) -> Picture<'static> {
    let value = |c: usize, y: usize, x: usize| (x * x * (c + 3) / 5 + y * (7 - c) + x * y / (c + 2)) as u8;
    let planes = (0..3).flat_map(|c| (0..height).flat_map(move |y| (0..width).map(move |x| value(c, y, x))));
    Picture::new([3, height, width], planes.collect::<Vec<_>>()).unwrap()
}

/// A pixel's values side by side.
fn interleaved(picture: &Picture<'_>) -> Vec<u8> {
    let [_, height, width] = picture.shape();
    let plane = height * width;
    (0..plane).flat_map(|i| (0..3).map(move |c| picture.bytes()[c * plane + i])).collect()
}

fn assert_is(picture: &Picture<'_>, facts: &Facts, what: &str) {
    let bytes = interleaved(picture);
    assert_eq!(picture.shape(), [3, facts.size[0], facts.size[1]], "{what}");
    assert_eq!(bytes[..12], facts.first[..], "{what}");
    let mut crc = flate2::Crc::new();
    crc.update(&bytes);
    assert_eq!(crc.sum(), facts.crc, "{what}");
}

#[test]
fn resampled_parts_have_pillows_bytes() {
    let crops = fixtures().resized_crops;
    assert_eq!(crops.len(), 27);
    for ResizedCrop { of, corner, part: size, side, facts } in crops {
        let part = Part { corner, size, to: [side; 2] };
        assert_is(&drawn(of).resampled(part).unwrap(), &facts, &format!("{of:?} {part:?}"));
    }
}

#[test]
fn pictures_to_test_on_have_torchvisions_bytes() {
    let tested = fixtures().tested;
    assert_eq!(tested.len(), 18);
    for Tested { of, shorter, side, facts } in tested {
        let resized = Resize { shorter }.apply(drawn(of), draws()).unwrap();
        let cut = CentreCrop { side }.apply(resized, draws()).unwrap();
        assert_is(&cut, &facts, &format!("{of:?} {shorter} {side}"));
    }
}

/// Ten parts are asked to be larger than the picture.
#[test]
fn where_no_part_fits_torchvisions_is_taken() {
    let fallbacks = fixtures().fallbacks;
    assert_eq!(fallbacks.len(), 6);
    for Fallback { of, corner, part } in fallbacks {
        let step = RandomResizedCrop { area: [400.0, 400.0], ..RandomResizedCrop::new(24) };
        assert_eq!(step.part(of, draws()), Some(Part { corner, size: part, to: [24; 2] }), "{of:?}");
    }
}

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

/// The decoders differ in how they round and how they fill in colours between samples, by a few of 255.
#[test]
fn encoded_pictures_are_what_pillow_decodes() {
    let encoded = fixtures().encoded;
    assert_eq!(encoded.len(), 12);
    for Encoded { name, data, rgb, size } in encoded {
        let picture = decode(&bytes(&data)).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(picture.shape(), [3, size[0], size[1]], "{name}");
        let (found, expected) = (interleaved(&picture), bytes(&rgb));
        let apart: Vec<u8> = found.iter().zip(&expected).map(|(a, b)| a.abs_diff(*b)).collect();
        let mean = apart.iter().map(|&d| f64::from(d)).sum::<f64>() / apart.len() as f64;
        let most = apart.iter().max().unwrap();
        let (mean_bound, bound) = match &*name {
            "png" => (0.0, 0),
            "grey" => (0.1, 1),
            _ => (0.6, 6),
        };
        assert!(mean <= mean_bound && *most <= bound, "{name}: mean {mean}, at most {most}");
    }
}
