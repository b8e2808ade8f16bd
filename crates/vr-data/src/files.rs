//! Encoded pictures where they lie: in files of their own, or one after the other in an archive.

use crate::{
    Part, Picture, PictureError, ReadPicture,
    decode::{Encoded, MEMORY},
    names::Names,
};
use std::{
    cell::RefCell,
    error::Error,
    fs::File,
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

/// No picture file that is read has more bytes.
pub(crate) const LARGEST: u64 = 1 << 26;

/// A larger piece of memory is not kept for the next picture.
const LARGEST_SCRATCH: usize = 1 << 22;

thread_local! {
    /// What a picture is decoded into: new memory for each would take longer than resampling it.
    static SCRATCH: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Where in an archive a picture is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) offset: u64,
    pub(crate) bytes: u32,
}

/// Pictures that are read and decoded when they are asked for.
#[derive(Debug)]
pub(crate) struct Files {
    place: Place,
    classes: Arc<[String]>,
    labels: Vec<u16>,
    /// Without the folder of the class.
    names: Names,
    spans: Vec<Span>,
}

/// Where pictures are.
#[derive(Debug)]
pub(crate) enum Place {
    /// In a folder of folders, one for each class.
    Folder(PathBuf),
    /// In an archive that is not packed.
    Archive { path: PathBuf, file: File },
}

impl Files {
    /// As many pictures as there are labels, names and spans; each label is below the number of classes.
    pub(crate) fn new(place: Place, classes: Arc<[String]>, labels: Vec<u16>, names: Names, spans: Vec<Span>) -> Self {
        Self { place, classes, labels, names, spans }
    }

    /// The bytes of a picture as they are in its file.
    fn bytes(&self, index: usize) -> Result<Vec<u8>, Box<dyn Error + Send + Sync>> {
        let Span { offset, bytes } = self.spans[index];
        match &self.place {
            Place::Folder(folder) => {
                let content = vr_files::read(self.path(folder, index), LARGEST)?;
                if content.len() != bytes as usize {
                    return Err(format!("it has {} bytes; {bytes} were there when it was listed", content.len()).into());
                }
                Ok(content)
            }
            Place::Archive { file, .. } => {
                let mut content = vec![0; bytes as usize];
                read_at(file, &mut content, offset)?;
                Ok(content)
            }
        }
    }

    fn path(&self, folder: &Path, index: usize) -> PathBuf {
        folder.join(&self.classes[usize::from(self.labels[index])]).join(self.names.get(index))
    }

    /// What an error calls a picture.
    fn name(&self, index: usize) -> String {
        match &self.place {
            Place::Folder(folder) => self.path(folder, index).display().to_string(),
            Place::Archive { path, .. } => format!("{} in {}", self.names.get(index).escape_debug(), path.display()),
        }
    }

    fn failed<E: Into<Box<dyn Error + Send + Sync>>>(&self, index: usize) -> impl Fn(E) -> PictureError + use<'_, E> {
        move |source| PictureError::Read { name: self.name(index), source: source.into() }
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
        let bytes = self.bytes(index).map_err(self.failed(index))?;
        let encoded = Encoded::new(&bytes, MEMORY).map_err(self.failed(index))?;
        let size = encoded.size;
        let Some(part) = part(size) else { return encoded.rgb().map_err(self.failed(index)) };
        if !part.lies_in(size) {
            return Err(PictureError::Part { size, part });
        }
        SCRATCH.with_borrow_mut(|scratch| {
            let rows = encoded.rows(part.corner[0] + part.size[0], scratch).map_err(self.failed(index))?;
            let picture = rows.resampled(part);
            if scratch.capacity() > LARGEST_SCRATCH {
                *scratch = Vec::new();
            }
            picture
        })
    }
}

#[cfg(unix)]
fn read_at(file: &File, content: &mut [u8], offset: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, content, offset)
}

#[cfg(windows)]
fn read_at(file: &File, mut content: &mut [u8], mut offset: u64) -> io::Result<()> {
    while !content.is_empty() {
        match std::os::windows::fs::FileExt::seek_read(file, content, offset)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            count => {
                content = &mut content[count..];
                offset += count as u64;
            }
        }
    }
    Ok(())
}
