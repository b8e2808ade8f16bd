//! Picture files and what they decode to.

use super::ImportError;
use crate::{Dataset, ImageSet, cifar10, image_set::PICTURE_BYTES};
use image::{ImageReader, Limits};
use rayon::prelude::*;
use std::{collections::BTreeSet, io::Cursor, path::Path};

/// No 32×32 picture needs more bytes.
const LARGEST: u64 = 1 << 20;

/// Memory for decoding one.
const DECODED: u64 = 1 << 24;

/// Five times CIFAR-10's pictures and more.
const MOST_PICTURES: usize = 1 << 18;

/// Of all pictures together; a JPEG or PNG of CIFAR-10's takes 1 to 3 kB.
pub(super) const MOST_BYTES: u64 = 1 << 30;

/// The picture files found in a source, within bounds on their number and sizes.
#[derive(Default)]
pub(super) struct Pictures {
    found: Vec<Picture>,
    bytes: u64,
}

impl Pictures {
    /// Takes in the picture `name` of `bytes` bytes, which are read only when they are within bounds.
    pub(super) fn add(
        &mut self,
        from: &Path,
        (train, class, name): (bool, String, String),
        bytes: u64,
        read: impl FnOnce() -> Result<Vec<u8>, ImportError>,
    ) -> Result<(), ImportError> {
        let mut picture = Picture { train, class, name, bytes: Vec::new() };
        within(from, &picture.path(), bytes, LARGEST)?;
        self.bytes += bytes;
        if self.found.len() == MOST_PICTURES || self.bytes > MOST_BYTES {
            return Err(ImportError::TooMany { path: from.to_owned(), pictures: MOST_PICTURES, bytes: MOST_BYTES });
        }
        picture.bytes = read()?;
        self.found.push(picture);
        Ok(())
    }

    pub(super) fn is_empty(&self) -> bool {
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
pub(super) struct Picture {
    train: bool,
    class: String,
    name: String,
    bytes: Vec<u8>,
}

impl Picture {
    /// From the last parts of its path, `train/<class>/<file>`; `None` when it is nothing of the kind.
    pub(super) fn place(parts: &[&str]) -> Option<(bool, String, String)> {
        let [.., split, class, name] = parts else { return None };
        let train = match *split {
            "train" => true,
            "test" => false,
            _ => return None,
        };
        let (_, extension) = name.rsplit_once('.')?;
        let known = ["png", "jpg", "jpeg"].iter().any(|known| extension.eq_ignore_ascii_case(known));
        // Archives made on a Mac hold a shadow `._name` of each file.
        (known && !name.starts_with('.')).then(|| (train, (*class).to_owned(), (*name).to_owned()))
    }

    fn path(&self) -> String {
        format!("{}/{}/{}", if self.train { "train" } else { "test" }, self.class, self.name)
    }
}

/// Decodes in parallel, into a set whose order does not depend on the order of the files.
pub(super) fn decode_all(from: &Path, pictures: Pictures) -> Result<Dataset, ImportError> {
    let mut pictures = pictures.found;
    let classes_of = |train: bool| -> BTreeSet<&str> {
        pictures.iter().filter(|p| p.train == train).map(|p| p.class.as_str()).collect()
    };
    let (train, test) = (classes_of(true), classes_of(false));
    if train != test || train.len() > 256 {
        let list = |classes: BTreeSet<&str>| classes.into_iter().collect::<Vec<_>>().join(", ");
        return Err(ImportError::Classes { path: from.to_owned(), train: list(train), test: list(test) });
    }
    let classes: Vec<String> = train.into_iter().map(Into::into).collect();
    if let Some(class) = classes.iter().find(|class| class.trim() != class.as_str() || class.contains(char::is_control))
    {
        return Err(ImportError::ClassName { path: from.to_owned(), class: class.clone() });
    }
    let name = set_name(from, &classes, &pictures);
    // By name before class, so that the classes alternate as in the official files.
    pictures.sort_by(|a, b| (!a.train, &a.name, &a.class).cmp(&(!b.train, &b.name, &b.class)));
    if let Some(pair) = pictures.windows(2).find(|pair| pair[0].path() == pair[1].path()) {
        return Err(ImportError::Duplicate { path: from.to_owned(), entry: pair[0].path() });
    }
    let (train, test) = pictures.split_at(pictures.partition_point(|picture| picture.train));
    let decode = |pictures| decode_split(from, pictures, &classes);
    Ok(Dataset { name, train: decode(train)?, test: decode(test)? })
}

fn decode_split(from: &Path, pictures: &[Picture], classes: &[String]) -> Result<ImageSet, ImportError> {
    let mut pixels = vec![0; pictures.len() * PICTURE_BYTES];
    pixels
        .par_chunks_exact_mut(PICTURE_BYTES)
        .zip(pictures)
        .try_for_each(|(out, picture)| decode(from, picture, out))?;
    let label = |picture: &Picture| classes.iter().position(|class| *class == picture.class).unwrap_or_default() as u8;
    let labels = pictures.iter().map(label).collect();
    ImageSet::new(pixels, labels, classes.to_vec()).map_err(|source| ImportError::Set { path: from.to_owned(), source })
}

fn decode(from: &Path, picture: &Picture, out: &mut [u8]) -> Result<(), ImportError> {
    let failed = |source| ImportError::Decode { path: from.to_owned(), picture: picture.path(), source };
    let reader = || ImageReader::new(Cursor::new(&picture.bytes)).with_guessed_format();
    // The header alone says the size, so a picture that claims to be vast costs nothing.
    let (width, height) = reader().map_err(|e| failed(e.into()))?.into_dimensions().map_err(failed)?;
    if (width, height) != (32, 32) {
        return Err(ImportError::Dimensions { path: from.to_owned(), picture: picture.path(), width, height });
    }
    let mut reader = reader().map_err(|e| failed(e.into()))?;
    let mut limits = Limits::default();
    (limits.max_image_width, limits.max_image_height) = (Some(width), Some(height));
    limits.max_alloc = Some(DECODED);
    reader.limits(limits);
    let rgb = reader.decode().map_err(failed)?.to_rgb8();
    let plane = PICTURE_BYTES / 3;
    for (place, pixel) in rgb.pixels().enumerate() {
        for (channel, &value) in pixel.0.iter().enumerate() {
            out[channel * plane + place] = value;
        }
    }
    Ok(())
}

/// CIFAR-10 that went through a lossy format is not quite CIFAR-10, so its name says so.
fn set_name(from: &Path, classes: &[String], pictures: &[Picture]) -> String {
    if classes != cifar10::CLASSES {
        let name = from.file_name().unwrap_or(from.as_os_str()).to_string_lossy();
        return name.trim_end_matches(".tar.gz").trim_end_matches(".tgz").to_owned();
    }
    let lossless = pictures.iter().all(|picture| picture.name.to_ascii_lowercase().ends_with(".png"));
    if lossless { "CIFAR-10 (PNG)".into() } else { "CIFAR-10 (JPEG)".into() }
}
