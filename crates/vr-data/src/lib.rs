//! Picture sets, and minibatches whose random transforms are a function of their key.
//!
//! A key used twice gives the same minibatch, bit for bit, whatever was asked for in between and on
//! however many threads: that is all that locking a transform means.
//!
//! ```
//! use std::sync::Arc;
//! use vr_core::{MinibatchKey, MinibatchSource, Stream, TransformKey};
//! use vr_data::{Loader, LoaderConfig, SyntheticConfig, synthetic};
//!
//! let set = synthetic(&SyntheticConfig { seed: 1, train: 256, test: 64 });
//! let loader = Loader::new(Arc::new(set.train), LoaderConfig { batch_size: 32, ..LoaderConfig::default() })?;
//! assert_eq!(loader.minibatches(), 8);
//!
//! let transform = TransformKey { stream: Stream::LockedTransform, generation: 0, visit: 0 };
//! let key = MinibatchKey { generation: 0, index: 3, transform };
//! assert_eq!(loader.minibatch(key)?, loader.minibatch(key)?);
//!
//! let other = MinibatchKey { transform: TransformKey { stream: Stream::InnerTransform, ..transform }, ..key };
//! assert_eq!(loader.minibatch(other)?.labels(), loader.minibatch(key)?.labels());
//! assert_ne!(loader.minibatch(other)?.images(), loader.minibatch(key)?.images());
//! # Ok::<(), vr_data::LoaderError>(())
//! ```

mod cached;
#[cfg(feature = "candle-datasets")]
pub mod candle;
pub mod cifar10;
pub mod dataset;
pub mod decode;
#[cfg(feature = "download")]
pub mod fetch;
mod files;
pub mod image_folder;
pub mod image_set;
pub mod import;
pub mod loader;
mod names;
pub mod picture;
pub mod picture_list;
pub mod plan;
mod raster;
mod resample;
pub mod spec;
pub mod subset;
pub mod synthetic;
pub mod transform;
pub mod verify;

pub use cached::Cached;
pub use cifar10::CifarError;
pub use dataset::{Dataset, DatasetInfo};
pub use decode::{DecodeError, decode};
#[cfg(feature = "download")]
pub use fetch::{FetchError, FetchOptions, Imagenette, Progress, fetch_cifar10, fetch_imagenette};
pub use image_folder::image_folder;
pub use image_set::{ImageSet, ImageSetError, SetInfo};
pub use import::{
    ImportError, Imported, PassedOver,
    imagenet::{ImagenetOptions, import_imagenet},
    import_cifar10,
};
pub use loader::{Loader, LoaderConfig, LoaderError, test_batch, test_batches};
pub use picture::{Picture, PictureError, PictureShape, ReadPicture};
pub use plan::BatchPlan;
pub use resample::Part;
pub use spec::{BatchSpec, Misfit};
pub use subset::{SubsetError, balanced_split, balanced_subset, choose_classes};
pub use synthetic::{SyntheticConfig, synthetic, synthetic_of_size};
pub use transform::{
    Augmentation, CentreCrop, Draws, Flip, Normalize, PadCrop, Pipeline, RandomResizedCrop, Resize, Step,
    TransformError, Transforms,
};
pub use verify::{Verification, info, verify};

/// The code of the crate's README, as a test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
