//! Picture files and what they decode to.

use super::{ImportError, Loaded, place::Splits, report::Tally};
use crate::{
    Dataset, ImageSet,
    cifar10::{self, PICTURE_BYTES, SHAPE},
    decode::Encoded,
    names::Names,
};
use image::ImageFormat;
use rayon::prelude::*;
use std::{
    collections::{BTreeSet, HashMap},
    path::Path,
};

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
///
/// `K` is what is kept of each: its content where the source cannot be read again, or what leads to it.
pub(crate) struct Pictures<K> {
    bounds: Bounds,
    /// The folders of the sets.
    pub(super) splits: &'static Splits,
    found: Vec<Picture<K>>,
    names: Names,
    bytes: u64,
    /// The classes as they were met.
    classes: HashMap<String, u32>,
    /// Folders of classes, of the training set or not.
    noted: BTreeSet<(bool, String)>,
    /// What is none.
    pub(super) tally: Tally,
}

impl<K> Pictures<K> {
    pub(crate) fn new(bounds: Bounds, splits: &'static Splits) -> Self {
        Self {
            bounds,
            splits,
            found: Vec::new(),
            names: Names::default(),
            bytes: 0,
            classes: HashMap::new(),
            noted: BTreeSet::new(),
            tally: Tally::default(),
        }
    }

    /// Takes in the picture `name` of `bytes` bytes, of which something is kept only when they are within bounds.
    pub(crate) fn add(
        &mut self,
        from: &Path,
        (train, class, name): (bool, &str, &str),
        bytes: u64,
        keep: impl FnOnce() -> Result<K, ImportError>,
    ) -> Result<(), ImportError> {
        if bytes > self.bounds.largest {
            within(from, &path(self.splits, train, class, name), bytes, self.bounds.largest)?;
        }
        self.bytes = self.bytes.saturating_add(bytes);
        let Bounds { pictures, bytes, .. } = self.bounds;
        if self.found.len() == pictures || self.bytes > bytes {
            return Err(ImportError::TooMany { path: from.to_owned(), pictures, bytes });
        }
        let kept = keep()?;
        let class = match self.classes.get(class) {
            Some(&class) => class,
            None => {
                let next = self.classes.len() as u32;
                self.classes.insert(class.to_owned(), next);
                next
            }
        };
        self.found.push(Picture { train, class, name: self.names.len() as u32, kept });
        self.names.push(name);
        Ok(())
    }

    /// Takes note of a class's folder, which must turn out to hold pictures.
    pub(super) fn note_class(&mut self, train: bool, class: &str) {
        self.noted.insert((train, class.to_owned()));
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.found.is_empty()
    }
}

/// Where a picture is, from the root of its source.
fn path(splits: &Splits, train: bool, class: &str, name: &str) -> String {
    format!("{}/{class}/{name}", splits.name(train))
}

/// Whether an entry of `bytes` bytes may be read at all.
pub(super) fn within(from: &Path, entry: &str, bytes: u64, limit: u64) -> Result<(), ImportError> {
    if bytes > limit {
        return Err(ImportError::TooLarge { path: from.to_owned(), entry: entry.to_owned(), bytes, limit });
    }
    Ok(())
}

/// A picture file, not yet decoded.
pub(crate) struct Picture<K> {
    train: bool,
    class: u32,
    name: u32,
    pub(crate) kept: K,
}

/// The pictures of both splits in an order that does not depend on the order of the files.
pub(crate) struct Sorted<K> {
    splits: &'static Splits,
    names: Names,
    /// Names of the classes, in alphabetical order.
    pub(crate) classes: Vec<String>,
    pub(crate) train: Vec<Picture<K>>,
    pub(crate) test: Vec<Picture<K>>,
    pub(crate) tally: Tally,
}

