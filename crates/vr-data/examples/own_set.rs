//! A set whose pictures are made when they are asked for, a step of one's own, and a network's demands held against them.
//! `cargo run -p vr-data --example own_set`

use std::sync::Arc;
use vr_core::{MinibatchKey, MinibatchSource, Stream, TransformKey};
use vr_data::{
    BatchSpec, Draws, Flip, ImageSet, Loader, LoaderConfig, Picture, PictureError, ReadPicture, Step, TransformError,
    Transforms, test_batches,
};

/// Grey stripes; a real reader would open a file.
#[derive(Debug)]
struct Stripes;

impl ReadPicture for Stripes {
    fn read(&self, index: usize) -> Result<Picture<'_>, PictureError> {
        let width = index % 7 + 1;
        Picture::new([1, 48, 48], (0..48 * 48).map(|i| 255 * (i / width % 2) as u8).collect::<Vec<_>>())
    }
}

/// Makes each picture darker by a part of its own.
#[derive(Debug)]
struct Dim;

impl Step for Dim {
    fn is_random(&self) -> bool {
        true
    }

    fn apply<'a>(&self, mut picture: Picture<'a>, draws: Draws) -> Result<Picture<'a>, TransformError> {
        // Blocks from 2^16 on are free for steps of one's own.
        let [word, ..] = draws.words(1 << 16);
        let keep = 128 + (word >> 25);
        picture.bytes_mut().iter_mut().for_each(|byte| *byte = (u32::from(*byte) * keep / 256) as u8);
        Ok(picture)
    }
}

pub(crate) fn main() -> Result<(), Box<dyn std::error::Error>> {
    let classes = (1..=7).map(|width| format!("width {width}")).collect();
    let labels = (0..100).map(|index| index % 7).collect();
    let set =
        ImageSet::read_on_demand(Arc::new(Stripes), "stripes, version 1".into(), [1, 48, 48].into(), labels, classes)?;
    let transforms = Transforms::new().then(Flip).then(Dim);
    BatchSpec::of(&set, &transforms)?.check([1, 48, 48], 7)?;
    assert!(BatchSpec::of(&set, &transforms)?.check([3, 32, 32], 10).is_err());

    let tested = test_batches(&set, &Transforms::new(), 32).collect::<Result<Vec<_>, _>>()?;
    assert_eq!(tested.iter().map(|batch| batch.len()).sum::<usize>(), 100);

    let loader = Loader::new(Arc::new(set), LoaderConfig { batch_size: 16, transforms, ..LoaderConfig::default() })?;
    let key =
        |stream| MinibatchKey { generation: 0, index: 3, transform: TransformKey { stream, generation: 0, visit: 0 } };
    let (locked, inner) = (key(Stream::LockedTransform), key(Stream::InnerTransform));
    assert_eq!(loader.minibatch(locked)?, loader.minibatch(locked)?, "a key used twice");
    assert_ne!(loader.minibatch(locked)?.images(), loader.minibatch(inner)?.images(), "another key");
    Ok(())
}
