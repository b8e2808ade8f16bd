//! Pictures with their labels, in memory or read when they are asked for.

use crate::{Cached, Part, Picture, PictureError, PictureShape, ReadPicture};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Pictures with a label each: what shape they have, which classes there are, and how a picture is read.
#[derive(Clone, Debug)]
pub struct ImageSet {
    shape: PictureShape,
    labels: Vec<u16>,
    classes: Vec<String>,
    storage: Storage,
}

#[derive(Clone, Debug)]
enum Storage {
    Memory(Vec<u8>),
    Reader { reader: Arc<dyn ReadPicture>, indices: Vec<u32>, digest: String },
}

/// Why pictures and labels do not make a set.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ImageSetError {
    /// The pixels do not fill the pictures.
    #[error("{found} pixel bytes for {pictures} pictures of shape {shape:?}, which hold {expected} each")]
    Pixels {
        /// Bytes given.
        found: usize,
        /// Labels given.
        pictures: usize,
        /// `[channels, height, width]`.
        shape: [usize; 3],
        /// Bytes of a picture of that shape.
        expected: usize,
    },
    /// A label names no class.
    #[error("picture {picture} has label {label}, but there are only {classes} classes")]
    Label {
        /// Which picture.
        picture: usize,
        /// Its label.
        label: u16,
        /// Number of classes.
        classes: usize,
    },
    /// A shape holds no value, or more than can be counted.
    #[error("no picture has shape {0:?}")]
    Shape([usize; 3]),
    /// Labels are 16 bits wide and pictures are numbered with 32.
    #[error("{pictures} pictures in {classes} classes are too many; at most 2^32 - 1 in 2^16 were expected")]
    TooMany {
        /// Pictures given.
        pictures: usize,
        /// Classes given.
        classes: usize,
    },
}

impl ImageSet {
    /// Pictures in memory, each of shape `[channels, height, width]`, one after the other in `pixels`, with labels
    /// that index `classes`.
    ///
    /// # Errors
    /// [`ImageSetError`] when the lengths disagree or a label is out of range.
    pub fn new(
        shape: [usize; 3],
        pixels: Vec<u8>,
        labels: Vec<u16>,
        classes: Vec<String>,
    ) -> Result<Self, ImageSetError> {
        let expected = volume(shape)?;
        if labels.len().checked_mul(expected) != Some(pixels.len()) {
            return Err(ImageSetError::Pixels { found: pixels.len(), pictures: labels.len(), shape, expected });
        }
        Self::checked(shape.into(), labels, classes, Storage::Memory(pixels))
    }

    /// Pictures that `reader` reads when they are asked for, as many as there are labels. `digest` names their content:
    /// equal digests, equal pictures.
    ///
    /// # Errors
    /// [`ImageSetError`] when a label is out of range.
    pub fn read_on_demand(
        reader: Arc<dyn ReadPicture>,
        digest: String,
        shape: PictureShape,
        labels: Vec<u16>,
        classes: Vec<String>,
    ) -> Result<Self, ImageSetError> {
        let [height, width] = shape.size.unwrap_or([1, 1]);
        volume([shape.channels, height, width])?;
        let indices = (0..labels.len()).map(|index| index as u32).collect();
        Self::checked(shape, labels, classes, Storage::Reader { reader, indices, digest })
    }

    fn checked(
        shape: PictureShape,
        labels: Vec<u16>,
        classes: Vec<String>,
        storage: Storage,
    ) -> Result<Self, ImageSetError> {
        if classes.len() > 1 << 16 || u32::try_from(labels.len()).is_err() {
            return Err(ImageSetError::TooMany { pictures: labels.len(), classes: classes.len() });
        }
        if let Some(picture) = labels.iter().position(|&label| usize::from(label) >= classes.len()) {
            return Err(ImageSetError::Label { picture, label: labels[picture], classes: classes.len() });
        }
        Ok(Self { shape, labels, classes, storage })
    }

