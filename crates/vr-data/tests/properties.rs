//! Properties of the record parser and of the transforms, over arbitrary input.

use proptest::{collection::vec, prelude::*};
use vr_core::{Key, Stream};
use vr_data::{
    Augmentation, Draws, Flip, ImageSet, PadCrop, Picture, Step, Transforms,
    cifar10::{PICTURE_BYTES, RECORD_BYTES, RecordError, SHAPE, parse_records, write_records},
};

fn classes(count: usize) -> Vec<String> {
    (0..count).map(|class| class.to_string()).collect()
}

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    vec(any::<u8>(), PICTURE_BYTES)
}

/// A picture of any small shape.
fn picture() -> impl Strategy<Value = Picture<'static>> {
    (1..4_usize, 1..20_usize, 1..20_usize).prop_flat_map(|(channels, height, width)| {
        let bytes = vec(any::<u8>(), channels * height * width);
        bytes.prop_map(move |bytes| Picture::new([channels, height, width], bytes).unwrap())
    })
}

fn draws() -> impl Strategy<Value = Draws> {
    (any::<u64>(), any::<u32>(), any::<u32>(), any::<u32>()).prop_map(|(seed, generation, visit, sample)| Draws {
        key: Key { seed, stream: Stream::InnerTransform, generation, visit },
        sample,
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_bytes_parse_or_name_the_fault(bytes in vec(any::<u8>(), 0..3 * RECORD_BYTES), count in 1..=256_usize) {
        match parse_records(&bytes, count) {
            Ok((labels, pixels)) => {
                let set = ImageSet::new(SHAPE, pixels, labels, classes(count)).unwrap();
                prop_assert_eq!(write_records(&set, 0..set.len()).unwrap(), bytes);
            }
            Err(RecordError::Truncated { found }) => {
                prop_assert_eq!(found, bytes.len());
                prop_assert_ne!(found % RECORD_BYTES, 0);
            }
            Err(RecordError::Label { record, label, .. }) => {
                prop_assert_eq!(bytes[record * RECORD_BYTES], label);
                prop_assert!(usize::from(label) >= count);
            }
            Err(error) => prop_assert!(false, "{error}"),
        }
    }

    #[test]
    fn records_come_back(pictures in vec((0..10_u16, bytes()), 0..4)) {
        let labels: Vec<u16> = pictures.iter().map(|(label, _)| *label).collect();
        let pixels = pictures.iter().flat_map(|(_, bytes)| bytes).copied().collect();
        let set = ImageSet::new(SHAPE, pixels, labels, classes(10)).unwrap();
        let (labels, pixels) = parse_records(&write_records(&set, 0..set.len()).unwrap(), 10).unwrap();
        prop_assert_eq!(ImageSet::new(SHAPE, pixels, labels, classes(10)).unwrap(), set);
    }

    #[test]
    fn a_flip_mirrors_each_row_or_none(picture in picture(), draws in draws()) {
        let flipped = Flip.apply(picture.clone(), draws).unwrap();
        let [.., width] = picture.shape();
        for (a, b) in picture.bytes().chunks_exact(width).zip(flipped.bytes().chunks_exact(width)) {
            let expected: Vec<u8> = if Flip.draw(draws) { a.iter().rev().copied().collect() } else { a.to_vec() };
            prop_assert_eq!(b, expected);
        }
    }

    #[test]
    fn values_stay_in_range(picture in picture(), draws in draws()) {
        let transforms = Augmentation::Standard.transforms();
        let out = transforms.apply(picture.clone(), draws).unwrap();
        prop_assert_eq!(out.shape(), transforms.output(picture.shape().into()).unwrap());
        prop_assert!(transforms.normalize().apply(&out).unwrap().iter().all(|value| (-1.0..=1.0).contains(value)));
    }

    #[test]
    fn without_steps_every_byte_is_kept(picture in picture(), draws in draws()) {
        let transforms = Transforms::new();
        let out = transforms.normalize().apply(&transforms.apply(picture.clone(), draws).unwrap()).unwrap();
        let bytes: Vec<u8> = out.iter().map(|value| ((value + 1.0) * 127.5).round() as u8).collect();
        prop_assert_eq!(bytes, picture.bytes());
    }

    #[test]
    fn any_padding_and_picture_give_a_crop(picture in picture(), draws in draws(), padding in 0..40_u16) {
        let step = PadCrop { padding };
        prop_assert!(step.draw(draws).iter().all(|&edge| edge <= 2 * usize::from(padding)));
        let out = step.apply(picture.clone(), draws).unwrap();
        prop_assert_eq!(out.shape(), picture.shape());
        prop_assert_eq!(step.apply(picture, draws).unwrap(), out);
    }
}
