//! Seeded parts of a set: some of its classes, or a part with its classes equally frequent.

use crate::{Dataset, ImageSet};
use vr_core::{Key, Stream, random::Permutation};

/// Of the draws of [`Stream::Subset`], those that choose classes; lower generations choose pictures of one class.
const CLASSES: u32 = u32::MAX;

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
    /// More classes, or none, were asked for.
    #[error("{asked} classes were asked for; the set has {classes}")]
    Classes {
        /// Classes asked for.
        asked: usize,
        /// Classes of the set.
        classes: usize,
    },
}

/// The training and test pictures of `count` classes, which are numbered anew in the order that they had. A larger choice of
/// the same seed holds the smaller.
///
/// # Errors
/// [`SubsetError::Classes`] when there are not so many.
pub fn choose_classes(set: &Dataset, count: usize, seed: u64) -> Result<Dataset, SubsetError> {
    let classes = set.train.classes().len();
    if count == 0 || count > classes {
        return Err(SubsetError::Classes { asked: count, classes });
    }
    let key = Key { generation: CLASSES, ..Key::new(seed, Stream::Subset) };
    let order = Permutation::new(key, classes as u32);
    let mut chosen: Vec<u16> = (0..count).map(|place| order.at(place as u32) as u16).collect();
    chosen.sort_unstable();
    let name = if count == classes { set.name.clone() } else { format!("{} ({count} classes)", set.name) };
    Ok(Dataset { name, train: set.train.of_classes(&chosen), test: set.test.of_classes(&chosen) })
}

/// `size` pictures in the order of the set, as many of each class as of any other up to one. A larger
/// subset of the same seed holds the smaller.
///
/// # Errors
/// [`SubsetError`] when the set, or one of its classes, is too small.
pub fn balanced_subset(set: &ImageSet, size: usize, seed: u64) -> Result<ImageSet, SubsetError> {
    Ok(set.select(&balanced(set, size, seed)?))
}

/// Takes as many pictures of each class as [`balanced_subset`] would out of a set: the set without them, and they, both in
/// the set's order.
///
/// # Errors
/// As [`balanced_subset`]; [`SubsetError::Size`] also when nothing would be left.
pub fn balanced_split(set: &ImageSet, held_out: usize, seed: u64) -> Result<(ImageSet, ImageSet), SubsetError> {
    if held_out >= set.len() {
        return Err(SubsetError::Size { size: held_out, pictures: set.len() });
    }
    let chosen = balanced(set, held_out, seed)?;
    let rest: Vec<usize> = (0..set.len()).filter(|index| chosen.binary_search(index).is_err()).collect();
    Ok((set.select(&rest), set.select(&chosen)))
}

/// The places of the pictures of a balanced subset, in order.
fn balanced(set: &ImageSet, size: usize, seed: u64) -> Result<Vec<usize>, SubsetError> {
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
    Ok(chosen)
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

    /// Nothing is lost, nothing is in both, and the classes of what is held out are as even as can be.
    #[test]
    fn a_split_parts_the_set() {
        let set = synthetic(&SyntheticConfig { seed: 0, train: 500, test: 0 }).train;
        let (rest, held_out) = balanced_split(&set, 103, 7).unwrap();
        assert_eq!(held_out, balanced_subset(&set, 103, 7).unwrap());
        assert_eq!((rest.len(), held_out.len()), (397, 103));
        let pictures =
            |set: &ImageSet| (0..set.len()).map(|i| set.select(&[i]).digest().to_string()).collect::<Vec<_>>();
        let (mut both, mut all) = ([pictures(&rest), pictures(&held_out)].concat(), pictures(&set));
        both.sort();
        all.sort();
        assert_eq!(both, all);
        assert!(balanced_split(&set, 500, 7).is_err() && balanced_split(&set, 0, 7).is_err());
    }

    #[test]
    fn chosen_classes_keep_their_pictures_and_their_order() {
        let set = synthetic(&SyntheticConfig { seed: 0, train: 50, test: 20 });
        let few = choose_classes(&set, 3, 1).unwrap();
        assert_eq!((few.train.class_counts(), few.test.class_counts()), (vec![5; 3], vec![2; 3]));
        assert_eq!(few, choose_classes(&set, 3, 1).unwrap());
        assert_ne!(few.train.digest(), choose_classes(&set, 3, 2).unwrap().train.digest());
        let more = choose_classes(&set, 6, 1).unwrap();
        let names = |set: &Dataset| set.train.classes().to_vec();
        assert!(names(&few).iter().all(|class| names(&more).contains(class)));
        for part in [&few, &more] {
            let places: Vec<_> = names(part)
                .iter()
                .map(|class| set.train.classes().iter().position(|of| of == class).unwrap())
                .collect();
            assert!(places.is_sorted());
            for index in 0..part.test.len() {
                let class = places[usize::from(part.test.label(index))];
                let original = (0..20).find(|&i| set.test.picture(i).unwrap() == part.test.picture(index).unwrap());
                assert_eq!(usize::from(set.test.label(original.unwrap())), class);
            }
        }
        assert_eq!(choose_classes(&set, 10, 1).unwrap(), set);
        for asked in [0, 11] {
            assert_eq!(choose_classes(&set, asked, 1).unwrap_err(), SubsetError::Classes { asked, classes: 10 });
        }
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
