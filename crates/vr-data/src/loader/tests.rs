use super::*;
use crate::PadCrop;
use crate::{SyntheticConfig, synthetic};
use vr_core::{Stream, TransformKey};

fn set() -> Arc<ImageSet> {
    Arc::new(synthetic(&SyntheticConfig { seed: 1, train: 300, test: 0 }).train)
}

fn loader(config: LoaderConfig) -> Loader {
    Loader::new(set(), config).unwrap()
}

fn small(prefetch_depth: usize) -> LoaderConfig {
    LoaderConfig { batch_size: 32, prefetch_depth, ..LoaderConfig::default() }
}

fn key(generation: u32, index: u32, stream: Stream) -> MinibatchKey {
    MinibatchKey { generation, index, transform: TransformKey { stream, generation, visit: 0 } }
}

fn keys() -> Vec<MinibatchKey> {
    (0..20).map(|i| key(i / 10, i % 10, Stream::LockedTransform)).collect()
}

fn all(loader: &Loader, keys: &[MinibatchKey]) -> Vec<Batch> {
    keys.iter().map(|&key| loader.minibatch(key).unwrap()).collect()
}

#[test]
fn order_and_threads_change_nothing() {
    let loader = loader(small(0));
    let expected = all(&loader, &keys());
    let mut backwards = keys();
    backwards.reverse();
    let mut found = all(&loader, &backwards);
    found.reverse();
    assert_eq!(found, expected);
    for threads in [1, 3] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        assert_eq!(pool.install(|| all(&loader, &keys())), expected, "{threads} threads");
    }
}

#[test]
fn preparing_ahead_changes_nothing_and_is_bounded() {
    let expected = all(&loader(small(0)), &keys());
    let ahead = loader(small(3));
    for (place, key) in keys().into_iter().enumerate() {
        ahead.prefetch(&keys()[place..]);
        if place % 2 == 0 {
            let ready = ahead.prefetcher.as_ref().unwrap().settle();
            assert_eq!(ready, 3.min(keys().len() - place));
        }
        assert_eq!(ahead.minibatch(key).unwrap(), expected[place]);
    }
}

#[test]
fn a_locked_key_used_twice_gives_the_same_and_other_streams_differ() {
    let loader = loader(small(2));
    let locked = loader.minibatch(key(0, 1, Stream::LockedTransform)).unwrap();
    assert_eq!(loader.minibatch(key(0, 1, Stream::LockedTransform)).unwrap(), locked);
    let inner = loader.minibatch(key(0, 1, Stream::InnerTransform)).unwrap();
    assert_eq!(inner.labels(), locked.labels(), "the same samples");
    assert_ne!(inner.images(), locked.images(), "transformed differently");
    let (locked, inner) = (locked.noise().unwrap(), inner.noise().unwrap());
    assert_eq!(locked.samples, loader.plan().indices(0, 1).unwrap());
    assert_eq!(
        locked.words(2, 0),
        loader.minibatch(key(0, 1, Stream::LockedTransform)).unwrap().noise().unwrap().words(2, 0)
    );
    assert_ne!(inner.words(2, 0), locked.words(2, 0), "other dropout masks");
}

#[test]
fn every_picture_comes_once_with_its_label() {
    let config = LoaderConfig { transforms: Transforms::new(), ..small(0) };
    let loader = loader(config);
    let direct: Vec<Batch> = test_batches(loader.set(), &Transforms::new(), 1).map(Result::unwrap).collect();
    let mut seen = vec![0; 300];
    for index in 0..loader.minibatches() as u32 {
        let batch = loader.minibatch(key(4, index, Stream::InnerTransform)).unwrap();
        let samples = loader.plan().indices(4, index).unwrap();
        for (place, sample) in samples.into_iter().enumerate() {
            seen[sample as usize] += 1;
            assert!(batch.image(place).eq(direct[sample as usize].image(0)));
            assert_eq!(batch.labels()[place..=place], *direct[sample as usize].labels());
        }
    }
    assert!(seen.iter().all(|&times| times == 1));
}

