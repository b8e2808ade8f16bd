//! CIFAR-10 through `candle-datasets` (feature `candle-datasets`).
//!
//! Its reader of binary files keeps the axes as they are. Its reader of the Parquet files from the
//! Hugging Face hub takes decoded pictures for `[width, height, channels]`, although they are
//! `[height, width, channels]`, and so returns every picture with rows and columns exchanged; that is
//! put right here.

use crate::{Dataset, ImageSet, ImageSetError, cifar10};
use candle_core::{DType, Tensor};
use std::path::{Path, PathBuf};

/// Why candle's loaders gave no set.
#[derive(Debug, thiserror::Error)]
pub enum CandleError {
    /// The folder cannot be read.
    #[error("candle cannot read {} (expected: data_batch_1.bin … data_batch_5.bin and test_batch.bin): {source}", dir.display())]
    Folder {
        /// The folder.
        dir: PathBuf,
        /// Candle's answer.
        source: candle_core::Error,
    },
    /// The hub cannot be reached, or its files cannot be read.
    #[error("candle cannot load CIFAR-10 from the Hugging Face hub: {0}")]
    Hub(candle_core::Error),
    /// The tensors do not have the shape of pictures.
    #[error("candle's tensors are not pictures with labels: {0}")]
    Tensors(#[from] candle_core::Error),
    /// Pictures and labels do not make a set.
    #[error(transparent)]
    Set(#[from] ImageSetError),
}

/// Reads a folder of the official binary files with candle's reader.
///
/// # Errors
/// [`CandleError`].
pub fn load_folder(dir: impl AsRef<Path>) -> Result<Dataset, CandleError> {
    let dir = dir.as_ref();
    let loaded = candle_datasets::vision::cifar::load_dir(dir)
        .map_err(|source| CandleError::Folder { dir: dir.to_owned(), source })?;
    convert(&loaded, Axes::RowColumn)
}

/// Loads CIFAR-10 from the Hugging Face hub, or from candle's cache of it.
///
/// # Errors
/// [`CandleError`].
pub fn load_hub() -> Result<Dataset, CandleError> {
    let loaded = candle_datasets::vision::cifar::load().map_err(CandleError::Hub)?;
    convert(&loaded, Axes::ColumnRow)
}

/// The order of the last two axes in candle's tensors.
#[derive(Clone, Copy)]
enum Axes {
    RowColumn,
    ColumnRow,
}

fn convert(loaded: &candle_datasets::vision::Dataset, axes: Axes) -> Result<Dataset, CandleError> {
    Ok(Dataset {
        name: "CIFAR-10".into(),
        train: image_set(&loaded.train_images, &loaded.train_labels, axes)?,
        test: image_set(&loaded.test_images, &loaded.test_labels, axes)?,
    })
}

fn image_set(images: &Tensor, labels: &Tensor, axes: Axes) -> Result<ImageSet, CandleError> {
    let images = match axes {
        Axes::RowColumn => images.clone(),
        Axes::ColumnRow => images.transpose(2, 3)?,
    };
    // Candle scales to [0, 1]; rounding undoes that exactly.
    let scaled: Vec<f32> = images.contiguous()?.flatten_all()?.to_vec1()?;
    let pixels = scaled.into_iter().map(|value| (value * 255.0).round() as u8).collect();
    let labels = labels.to_dtype(DType::U8)?.to_vec1::<u8>()?.into_iter().map(u16::from).collect();
    Ok(ImageSet::new(cifar10::SHAPE, pixels, labels, cifar10::CLASSES.map(Into::into).to_vec())?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cifar10::PICTURE_BYTES;
    use candle_core::Device;

    /// A picture that no exchange of axes leaves as it is.
    fn asymmetric() -> ImageSet {
        let pixels = (0..PICTURE_BYTES).map(|i| (i / 1024 * 80 + i % 1024 / 32 * 2 + i % 32 / 16) as u8).collect();
        ImageSet::new(cifar10::SHAPE, pixels, vec![3], cifar10::CLASSES.map(Into::into).to_vec()).unwrap()
    }

    #[test]
    fn the_axes_of_the_hub_are_put_right() {
        let expected = asymmetric();
        // What candle's Parquet reader does to a decoded picture, word for word.
        let mut decoded = Vec::new();
        for place in 0..1024 {
            decoded.extend((0..3).map(|channel| expected.pixels().unwrap()[channel * 1024 + place]));
        }
        let images = Tensor::from_vec(decoded, (1, 32, 32, 3), &Device::Cpu).unwrap();
        let images = (images.to_dtype(DType::F32).unwrap().permute((0, 3, 2, 1)).unwrap() / 255.).unwrap();
        let labels = Tensor::from_vec(vec![3_u8], 1, &Device::Cpu).unwrap();
        assert_eq!(image_set(&images, &labels, Axes::ColumnRow).unwrap(), expected);
        assert_ne!(image_set(&images, &labels, Axes::RowColumn).unwrap(), expected, "candle exchanges the axes");
    }

    #[test]
    fn a_folder_reads_as_with_our_reader() {
        let dir = tempfile::tempdir().unwrap();
        let record = cifar10::write_records(&asymmetric(), 0..1).unwrap();
        let file = record.repeat(cifar10::OFFICIAL_RECORDS);
        for name in cifar10::TRAIN_FILES.into_iter().chain([cifar10::TEST_FILE]) {
            std::fs::write(dir.path().join(name), &file).unwrap();
        }
        std::fs::write(dir.path().join(cifar10::CLASSES_FILE), cifar10::CLASSES.join("\n")).unwrap();
        assert_eq!(load_folder(dir.path()).unwrap(), cifar10::read(dir.path()).unwrap());
    }
}