impl<K> Sorted<K> {
    /// Checks that both splits are of the same classes and all have pictures.
    pub(crate) fn new(from: &Path, pictures: Pictures<K>) -> Result<Self, ImportError> {
        let Pictures { bounds, splits, found: mut pictures, names, classes: met, noted, tally, .. } = pictures;
        let mut by_number = vec![""; met.len()];
        met.iter().for_each(|(class, &number)| by_number[number as usize] = class);
        let mut held = [vec![false; met.len()], vec![false; met.len()]];
        pictures.iter().for_each(|picture| held[usize::from(picture.train)][picture.class as usize] = true);
        let classes_of = |train: bool| -> BTreeSet<&str> {
            let held = held[usize::from(train)].iter().zip(&by_number);
            held.filter(|(held, _)| **held).map(|(_, class)| *class).collect()
        };
        let (train, test) = (classes_of(true), classes_of(false));
        let holds_some =
            |(train_set, class): &&(bool, String)| (if *train_set { &train } else { &test }).contains(class.as_str());
        if let Some((train, class)) = noted.iter().find(|noted| !holds_some(noted)) {
            let split = splits.name(*train);
            return Err(ImportError::EmptyClass { path: from.to_owned(), split, class: class.clone() });
        }
        if train != test || train.len() > bounds.classes {
            let list = |classes: BTreeSet<&str>| classes.into_iter().collect::<Vec<_>>().join(", ");
            let (train, test, split, most) = (list(train), list(test), splits.name(false), bounds.classes);
            return Err(ImportError::Classes { path: from.to_owned(), train, split, test, most });
        }
        let classes: Vec<String> = train.into_iter().map(Into::into).collect();
        let bad = |class: &&String| class.trim() != class.as_str() || class.contains(char::is_control);
        if let Some(class) = classes.iter().find(bad) {
            return Err(ImportError::ClassName { path: from.to_owned(), class: class.clone() });
        }
        // From now on a picture's class is its label.
        let label =
            |class: &&str| classes.binary_search_by(|other| other.as_str().cmp(class)).unwrap_or_default() as u32;
        let labels: Vec<u32> = by_number.iter().map(label).collect();
        pictures.iter_mut().for_each(|picture| picture.class = labels[picture.class as usize]);
        let name = |picture: &Picture<K>| names.get(picture.name as usize);
        // By name before class, so that the classes alternate as in the official files.
        pictures.sort_unstable_by(|a, b| (!a.train, name(a), a.class).cmp(&(!b.train, name(b), b.class)));
        let same = |pair: &&[Picture<K>]| {
            let [a, b] = pair else { return false };
            (a.train, a.class, name(a)) == (b.train, b.class, name(b))
        };
        if let Some([first, ..]) = pictures.windows(2).find(same) {
            let entry = path(splits, first.train, &classes[first.class as usize], name(first));
            return Err(ImportError::Duplicate { path: from.to_owned(), entry });
        }
        let test = pictures.split_off(pictures.partition_point(|picture| picture.train));
        Ok(Self { splits, names, classes, train: pictures, test, tally })
    }

    /// A picture's label.
    pub(crate) fn label(&self, picture: &Picture<K>) -> u16 {
        picture.class as u16
    }

    /// The labels of pictures.
    pub(crate) fn labels(&self, pictures: &[Picture<K>]) -> Vec<u16> {
        pictures.iter().map(|picture| self.label(picture)).collect()
    }

    /// The folder of a picture's class, and its name in there.
    pub(crate) fn class_and_name(&self, picture: &Picture<K>) -> [&str; 2] {
        [&self.classes[picture.class as usize], self.names.get(picture.name as usize)]
    }

    /// Where a picture is, from the root of the source.
    pub(crate) fn path(&self, picture: &Picture<K>) -> String {
        let [class, name] = self.class_and_name(picture);
        path(self.splits, picture.train, class, name)
    }
}

/// Decodes in parallel.
pub(super) fn decode_all(from: &Path, pictures: Pictures<Vec<u8>>) -> Result<Loaded, ImportError> {
    let sorted = Sorted::new(from, pictures)?;
    let decode = |pictures| decode_split(from, pictures, &sorted);
    let ((train, lossy_train), (test, lossy_test)) = (decode(&sorted.train)?, decode(&sorted.test)?);
    let set = Dataset { name: set_name(from, &sorted.classes, lossy_train || lossy_test), train, test };
    Ok(Loaded { set, passed_over: sorted.tally.finish() })
}

/// The pictures of one split, and whether one of them was encoded with loss.
fn decode_split(
    from: &Path,
    pictures: &[Picture<Vec<u8>>],
    sorted: &Sorted<Vec<u8>>,
) -> Result<(ImageSet, bool), ImportError> {
    let mut pixels = vec![0; pictures.len() * PICTURE_BYTES];
    let formats = pixels.par_chunks_exact_mut(PICTURE_BYTES).zip(pictures);
    let formats: Vec<ImageFormat> =
        formats.map(|(out, picture)| decode(from, sorted, picture, out)).collect::<Result<_, _>>()?;
    let set = ImageSet::new(SHAPE, pixels, sorted.labels(pictures), sorted.classes.clone());
    let set = set.map_err(|source| ImportError::Set { path: from.to_owned(), source })?;
    Ok((set, formats.iter().any(|format| *format != ImageFormat::Png)))
}

fn decode(
    from: &Path,
    sorted: &Sorted<Vec<u8>>,
    picture: &Picture<Vec<u8>>,
    out: &mut [u8],
) -> Result<ImageFormat, ImportError> {
    let failed = |source| ImportError::Decode { path: from.to_owned(), picture: sorted.path(picture), source };
    // The header alone says the size, so a picture that claims to be vast costs nothing.
    let encoded = Encoded::new(&picture.kept, DECODED).map_err(failed)?;
    let (format, [height, width]) = (encoded.format, encoded.size);
    if [height, width] != [SHAPE[1], SHAPE[2]] {
        return Err(ImportError::Dimensions { path: from.to_owned(), picture: sorted.path(picture), width, height });
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
