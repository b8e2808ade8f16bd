//! ILSVRC2012's development kit: which classes there are, and of which the validation pictures are.

use super::mat::Structures;
use crate::import::{ImportError, entry};
use flate2::read::GzDecoder;
use std::{
    io::{self, Read},
    path::Path,
};

/// Classes of ILSVRC2012.
const CLASSES: usize = 1000;
/// No file of the kit that is read is longer, nor is what it unpacks to.
const LARGEST: u64 = 1 << 24;
const UNPACKED: u64 = 1 << 27;

const META: &str = "data/meta.mat";
const TRUTH: &str = "data/ILSVRC2012_validation_ground_truth.txt";

/// The kit.
#[derive(Debug)]
pub(super) struct Kit {
    /// Names of the classes, in alphabetical order.
    pub(super) classes: Vec<String>,
    /// The class of each validation picture, from the first on, by its place in `classes`.
    truth: Vec<u16>,
}

impl Kit {
    /// Reads the archive `bytes`; `path` is where errors say it lies.
    pub(super) fn read(path: &Path, bytes: &[u8]) -> Result<Self, ImportError> {
        let [meta, truth] = members(bytes).map_err(|source| ImportError::Io { path: path.to_owned(), source })?;
        let wrong = |reason| ImportError::Kit { path: path.to_owned(), reason };
        let meta = meta.ok_or_else(|| wrong("data/meta.mat is missing"))?;
        let truth = truth.ok_or_else(|| wrong("data/ILSVRC2012_validation_ground_truth.txt is missing"))?;
        let by_number =
            synsets(&meta).ok_or_else(|| wrong("data/meta.mat names the classes 1 to 1000 by synsets, each once"))?;
        let mut classes = by_number.clone();
        classes.sort();
        let truth = String::from_utf8_lossy(&truth);
        let label = |line: &str| {
            let number: usize = line.trim().parse().ok()?;
            let class = by_number.get(number.checked_sub(1)?)?;
            classes.binary_search(class).ok().map(|label| label as u16)
        };
        let truth = truth.lines().map(label).collect::<Option<Vec<u16>>>();
        let truth = truth.ok_or_else(|| wrong("each line of the ground truth is a class from 1 to 1000"))?;
        Ok(Self { classes, truth })
    }

    /// The class of the validation picture of a name such as `ILSVRC2012_val_00000001.JPEG`.
    pub(super) fn class_of(&self, name: &str) -> Option<&str> {
        let number = name.strip_prefix("ILSVRC2012_val_")?.split_once('.')?.0;
        let number: usize = number.parse().ok().filter(|_| number.len() == 8)?;
        Some(&self.classes[usize::from(*self.truth.get(number.checked_sub(1)?)?)])
    }
}

/// The two files of the kit that matter.
fn members(bytes: &[u8]) -> io::Result<[Option<Vec<u8>>; 2]> {
    let mut archive = tar::Archive::new(GzDecoder::new(bytes).take(UNPACKED));
    let mut found = [None, None];
    entry::for_each(&mut archive, |mut entry| {
        for (found, file) in found.iter_mut().zip([META, TRUTH]) {
            if entry.name.ends_with(file) && entry.content.header().entry_type().is_file() {
                let mut content = Vec::new();
                entry.content.by_ref().take(LARGEST).read_to_end(&mut content)?;
                *found = Some(content);
            }
        }
        Ok::<_, io::Error>(())
    })?;
    Ok(found)
}

/// The names of the classes 1 to 1000.
fn synsets(meta: &[u8]) -> Option<Vec<String>> {
    let synsets = Structures::read(meta)?;
    let mut names = vec![None; CLASSES];
    for index in 0..synsets.len() {
        // Those with children are not told apart.
        if synsets.number(index, "num_children")? == 0 {
            let number = synsets.number(index, "ILSVRC2012_ID")? as usize;
            let name = synsets.text(index, "WNID").filter(|name| is_synset(name))?;
            if names.get_mut(number.checked_sub(1)?)?.replace(name).is_some() {
                return None;
            }
        }
    }
    let names: Vec<String> = names.into_iter().collect::<Option<_>>()?;
    let mut sorted = names.clone();
    sorted.sort();
    sorted.dedup();
    (sorted.len() == CLASSES).then_some(names)
}

/// Whether a name is a synset's, such as `n01440764`.
pub(super) fn is_synset(name: &str) -> bool {
    name.strip_prefix('n').is_some_and(|id| id.len() == 8 && id.bytes().all(|digit| digit.is_ascii_digit()))
}
