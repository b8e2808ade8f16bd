//! Pictures in a folder of class folders, read where they lie.

use crate::{
    Dataset, ImageSet, ImportError, PictureShape,
    files::{Files, LARGEST, Place, Span},
    import::{
        Loaded,
        folder::find,
        pictures::{Bounds, Picture, Pictures, Sorted},
        place::Splits,
    },
    names::Names,
};
use std::{path::Path, sync::Arc};

/// Opens a folder with `train/<class>/*.jpg` and `val/<class>/*.jpg` or, where there is no `val`, `test/<class>/*.jpg`
/// (or `.jpeg`, `.png`), pictures of any size. Classes in alphabetical order are the labels 0, 1, …; the pictures are in
/// the order of their names.
///
/// A picture is decoded, to three channels, each time that it is asked for, unless [`ImageSet::cached`] says otherwise.
/// What is kept of one is its name. The digest is of names and lengths, not of what is in the files.
///
/// # Errors
/// [`ImportError`], for the same reasons as in [`import_cifar10`](crate::import_cifar10), but for what a picture turns out
/// to be when it is decoded.
pub fn image_folder(dir: impl AsRef<Path>) -> Result<Loaded, ImportError> {
    let dir = dir.as_ref();
    let splits = if dir.join("val").is_dir() { &Splits::VAL } else { &Splits::TEST };
    let mut found = Pictures::new(BOUNDS, splits);
    let mut lengths = blake3::Hasher::new();
    find(dir, &mut found, &mut |path, bytes| {
        lengths.update(path.strip_prefix(dir).unwrap_or(path).as_os_str().as_encoded_bytes());
        lengths.update(&[0]);
        lengths.update(&bytes.to_le_bytes());
        Ok(Span { offset: 0, bytes: bytes as u32 })
    })?;
    if found.is_empty() {
        return Err(ImportError::Nothing { path: dir.to_owned(), expected: "pictures in its folders of classes" });
    }
    let sorted = Sorted::new(dir, found)?;
    let digest = lengths.finalize().to_hex().to_string();
    let classes: Arc<[String]> = sorted.classes.clone().into();
    let set = |pictures: &[Picture<Span>], split| {
        let labels = sorted.labels(pictures);
        let names: Names = pictures.iter().map(|picture| sorted.class_and_name(picture)[1]).collect();
        let spans = pictures.iter().map(|picture| picture.kept).collect();
        let files = Files::new(Place::Folder(dir.join(split)), classes.clone(), labels.clone(), names, spans);
        let shape = PictureShape { channels: 3, size: None };
        ImageSet::read_on_demand(Arc::new(files), digest.clone(), shape, labels, sorted.classes.clone())
            .map_err(|source| ImportError::Set { path: dir.to_owned(), source })
    };
    let name = dir.file_name().unwrap_or(dir.as_os_str()).to_string_lossy().into_owned();
    let set =
        Dataset { name, train: set(&sorted.train, splits.name(true))?, test: set(&sorted.test, splits.name(false))? };
    Ok(Loaded { set, passed_over: sorted.tally.finish() })
}

/// What a folder may hold.
const BOUNDS: Bounds = Bounds { largest: LARGEST, pictures: u32::MAX as usize, bytes: u64::MAX, classes: 1 << 16 };

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        CentreCrop, Loader, LoaderConfig, LoaderError, PictureError, RandomResizedCrop, Resize, Transforms,
        test_batches,
    };
    use image::RgbImage;
    use std::fs;
    use vr_core::{MinibatchKey, MinibatchSource, Stream, TransformKey};

    /// Pictures of different sizes, whose blue is their class.
    fn folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (class, blue) in [("ant", 10), ("zebra", 200)] {
            for (split, count) in [("train", 6), ("test", 2)] {
                let place = folder.path().join(split).join(class);
                fs::create_dir_all(&place).unwrap();
                for n in 0..count {
                    let picture =
                        RgbImage::from_fn(40 + 9 * n, 30 + 7 * n, |x, y| image::Rgb([x as u8, y as u8, blue]));
                    picture.save(place.join(format!("{n}.png"))).unwrap();
                }
            }
        }
        folder
    }

    #[test]
    fn pictures_are_read_where_they_lie() {
        let folder = folder();
        let set = image_folder(folder.path()).unwrap().set;
        assert_eq!((set.train.len(), set.test.len(), set.train.class_counts()), (12, 4, vec![6, 6]));
        assert_eq!(set.train.picture(5).unwrap().shape(), [3, 44, 58]);
        assert_eq!(set.info().shape, None);
        for index in 0..12 {
            let blue = *set.train.picture(index).unwrap().bytes().last().unwrap();
            assert_eq!(set.train.label(index) == 1, blue == 200);
        }

        let transforms = Transforms::new().then(RandomResizedCrop::new(24));
        let config = LoaderConfig { batch_size: 5, transforms, ..LoaderConfig::default() };
        let loader = Loader::new(Arc::new(set.train), config).unwrap();
        let transform = TransformKey { stream: Stream::LockedTransform, generation: 0, visit: 0 };
        let batch = loader.minibatch(MinibatchKey { generation: 0, index: 1, transform }).unwrap();
        assert_eq!(batch.shape(), [5, 3, 24, 24]);
        let steps = Transforms::new().then(Resize { shorter: 28 }).then(CentreCrop { side: 24 });
        let tested: usize = test_batches(&set.test, &steps, 3).map(|batch| batch.unwrap().len()).sum();
        assert_eq!(tested, 4);
    }

    #[test]
    fn different_sizes_need_a_step_that_brings_them_to_one() {
        let folder = folder();
        let set = image_folder(folder.path()).unwrap().set;
        let error = Loader::new(Arc::new(set.train), LoaderConfig::default()).err().unwrap();
        assert!(error.to_string().contains("the pictures have different sizes"), "{error}");
    }

    #[test]
    fn a_picture_that_cannot_be_read_is_named() {
        let folder = folder();
        let set = image_folder(folder.path()).unwrap().set;
        let digest = set.test.digest();
        fs::write(folder.path().join("test/ant/1.png"), "no picture").unwrap();
        let steps = Transforms::new().then(Resize { shorter: 28 }).then(CentreCrop { side: 24 });
        let failed = test_batches(&set.test, &steps, 4).next().unwrap().unwrap_err();
        assert!(matches!(failed, LoaderError::Picture(PictureError::Read { .. })));
        assert!(failed.to_string().contains("1.png"), "{failed}");
        assert_ne!(image_folder(folder.path()).unwrap().set.test.digest(), digest);
        fs::remove_dir_all(folder.path().join("train/ant")).unwrap();
        assert!(matches!(image_folder(folder.path()), Err(ImportError::Classes { .. })));
    }
}
