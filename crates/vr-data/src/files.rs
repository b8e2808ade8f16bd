//! Encoded pictures where they lie.

use crate::{
    Part, Picture, PictureError, ReadPicture,
    decode::{Encoded, MEMORY},
    names::Names,
};
use std::{
    error::Error,
    path::{Path, PathBuf},
};

/// No picture file that is read has more bytes.
pub(crate) const LARGEST: u64 = 1 << 26;

/// Files below a folder that are read and decoded when they are asked for.
#[derive(Debug)]
pub(crate) struct Files {
    folder: PathBuf,
    /// Paths from there.
    names: Names,
}

impl Files {
    pub(crate) fn new(folder: &Path, names: Names) -> Self {
        Self { folder: folder.to_owned(), names }
    }

    fn path(&self, index: usize) -> PathBuf {
        self.folder.join(self.names.get(index))
    }

    fn failed<E: Into<Box<dyn Error + Send + Sync>>>(&self, index: usize) -> impl Fn(E) -> PictureError + use<'_, E> {
        move |source| PictureError::Read { name: self.path(index).display().to_string(), source: source.into() }
    }
}

impl ReadPicture for Files {
    fn read(&self, index: usize) -> Result<Picture<'_>, PictureError> {
        self.read_part(index, &mut |_| None)
    }

    /// Rows below the part are not decoded where the format allows it.
    fn read_part(
        &self,
        index: usize,
        part: &mut dyn FnMut([usize; 2]) -> Option<Part>,
    ) -> Result<Picture<'_>, PictureError> {
        let bytes = vr_files::read(self.path(index), LARGEST).map_err(self.failed(index))?;
        let encoded = Encoded::new(&bytes, MEMORY).map_err(self.failed(index))?;
        let size = encoded.size;
        let Some(part) = part(size) else { return encoded.rgb().map_err(self.failed(index)) };
        if !part.lies_in(size) {
            return Err(PictureError::Part { size, part });
        }
        encoded.rows(part.corner[0] + part.size[0]).map_err(self.failed(index))?.resampled(part)
    }
}
