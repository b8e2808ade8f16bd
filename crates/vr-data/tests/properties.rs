//! Properties of the record parser and of the transforms, over arbitrary input.

use proptest::{collection::vec, prelude::*};
use vr_core::{Stream, TransformKey};
use vr_data::{
    Augmentation, ImageSet, Transform,
    cifar10::{RECORD_BYTES, RecordError, parse_records, write_records},
    image_set::PICTURE_BYTES,
};

fn classes(count: usize) -> Vec<String> {
    (0..count).map(|class| class.to_string()).collect()
}

fn picture() -> impl Strategy<Value = Vec<u8>> {
    vec(any::<u8>(), PICTURE_BYTES)
}

fn transform() -> impl Strategy<Value = Transform> {
    (any::<bool>(), 0..9_usize, 0..9_usize).prop_map(|(flip, top, left)| Transform { flip, top, left })
}

fn applied(transform: Transform, picture: &[u8]) -> Vec<f32> {
    let mut out = vec![0.0; PICTURE_BYTES];
    transform.apply(picture, &mut out);
    out
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_bytes_parse_or_name_the_fault(bytes in vec(any::<u8>(), 0..3 * RECORD_BYTES), count in 1..=256_usize) {
        match parse_records(&bytes, count) {
            Ok((labels, pixels)) => {
                let set = ImageSet::new(pixels, labels, classes(count)).unwrap();
                prop_assert_eq!(write_records(&set, 0..set.len()), bytes);
            }
            Err(RecordError::Truncated { found }) => {
                prop_assert_eq!(found, bytes.len());
                prop_assert_ne!(found % RECORD_BYTES, 0);
            }
            Err(RecordError::Label { record, label, .. }) => {
                prop_assert_eq!(bytes[record * RECORD_BYTES], label);
                prop_assert!(usize::from(label) >= count);
            }
        }
    }

    #[test]
    fn records_come_back(pictures in vec((0..10_u8, picture()), 0..4)) {
        let labels: Vec<u8> = pictures.iter().map(|(label, _)| *label).collect();
        let pixels = pictures.iter().flat_map(|(_, picture)| picture).copied().collect();
        let set = ImageSet::new(pixels, labels, classes(10)).unwrap();
        let (labels, pixels) = parse_records(&write_records(&set, 0..set.len()), 10).unwrap();
        prop_assert_eq!(ImageSet::new(pixels, labels, classes(10)).unwrap(), set);
    }

    #[test]
    fn a_flip_mirrors_each_row(picture in picture(), transform in transform()) {
        let straight = applied(Transform { flip: false, ..transform }, &picture);
        let flipped = applied(Transform { flip: true, ..transform }, &picture);
        for (a, b) in straight.chunks_exact(32).zip(flipped.chunks_exact(32)) {
            prop_assert!(a.iter().eq(b.iter().rev()));
        }
    }

    #[test]
    fn values_stay_in_range(picture in picture(), transform in transform()) {
        prop_assert!(applied(transform, &picture).iter().all(|value| (-1.0..=1.0).contains(value)));
    }

    #[test]
    fn the_identity_keeps_every_byte(picture in picture()) {
        let bytes: Vec<u8> =
            applied(Transform::IDENTITY, &picture).iter().map(|value| ((value + 1.0) * 127.5).round() as u8).collect();
        prop_assert_eq!(bytes, picture);
    }

    #[test]
    fn every_key_draws_a_valid_transform(seed: u64, generation: u32, visit: u32, sample: u32) {
        let key = TransformKey { stream: Stream::InnerTransform, generation, visit };
        let transform = Augmentation::Standard.draw(seed, key, sample);
        prop_assert!(transform.top <= 8 && transform.left <= 8);
        prop_assert_eq!(transform, Augmentation::Standard.draw(seed, key, sample));
    }
}
