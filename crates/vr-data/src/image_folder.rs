//! Pictures in a folder of class folders, read where they lie.

use crate::{
    Dataset, ImageSet, ImportError, Picture, PictureError, PictureShape, ReadPicture,
    decode::Encoded,
    import::{
        Loaded,
        folder::find,
        pictures::{self, Bounds, Pictures, Sorted},
    },
};
use std::{path::Path, path::PathBuf, sync::Arc};

/// No picture file that is read has more bytes.
const LARGEST: u64 = 1 << 26;
/// Memory for decoding a picture.
const DECODED: u64 = 1 << 30;

/// Opens a folder with `train/<class>/*.jpg` and `test/<class>/*.jpg` (or `.jpeg`, `.png`), pictures of any size. Classes
/// in alphabetical order are the labels 0, 1, …; the pictures are in the order of their names.
///
/// A picture is decoded, to three channels, each time that it is asked for. The digest is of names and lengths, not of
/// what is in the files.
///
/// # Errors
/// [`ImportError`], for the same reasons as in [`import_cifar10`](crate::import_cifar10), but for what a picture turns out
/// to be when it is decoded.
pub fn image_folder(dir: impl AsRef<Path>) -> Result<Loaded, ImportError> {
    let dir = dir.as_ref();
    let bounds = Bounds { largest: LARGEST, pictures: u32::MAX as usize, bytes: u64::MAX, classes: 1 << 16 };
    let mut found = Pictures::new(bounds);
    let mut lengths = blake3::Hasher::new();
    find(dir, &mut found, &mut |path, bytes| {
        lengths.update(path.strip_prefix(dir).unwrap_or(path).as_os_str().as_encoded_bytes());
        lengths.update(&[0]);
        lengths.update(&bytes.to_le_bytes());
        Ok(Vec::new())
    })?;
    if found.is_empty() {
        return Err(ImportError::Nothing { path: dir.to_owned() });
    }
    let sorted = Sorted::new(dir, found)?;
    let digest = lengths.finalize().to_hex().to_string();
    let set = |pictures: &[pictures::Picture]| {
        let files = pictures.iter().map(|picture| dir.join(picture.path())).collect();
        let shape = PictureShape { channels: 3, size: None };
        let (labels, classes) = (sorted.labels(pictures), sorted.classes.clone());
        ImageSet::read_on_demand(Arc::new(Files(files)), digest.clone(), shape, labels, classes)
            .map_err(|source| ImportError::Set { path: dir.to_owned(), source })
    };
    let name = dir.file_name().unwrap_or(dir.as_os_str()).to_string_lossy().into_owned();
    let set = Dataset { name, train: set(&sorted.train)?, test: set(&sorted.test)? };
    Ok(Loaded { set, passed_over: sorted.tally.finish() })
}

/// Picture files.
#[derive(Debug)]
struct Files(Vec<PathBuf>);

impl ReadPicture for Files {
    fn read(&self, index: usize) -> Result<Picture<'_>, PictureError> {
        let failed = |source| PictureError::Read { name: self.0[index].display().to_string(), source };
        let bytes = vr_files::read(&self.0[index], LARGEST).map_err(|error| failed(error.into()))?;
        Encoded::new(&bytes, DECODED).and_then(Encoded::rgb).map_err(|error| failed(error.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{CentreCrop, Loader, LoaderConfig, LoaderError, RandomResizedCrop, Resize, Transforms, test_batches};
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