    /// Number of pictures.
    pub fn len(&self) -> usize {
        self.labels.len()
    }
    /// Whether there is no picture.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }
    /// What shape the pictures have.
    pub fn shape(&self) -> PictureShape {
        self.shape
    }
    /// The labels.
    pub fn labels(&self) -> &[u16] {
        &self.labels
    }
    /// Names of the classes, in the order of the labels.
    pub fn classes(&self) -> &[String] {
        &self.classes
    }
    /// All pixels, picture after picture; `None` where they are not in memory.
    pub fn pixels(&self) -> Option<&[u8]> {
        match &self.storage {
            Storage::Memory(pixels) => Some(pixels),
            Storage::Reader { .. } => None,
        }
    }

    /// Picture `index`: borrowed from memory, or read now.
    ///
    /// # Errors
    /// [`PictureError`] when it cannot be read; never for pictures in memory.
    ///
    /// # Panics
    /// When `index` is not below the length.
    pub fn picture(&self, index: usize) -> Result<Picture<'_>, PictureError> {
        self.part(index, |_| None)
    }

    /// A part of picture `index` at another size, which `part` names by the picture's rows and columns; the whole picture
    /// as it is where it names none. See [`ReadPicture::read_part`].
    ///
    /// # Errors
    /// [`PictureError`] when the picture cannot be read or has no such part.
    ///
    /// # Panics
    /// When `index` is not below the length.
    pub fn part(
        &self,
        index: usize,
        mut part: impl FnMut([usize; 2]) -> Option<Part>,
    ) -> Result<Picture<'_>, PictureError> {
        let mut size = None;
        let mut noted = |found| {
            size = Some(found);
            part(found)
        };
        let picture = match &self.storage {
            Storage::Memory(pixels) => {
                let len = pixels.len() / self.len();
                let shape = self.shape.fixed().expect("pictures in memory have one size");
                let picture = Picture::new(shape, &pixels[index * len..][..len])?;
                return match part([shape[1], shape[2]]) {
                    Some(part) => picture.resampled(part),
                    None => Ok(picture),
                };
            }
            Storage::Reader { reader, indices, .. } => reader.read_part(indices[index] as usize, &mut noted)?,
        };
        let [channels, height, width] = picture.shape();
        let [height, width] = size.unwrap_or([height, width]);
        match [channels, height, width] {
            found if self.shape.fits(found) => Ok(picture),
            found => Err(PictureError::Shape { index, found, expected: self.shape }),
        }
    }

    /// The same set, of whose pictures that are read on demand as many are kept in memory, decoded, as fit `bytes` bytes.
    /// No picture is another for it.
    pub fn cached(mut self, bytes: u64) -> Self {
        if let Storage::Reader { reader, indices, .. } = &mut self.storage {
            let pictures = indices.iter().max().map_or(0, |&last| last as usize + 1);
            *reader = Arc::new(Cached::new(reader.clone(), pictures, bytes));
        }
        self
    }

    /// The label of picture `index`.
    ///
    /// # Panics
    /// When `index` is not below the length.
    pub fn label(&self, index: usize) -> u16 {
        self.labels[index]
    }

    /// The pictures at `indices`, in that order.
    ///
    /// # Panics
    /// When an index is not below the length.
    pub fn select(&self, indices: &[usize]) -> Self {
        let labels = indices.iter().map(|&index| self.labels[index]).collect();
        let storage = match &self.storage {
            Storage::Memory(pixels) => {
                let len = pixels.len() / self.len().max(1);
                Storage::Memory(indices.iter().flat_map(|&index| &pixels[index * len..][..len]).copied().collect())
            }
            Storage::Reader { reader, indices: all, digest } => Storage::Reader {
                reader: reader.clone(),
                indices: indices.iter().map(|&index| all[index]).collect(),
                digest: digest.clone(),
            },
        };
        Self { shape: self.shape, labels, classes: self.classes.clone(), storage }
    }

    /// The pictures of `classes`, which are labels in ascending order, numbered anew from 0.
    pub(crate) fn of_classes(&self, classes: &[u16]) -> Self {
        let place = |label: &u16| classes.binary_search(label).ok();
        let indices: Vec<usize> = (0..self.len()).filter(|&index| place(&self.labels[index]).is_some()).collect();
        let mut part = self.select(&indices);
        part.labels = part.labels.iter().filter_map(place).map(|label| label as u16).collect();
        part.classes = classes.iter().map(|&label| self.classes[usize::from(label)].clone()).collect();
        part
    }

    /// Pictures of each class.
    pub fn class_counts(&self) -> Vec<usize> {
        let mut counts = vec![0; self.classes.len()];
        for &label in &self.labels {
            counts[usize::from(label)] += 1;
        }
        counts
    }

    /// BLAKE3 of the labels and then the pixels, in hexadecimal; of a set that is read on demand, of the labels, of
    /// which pictures they are, and of the reader's digest.
    pub fn digest(&self) -> String {
        let mut hasher = blake3::Hasher::new();
        // The length keeps labels and pixels apart.
        hasher.update(&(self.labels.len() as u64).to_le_bytes());
        if self.classes.len() <= 1 << 8 {
            hasher.update(&self.labels.iter().map(|&label| label as u8).collect::<Vec<_>>());
        } else {
            hasher.update(&self.labels.iter().flat_map(|label| label.to_le_bytes()).collect::<Vec<_>>());
        }
        match &self.storage {
            Storage::Memory(pixels) => hasher.update(pixels),
            Storage::Reader { indices, digest, .. } => {
                hasher.update(&indices.iter().flat_map(|index| index.to_le_bytes()).collect::<Vec<_>>());
                hasher.update(digest.as_bytes())
            }
        };
        // Square pictures of three channels say their shape by the number of their pixels.
        if let Some(shape @ [channels, height, width]) = self.shape.fixed()
            && (channels != 3 || height != width)
        {
            hasher.update(&shape.map(|side| (side as u64).to_le_bytes()).concat());
        }
        hasher.finalize().to_hex().to_string()
    }

    /// What there is to know about the set without its pictures.
    pub fn info(&self) -> SetInfo {
        SetInfo { pictures: self.len(), per_class: self.class_counts(), digest: self.digest() }
    }
}

