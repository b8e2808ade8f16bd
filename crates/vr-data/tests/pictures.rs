//! Pictures in files, from decoding to lanes: the same bits on any number of threads, with and without a cache.

use image::{ImageFormat, RgbImage};
use std::{fs, path::Path, sync::Arc};
use vr_core::{Batch, MinibatchKey, MinibatchSource, Stream, TransformKey};
use vr_data::{ImageSet, Loader, LoaderConfig, image_folder, test_batches, transform::imagenet};

/// JPEGs and PNGs of different sizes, grey ones among them.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (class, shade) in [("ant", 1), ("bee", 3), ("zebra", 7)] {
        for (split, count) in [("train", 15), ("val", 4)] {
            let place = folder.path().join(split).join(class);
            fs::create_dir_all(&place).unwrap();
            for n in 0..count {
                save(&place, n, shade);
            }
        }
    }
    folder
}

fn save(place: &Path, n: u32, shade: u32) {
    let picture = RgbImage::from_fn(40 + 17 * (n % 5), 90 - 11 * (n % 6), |x, y| {
        image::Rgb([(x * shade) as u8, (y * 5 + n) as u8, (x * y / 7) as u8])
    });
    let grey = image::DynamicImage::ImageLuma8(image::imageops::grayscale(&picture));
    let (path, picture) = (place.join(format!("{n}.JPEG")), image::DynamicImage::ImageRgb8(picture));
    match n % 4 {
        0 => grey.save_with_format(path, ImageFormat::Jpeg).unwrap(),
        1 => picture.save_with_format(path, ImageFormat::Png).unwrap(),
        _ => picture.save_with_format(path, ImageFormat::Jpeg).unwrap(),
    }
}

fn keys(stream: Stream, visit: u32) -> Vec<MinibatchKey> {
    let transform = TransformKey { stream, generation: 2, visit };
    (0..3).map(|index| MinibatchKey { generation: 2, index, transform }).collect()
}

fn loader(set: ImageSet) -> Loader {
    let config =
        LoaderConfig { batch_size: 17, transforms: imagenet::training(32), seed: 3, ..LoaderConfig::default() };
    Loader::new(Arc::new(set), config).unwrap()
}

fn all(loader: &Loader, keys: &[MinibatchKey]) -> Vec<Batch> {
    loader.prefetch(keys);
    keys.iter().map(|&key| loader.minibatch(key).unwrap()).collect()
}

#[test]
fn threads_and_cache_change_no_bit() {
    let folder = folder();
    let train = || image_folder(folder.path()).unwrap().set.train;
    let keys = keys(Stream::LockedTransform, 0);
    let expected = all(&loader(train()), &keys);
    assert_eq!(expected[0].shape(), [17, 3, 32, 32]);
    // Nothing, some pictures and all of them are kept.
    for cache in [0, 40_000, 1 << 30] {
        let loader = loader(train().cached(cache));
        for threads in 1..=4 {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            assert_eq!(pool.install(|| all(&loader, &keys)), expected, "{threads} threads, {cache} bytes");
        }
    }
}

#[test]
fn locked_visits_are_equal_and_unlocked_ones_differ() {
    let folder = folder();
    let loader = loader(image_folder(folder.path()).unwrap().set.train);
    let locked = all(&loader, &keys(Stream::LockedTransform, 0));
    assert_eq!(all(&loader, &keys(Stream::LockedTransform, 0)), locked);
    let again = all(&loader, &keys(Stream::InnerTransform, 1));
    for (a, b) in locked.iter().zip(&again) {
        assert_eq!(a.labels(), b.labels());
        assert_ne!(a.images(), b.images());
    }
}

/// What is decoded in part is what is decoded whole and cut afterwards.
#[test]
fn a_part_is_that_of_the_whole_picture() {
    let folder = folder();
    let set = image_folder(folder.path()).unwrap().set.train;
    for index in 0..set.len() {
        let whole = set.picture(index).unwrap();
        let [_, height, width] = whole.shape();
        for top in (0..height).step_by(9) {
            let part = |size: [usize; 2]| vr_data::Part {
                corner: [top, 3],
                size: [(size[0] - top).min(13), size[1] - 5],
                to: [8, 21],
            };
            let expected = whole.resampled(part([height, width])).unwrap();
            assert_eq!(set.part(index, |size| Some(part(size))).unwrap(), expected, "picture {index}, from {top}");
        }
    }
    let outside = set.part(0, |size| Some(vr_data::Part { corner: [1, 0], size, to: [8, 8] }));
    assert!(matches!(outside, Err(vr_data::PictureError::Part { .. })));
}

#[test]
fn pictures_to_test_on_come_in_order() {
    let folder = folder();
    let test = image_folder(folder.path()).unwrap().set.test;
    let labels = test.labels().to_vec();
    let steps = imagenet::testing(28);
    let batches: Vec<Batch> = test_batches(&test, &steps, 5).map(Result::unwrap).collect();
    assert_eq!(batches.iter().map(Batch::len).collect::<Vec<_>>(), [5, 5, 2]);
    let found: Vec<u16> = batches.iter().flat_map(|batch| batch.labels().iter().map(|&label| label as u16)).collect();
    assert_eq!(found, labels);
    let cached: Vec<Batch> = test_batches(&test.cached(20_000), &steps, 5).map(Result::unwrap).collect();
    assert_eq!(cached, batches);
}
