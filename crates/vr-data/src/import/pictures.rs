//! Picture files and what they decode to.

use super::{ImportError, Loaded, report::Tally};
use crate::{
    Dataset, ImageSet,
    cifar10::{self, PICTURE_BYTES, SHAPE},
    decode::Encoded,
};
use image::ImageFormat;
use rayon::prelude::*;
use std::{collections::BTreeSet, path::Path};

/// Memory for decoding one.
const DECODED: u64 = 1 << 24;

/// Of all pictures together; a JPEG or PNG of CIFAR-10's takes 1 to 3 kB.
pub(super) const MOST_BYTES: u64 = 1 << 30;

/// What a source may hold.
#[derive(Clone, Copy)]
pub(crate) struct Bounds {
    /// Bytes of a picture file.
    pub(crate) largest: u64,
    /// Pictures.
    pub(crate) pictures: usize,
    /// Bytes of all picture files together.
    pub(crate) bytes: u64,
    /// Classes.
    pub(crate) classes: usize,
}

impl Bounds {
    /// For CIFAR-10's files: no 32×32 picture needs more bytes; five times CIFAR-10's pictures and more.
    pub(super) const CIFAR: Self = Self { largest: 1 << 20, pictures: 1 << 18, bytes: MOST_BYTES, classes: 1 << 8 };
}

/// The picture files found in a source, within bounds on their number and sizes.
pub(crate) struct Pictures {
    bounds: Bounds,
    found: Vec<Picture>,
    bytes: u64,
    /// Folders of classes, of the training set or not.
    classes: BTreeSet<(bool, String)>,
    /// What is none.
    pub(super) tally: Tally,
}

impl Pictures {
    pub(crate) fn new(bounds: Bounds) -> Self {
        Self { bounds, found: Vec::new(), bytes: 0, classes: BTreeSet::new(), tally: Tally::default() }
    }

    /// Takes in the picture `name` of `bytes` bytes, which are read only when they are within bounds.
    pub(super) fn add(
        &mut self,
        from: &Path,
        (train, class, name): (bool, String, String),
        bytes: u64,
        read: impl FnOnce() -> Result<Vec<u8>, ImportError>,
    ) -> Result<(), ImportError> {
        let mut picture = Picture { train, class, name, bytes: Vec::new() };
        within(from, &picture.path(), bytes, self.bounds.largest)?;
        self.bytes = self.bytes.saturating_add(bytes);
        let Bounds { pictures, bytes, .. } = self.bounds;
        if self.found.len() == pictures || self.bytes > bytes {
            return Err(ImportError::TooMany { path: from.to_owned(), pictures, bytes });
        }
        picture.bytes = read()?;
        self.found.push(picture);
        Ok(())
    }

    /// Takes note of a class's folder, which must turn out to hold pictures.
    pub(super) fn note_class(&mut self, train: bool, class: &str) {
        self.classes.insert((train, class.to_owned()));
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.found.is_empty()
    }
}

/// Whether an entry of `bytes` bytes may be read at all.
pub(super) fn within(from: &Path, entry: &str, bytes: u64, limit: u64) -> Result<(), ImportError> {
    if bytes > limit {
        return Err(ImportError::TooLarge { path: from.to_owned(), entry: entry.to_owned(), bytes, limit });
    }
    Ok(())
}

/// A picture file, not yet decoded.
pub(crate) struct Picture {
    train: bool,
    pub(crate) class: String,
    pub(crate) name: String,
    /// Its content, where the source cannot be read again.
    bytes: Vec<u8>,
}

impl Picture {
    /// Where it is, from the root of the source.
    pub(crate) fn path(&self) -> String {
        format!("{}/{}/{}", if self.train { "train" } else { "test" }, self.class, self.name)
    }
}

/// The pictures of both splits in an order that does not depend on the order of the files.
pub(crate) struct Sorted {
    /// Names of the classes, in alphabetical order.
    pub(crate) classes: Vec<String>,
    pub(crate) train: Vec<Picture>,
    pub(crate) test: Vec<Picture>,
    pub(crate) tally: Tally,
}

