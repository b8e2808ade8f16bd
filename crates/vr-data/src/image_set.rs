//! Pictures in memory with their labels.

use serde::{Deserialize, Serialize};

/// `[channels, height, width]` of every picture.
pub const PICTURE_SHAPE: [usize; 3] = [3, 32, 32];
/// Bytes of a picture.
pub const PICTURE_BYTES: usize = PICTURE_SHAPE[0] * PICTURE_SHAPE[1] * PICTURE_SHAPE[2];

/// Pictures of one shape, one byte a value, channels first, with a label each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageSet {
    pixels: Vec<u8>,
    labels: Vec<u8>,
    classes: Vec<String>,
}

/// Why pictures and labels do not make a set.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ImageSetError {
    /// The pixels do not fill the pictures.
    #[error("{found} pixel bytes for {pictures} labels; {expected} were expected")]
    Pixels {
        /// Bytes given.
        found: usize,
        /// Labels given.
        pictures: usize,
        /// Bytes that many pictures need.
        expected: usize,
    },
    /// A label names no class.
    #[error("picture {picture} has label {label}, but there are only {classes} classes")]
    Label {
        /// Which picture.
        picture: usize,
        /// Its label.
        label: u8,
        /// Number of classes.
        classes: usize,
    },
}

impl ImageSet {
    /// Pictures of [`PICTURE_SHAPE`] one after the other, with labels that index `classes`.
    ///
    /// # Errors
    /// [`ImageSetError`] when the lengths disagree or a label is out of range.
    pub fn new(pixels: Vec<u8>, labels: Vec<u8>, classes: Vec<String>) -> Result<Self, ImageSetError> {
        let expected = labels.len() * PICTURE_BYTES;
        if pixels.len() != expected {
            return Err(ImageSetError::Pixels { found: pixels.len(), pictures: labels.len(), expected });
        }
        if let Some(picture) = labels.iter().position(|&label| usize::from(label) >= classes.len()) {
            return Err(ImageSetError::Label { picture, label: labels[picture], classes: classes.len() });
        }
        Ok(Self { pixels, labels, classes })
    }

    /// Number of pictures.
    pub fn len(&self) -> usize {
        self.labels.len()
    }
    /// Whether there is no picture.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }
    /// `[channels, height, width]`.
    pub fn shape(&self) -> [usize; 3] {
        PICTURE_SHAPE
    }
    /// All pixels, picture after picture.
    pub fn pixels(&self) -> &[u8] {
        &self.pixels
    }
    /// The labels.
    pub fn labels(&self) -> &[u8] {
        &self.labels
    }
    /// Names of the classes, in the order of the labels.
    pub fn classes(&self) -> &[String] {
        &self.classes
    }
    /// The pixels of picture `index`, channels first.
    ///
    /// # Panics
    /// When `index` is not below the length.
    pub fn picture(&self, index: usize) -> &[u8] {
        &self.pixels[index * PICTURE_BYTES..][..PICTURE_BYTES]
    }
    /// The label of picture `index`.
    ///
    /// # Panics
    /// When `index` is not below the length.
    pub fn label(&self, index: usize) -> u8 {
        self.labels[index]
    }

    /// The pictures at `indices`, in that order.
    ///
    /// # Panics
    /// When an index is not below the length.
    pub fn select(&self, indices: &[usize]) -> Self {
        let labels = indices.iter().map(|&index| self.labels[index]).collect();
        let pixels = indices.iter().flat_map(|&index| self.picture(index)).copied().collect();
        Self { pixels, labels, classes: self.classes.clone() }
    }

    /// Pictures of each class.
    pub fn class_counts(&self) -> Vec<usize> {
        let mut counts = vec![0; self.classes.len()];
        for &label in &self.labels {
            counts[usize::from(label)] += 1;
        }
        counts
    }

    /// BLAKE3 of the labels and then the pixels, in hexadecimal.
    pub fn digest(&self) -> String {
        let mut hasher = blake3::Hasher::new();
        // The length keeps labels and pixels apart.
        hasher.update(&(self.labels.len() as u64).to_le_bytes());
        hasher.update(&self.labels);
        hasher.update(&self.pixels);
        hasher.finalize().to_hex().to_string()
    }

    /// What there is to know about the set without its pictures.
    pub fn info(&self) -> SetInfo {
        SetInfo { pictures: self.len(), per_class: self.class_counts(), digest: self.digest() }
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

    fn classes(n: usize) -> Vec<String> {
        (0..n).map(|class| class.to_string()).collect()
    }

    #[test]
    fn lengths_and_labels_are_checked() {
        let two = |labels| ImageSet::new(vec![0; 2 * PICTURE_BYTES], labels, classes(2));
        assert!(two(vec![0, 1]).is_ok());
        assert!(matches!(two(vec![0]), Err(ImageSetError::Pixels { .. })));
        assert_eq!(two(vec![0, 2]), Err(ImageSetError::Label { picture: 1, label: 2, classes: 2 }));
    }

    #[test]
    fn the_digest_sees_every_label_and_pixel() {
        let set = ImageSet::new(vec![0; 2 * PICTURE_BYTES], vec![0, 1], classes(2)).unwrap();
        let (mut label, mut pixel) = (set.clone(), set.clone());
        label.labels[1] = 0;
        pixel.pixels[PICTURE_BYTES] = 1;
        assert_ne!(set.digest(), label.digest());
        assert_ne!(set.digest(), pixel.digest());
        assert_eq!(set.digest(), set.clone().digest());
        assert_eq!(set.info().per_class, [1, 1]);
    }

    #[test]
    fn selection_keeps_pictures_with_their_labels() {
        let pixels = (0..3).flat_map(|p| vec![p; PICTURE_BYTES]).collect();
        let set = ImageSet::new(pixels, vec![0, 1, 2], classes(3)).unwrap();
        let chosen = set.select(&[2, 0]);
        assert_eq!(chosen.labels(), [2, 0]);
        assert_eq!((chosen.picture(0)[5], chosen.picture(1)[5]), (2, 0));
    }
}