fn volume(shape: [usize; 3]) -> Result<usize, ImageSetError> {
    let volume = shape.iter().try_fold(1_usize, |n, &side| n.checked_mul(side));
    volume.filter(|&n| n > 0).ok_or(ImageSetError::Shape(shape))
}

/// Sets are equal when shape, labels, classes and pictures are; pictures that are read on demand, when their digests are.
impl PartialEq for ImageSet {
    fn eq(&self, other: &Self) -> bool {
        let storage = match (&self.storage, &other.storage) {
            (Storage::Memory(a), Storage::Memory(b)) => a == b,
            (Storage::Reader { digest: a, indices: i, .. }, Storage::Reader { digest: b, indices: j, .. }) => {
                a == b && i == j
            }
            _ => false,
        };
        storage && self.shape == other.shape && self.labels == other.labels && self.classes == other.classes
    }
}

/// A set in a few numbers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetInfo {
    /// Number of pictures.
    pub pictures: usize,
    /// Pictures of each class, in the order of the labels.
    pub per_class: Vec<usize>,
    /// BLAKE3 of labels and pixels, in hexadecimal.
    pub digest: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHAPE: [usize; 3] = [2, 3, 4];
    const BYTES: usize = 24;

    fn classes(n: usize) -> Vec<String> {
        (0..n).map(|class| class.to_string()).collect()
    }

    #[test]
    fn lengths_shapes_and_labels_are_checked() {
        let two = |labels| ImageSet::new(SHAPE, vec![0; 2 * BYTES], labels, classes(2));
        assert!(two(vec![0, 1]).is_ok());
        assert!(matches!(two(vec![0]), Err(ImageSetError::Pixels { .. })));
        assert_eq!(two(vec![0, 2]), Err(ImageSetError::Label { picture: 1, label: 2, classes: 2 }));
        for shape in [[0, 3, 4], [usize::MAX, 2, 1], [1 << 32, 1 << 32, 1]] {
            assert_eq!(ImageSet::new(shape, vec![], vec![], classes(2)), Err(ImageSetError::Shape(shape)));
        }
        let many = ImageSet::new([1, 1, 1], vec![], vec![], classes((1 << 16) + 1));
        assert!(matches!(many, Err(ImageSetError::TooMany { .. })));
    }

    #[test]
    fn the_digest_sees_every_label_pixel_and_shape() {
        let set = ImageSet::new(SHAPE, vec![0; 2 * BYTES], vec![0, 1], classes(2)).unwrap();
        let label = ImageSet::new(SHAPE, vec![0; 2 * BYTES], vec![0, 0], classes(2)).unwrap();
        let shape = ImageSet::new([2, 4, 3], vec![0; 2 * BYTES], vec![0, 1], classes(2)).unwrap();
        let mut pixels = vec![0; 2 * BYTES];
        pixels[BYTES] = 1;
        let pixel = ImageSet::new(SHAPE, pixels, vec![0, 1], classes(2)).unwrap();
        for other in [label, pixel, shape] {
            assert_ne!(set.digest(), other.digest());
        }
        assert_eq!(set.digest(), set.clone().digest());
        assert_eq!(set.info().per_class, [1, 1]);
    }

    /// Runs record this digest.
    #[test]
    fn the_digest_of_a_square_set_in_colour_is_of_labels_and_pixels() {
        let set = ImageSet::new([3, 2, 2], (0..24).collect(), vec![1, 0], classes(2)).unwrap();
        let bytes = [&2_u64.to_le_bytes()[..], &[1, 0], &(0..24).collect::<Vec<u8>>()].concat();
        assert_eq!(set.digest(), blake3::hash(&bytes).to_hex().to_string());
    }

    #[test]
    fn labels_beyond_a_byte_are_kept() {
        let labels: Vec<u16> = (0..1000).collect();
        let set = ImageSet::new([1, 1, 1], vec![0; 1000], labels.clone(), classes(1000)).unwrap();
        assert_eq!(set.labels(), labels);
        let mut other = labels;
        other[999] = 999 - 256;
        let other = ImageSet::new([1, 1, 1], vec![0; 1000], other, classes(1000)).unwrap();
        assert_ne!(set.digest(), other.digest());
    }

    #[test]
    fn selection_keeps_pictures_with_their_labels() {
        let pixels = (0..3).flat_map(|p| vec![p; BYTES]).collect();
        let set = ImageSet::new(SHAPE, pixels, vec![0, 1, 2], classes(3)).unwrap();
        let chosen = set.select(&[2, 0]);
        assert_eq!(chosen.labels(), [2, 0]);
        assert_eq!([0, 1].map(|index| chosen.picture(index).unwrap().bytes()[5]), [2, 0]);
    }

    /// Picture `index` has `index + 1` columns.
    #[derive(Debug)]
    struct Growing;

    impl ReadPicture for Growing {
        fn read(&self, index: usize) -> Result<Picture<'_>, PictureError> {
            Picture::new([1, 1, index + 1], vec![7; index + 1])
        }
    }

    #[test]
    fn a_set_read_on_demand_is_selected_from_and_held_to_its_shape() {
        let set = |shape| {
            ImageSet::read_on_demand(Arc::new(Growing), "digest".into(), shape, vec![0, 1, 0], classes(2)).unwrap()
        };
        let any = set(PictureShape { channels: 1, size: None });
        assert_eq!((any.shape().fixed(), any.pixels()), (None, None));
        let chosen = any.select(&[2, 1]);
        assert_eq!((chosen.labels(), chosen.picture(0).unwrap().shape()), (&[0, 1][..], [1, 1, 3]));
        assert_ne!(chosen.digest(), any.select(&[0, 1]).digest());
        let fixed = set([1, 1, 2].into());
        assert!(fixed.picture(1).is_ok());
        assert!(matches!(fixed.picture(2), Err(PictureError::Shape { index: 2, found: [1, 1, 3], .. })));
    }
}
