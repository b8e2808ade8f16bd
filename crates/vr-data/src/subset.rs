//! A seeded part of a set with its classes equally frequent.

use crate::ImageSet;
use vr_core::{Key, Stream, random::Permutation};

/// Why there is no such subset.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum SubsetError {
    /// More pictures, or none, were asked for.
    #[error("a subset of {size} pictures was asked for; the set has {pictures}")]
    Size {
        /// Pictures asked for.
        size: usize,
        /// Pictures in the set.
        pictures: usize,
    },
    /// A class has too few.
    #[error("class `{class}` has {pictures} pictures; a balanced subset of that size needs {needed}")]
    Class {
        /// The class.
        class: String,
        /// Its pictures.
        pictures: usize,
        /// Pictures it would need.
        needed: usize,
    },
}

/// `size` pictures in the order of the set, as many of each class as of any other up to one. A larger
/// subset of the same seed holds the smaller.
///
/// # Errors
/// [`SubsetError`] when the set, or one of its classes, is too small.
pub fn balanced_subset(set: &ImageSet, size: usize, seed: u64) -> Result<ImageSet, SubsetError> {
    if size == 0 || size > set.len() {
        return Err(SubsetError::Size { size, pictures: set.len() });
    }
    let classes = set.classes().len();
    let mut members = vec![Vec::new(); classes];
    for (index, &label) in set.labels().iter().enumerate() {
        members[usize::from(label)].push(index);
    }
    let mut chosen = Vec::with_capacity(size);
    for (class, members) in members.into_iter().enumerate() {
        let needed = size / classes + usize::from(class < size % classes);
        if members.len() < needed {
            let (class, pictures) = (set.classes()[class].clone(), members.len());
            return Err(SubsetError::Class { class, pictures, needed });
        }
        let key = Key { generation: class as u32, ..Key::new(seed, Stream::Subset) };
        let order = Permutation::new(key, members.len() as u32);
        chosen.extend((0..needed).map(|place| members[order.at(place as u32) as usize]));
    }
    chosen.sort_unstable();
    Ok(set.select(&chosen))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{SyntheticConfig, synthetic};

    #[test]
    fn classes_are_balanced_and_the_seed_decides() {
        let set = synthetic(&SyntheticConfig { seed: 0, train: 500, test: 0 }).train;
        let subset = balanced_subset(&set, 103, 7).unwrap();
        assert_eq!(subset.class_counts(), [11, 11, 11, 10, 10, 10, 10, 10, 10, 10]);
        assert_eq!(subset, balanced_subset(&set, 103, 7).unwrap());
        assert_ne!(subset, balanced_subset(&set, 103, 8).unwrap());
        assert_eq!(balanced_subset(&set, 500, 7).unwrap(), set);
    }

    #[test]
    fn impossible_sizes_are_errors() {
        let set = synthetic(&SyntheticConfig { seed: 0, train: 50, test: 0 }).train;
        assert_eq!(balanced_subset(&set, 51, 0), Err(SubsetError::Size { size: 51, pictures: 50 }));
        assert!(balanced_subset(&set, 0, 0).is_err());
        let uneven = set.select(&(1..50).filter(|i| i % 10 != 0).collect::<Vec<_>>());
        assert!(matches!(balanced_subset(&uneven, 20, 0), Err(SubsetError::Class { pictures: 0, needed: 2, .. })));
    }
}