impl Sorted {
    /// Checks that both splits are of the same classes and all have pictures.
    pub(crate) fn new(from: &Path, pictures: Pictures) -> Result<Self, ImportError> {
        let Pictures { bounds, found: mut pictures, classes: noted, tally, .. } = pictures;
        let classes_of = |train: bool| -> BTreeSet<&str> {
            pictures.iter().filter(|p| p.train == train).map(|p| p.class.as_str()).collect()
        };
        let (train, test) = (classes_of(true), classes_of(false));
        let holds_some =
            |(train_set, class): &&(bool, String)| (if *train_set { &train } else { &test }).contains(class.as_str());
        if let Some((train, class)) = noted.iter().find(|noted| !holds_some(noted)) {
            let split = if *train { "train" } else { "test" };
            return Err(ImportError::EmptyClass { path: from.to_owned(), split, class: class.clone() });
        }
        if train != test || train.len() > bounds.classes {
            let list = |classes: BTreeSet<&str>| classes.into_iter().collect::<Vec<_>>().join(", ");
            let (train, test, most) = (list(train), list(test), bounds.classes);
            return Err(ImportError::Classes { path: from.to_owned(), train, test, most });
        }
        let classes: Vec<String> = train.into_iter().map(Into::into).collect();
        let bad = |class: &&String| class.trim() != class.as_str() || class.contains(char::is_control);
        if let Some(class) = classes.iter().find(bad) {
            return Err(ImportError::ClassName { path: from.to_owned(), class: class.clone() });
        }
        // By name before class, so that the classes alternate as in the official files.
        pictures.sort_by(|a, b| (!a.train, &a.name, &a.class).cmp(&(!b.train, &b.name, &b.class)));
        if let Some(pair) = pictures.windows(2).find(|pair| pair[0].path() == pair[1].path()) {
            return Err(ImportError::Duplicate { path: from.to_owned(), entry: pair[0].path() });
        }
        let test = pictures.split_off(pictures.partition_point(|picture| picture.train));
        Ok(Self { classes, train: pictures, test, tally })
    }

    /// The labels of pictures.
    pub(crate) fn labels(&self, pictures: &[Picture]) -> Vec<u16> {
        let label = |picture: &Picture| self.classes.binary_search(&picture.class).unwrap_or_default() as u16;
        pictures.iter().map(label).collect()
    }
}

/// Decodes in parallel.
pub(super) fn decode_all(from: &Path, pictures: Pictures) -> Result<Loaded, ImportError> {
    let sorted = Sorted::new(from, pictures)?;
    let decode = |pictures| decode_split(from, pictures, &sorted);
    let ((train, lossy_train), (test, lossy_test)) = (decode(&sorted.train)?, decode(&sorted.test)?);
    let set = Dataset { name: set_name(from, &sorted.classes, lossy_train || lossy_test), train, test };
    Ok(Loaded { set, passed_over: sorted.tally.finish() })
}

/// The pictures of one split, and whether one of them was encoded with loss.
fn decode_split(from: &Path, pictures: &[Picture], sorted: &Sorted) -> Result<(ImageSet, bool), ImportError> {
    let mut pixels = vec![0; pictures.len() * PICTURE_BYTES];
    let formats = pixels.par_chunks_exact_mut(PICTURE_BYTES).zip(pictures);
    let formats: Vec<ImageFormat> =
        formats.map(|(out, picture)| decode(from, picture, out)).collect::<Result<_, _>>()?;
    let set = ImageSet::new(SHAPE, pixels, sorted.labels(pictures), sorted.classes.clone());
    let set = set.map_err(|source| ImportError::Set { path: from.to_owned(), source })?;
    Ok((set, formats.iter().any(|format| *format != ImageFormat::Png)))
}

fn decode(from: &Path, picture: &Picture, out: &mut [u8]) -> Result<ImageFormat, ImportError> {
    let failed = |source| ImportError::Decode { path: from.to_owned(), picture: picture.path(), source };
    // The header alone says the size, so a picture that claims to be vast costs nothing.
    let encoded = Encoded::new(&picture.bytes, DECODED).map_err(failed)?;
    let (format, [height, width]) = (encoded.format, encoded.size);
    if [height, width] != [SHAPE[1], SHAPE[2]] {
        return Err(ImportError::Dimensions { path: from.to_owned(), picture: picture.path(), width, height });
    }
    out.copy_from_slice(encoded.rgb().map_err(failed)?.bytes());
    Ok(format)
}

/// CIFAR-10 that went through a lossy format is not quite CIFAR-10, so its name says so.
fn set_name(from: &Path, classes: &[String], lossy: bool) -> String {
    if classes != cifar10::CLASSES {
        let name = from.file_name().unwrap_or(from.as_os_str()).to_string_lossy();
        return name.trim_end_matches(".tar.gz").trim_end_matches(".tgz").to_owned();
    }
    if lossy { "CIFAR-10 (JPEG)".into() } else { "CIFAR-10 (PNG)".into() }
}