/// One bright pixel in each plane, nowhere on a diagonal: exchanged axes would move it.
#[test]
fn axes_are_channel_row_column() {
    let mut pixels = vec![0; 3 * 20 * 30];
    for (channel, row, column) in [(0, 3, 17), (1, 19, 2), (2, 0, 29)] {
        pixels[channel * 600 + row * 30 + column] = 255;
    }
    let set = ImageSet::new([3, 20, 30], pixels, vec![0], vec!["only".into()]).unwrap();
    let batch = test_batches(&set, &Transforms::new(), 8).next().unwrap().unwrap();
    assert_eq!(batch.shape(), [1, 3, 20, 30]);
    let bright: Vec<_> = (0..1800).filter(|&i| batch.images()[i] == 1.0).collect();
    assert_eq!(bright, [3 * 30 + 17, 600 + 19 * 30 + 2, 1200 + 29]);
    assert!(batch.images().iter().all(|&value| value == 1.0 || value == -1.0));
}

/// Pictures of 224×224 in 1,000 classes: a block of sixteen is 9.6 MB, which no stack holds.
#[test]
fn large_pictures_of_many_classes_are_loaded_on_a_small_stack() {
    let work = || {
        let classes = (0..1000).map(|class| class.to_string()).collect();
        let shape = [3, 224, 224];
        let pixels = (0..17 * 3 * 224 * 224).map(|i| (i / 7) as u8).collect();
        let labels = (0..17).map(|n| 983 + n).collect();
        let set = Arc::new(ImageSet::new(shape, pixels, labels, classes).unwrap());
        let loader = Loader::new(set, LoaderConfig { batch_size: 17, prefetch_depth: 0, ..LoaderConfig::default() });
        let loader = loader.unwrap();
        assert_eq!(loader.spec(), BatchSpec { shape, classes: 1000 });
        let batch = loader.minibatch(key(0, 0, Stream::InnerTransform)).unwrap();
        assert_eq!(batch.shape(), [17, 3, 224, 224]);
        assert_eq!(batch.labels().iter().max(), Some(&999));
    };
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).stack_size(128 << 10).build().unwrap();
    pool.install(work);
}

#[test]
fn impossible_requests_are_errors() {
    let new = |config| Loader::new(set(), config).err();
    assert!(matches!(new(LoaderConfig { batch_size: 0, ..small(0) }), Some(LoaderError::BatchSize(0))));
    let too_large = LoaderConfig { batch_size: 301, drop_last: true, ..small(0) };
    assert!(matches!(new(too_large), Some(LoaderError::NoMinibatch { pictures: 300, batch_size: 301 })));
    let beyond = loader(small(2));
    let key = key(0, 10, Stream::InnerTransform);
    beyond.prefetch(&[key]);
    assert!(matches!(beyond.minibatch(key), Err(LoaderError::Index { index: 10, minibatches: 10 })));
    let set = set();
    let first = |transforms: &Transforms, size| test_batches(&set, transforms, size).next().unwrap().err();
    assert!(matches!(first(&Transforms::new(), 0), Some(LoaderError::BatchSize(0))));
    let random = Transforms::new().then(PadCrop { padding: 1 });
    assert!(matches!(first(&random, 8), Some(LoaderError::Transforms(TransformError::Random { .. }))));
}

#[test]
fn the_last_test_batch_may_be_short() {
    let set = set();
    let batches: Vec<_> = test_batches(&set, &Transforms::new(), 128).map(Result::unwrap).collect();
    assert_eq!(batches.iter().map(Batch::len).collect::<Vec<_>>(), [128, 128, 44]);
    assert!(batches.iter().all(|batch| batch.noise().is_none()), "nothing is dropped out in a test");
}
