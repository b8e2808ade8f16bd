//! Picture files and what they decode to.

use super::ImportError;
use crate::{Dataset, ImageSet, cifar10, image_set::PICTURE_BYTES};
use image::ImageReader;
use rayon::prelude::*;
use std::{collections::BTreeSet, io::Cursor, path::Path};

/// No 32×32 picture needs more bytes.
pub(super) const LARGEST: u64 = 1 << 20;

/// A picture file, not yet decoded.
pub(super) struct Picture {
    pub(super) train: bool,
    pub(super) class: String,
    pub(super) name: String,
    pub(super) bytes: Vec<u8>,
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

    pub(super) fn path(&self) -> String {
        format!("{}/{}/{}", if self.train { "train" } else { "test" }, self.class, self.name)
    }
}

/// Decodes in parallel, into a set whose order does not depend on the order of the files.
pub(super) fn decode_all(from: &Path, mut pictures: Vec<Picture>) -> Result<Dataset, ImportError> {
    let classes_of = |train: bool| -> BTreeSet<&str> {
        pictures.iter().filter(|p| p.train == train).map(|p| p.class.as_str()).collect()
    };
    let (train, test) = (classes_of(true), classes_of(false));
    if train != test || train.len() > 256 {
        let list = |classes: BTreeSet<&str>| classes.into_iter().collect::<Vec<_>>().join(", ");
        return Err(ImportError::Classes { path: from.to_owned(), train: list(train), test: list(test) });
    }
    let classes: Vec<String> = train.into_iter().map(Into::into).collect();
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
    let rgb = reader().map_err(|e| failed(e.into()))?.decode().map_err(failed)?.to_rgb8();
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
