//! Why pictures cannot be imported.

use crate::{CifarError, ImageSetError, decode::DecodeError};
use std::{io, path::PathBuf};
use vr_files::FileError;

/// Why an import failed; nothing has changed then.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// A file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The system's answer, or the archive reader's.
        source: io::Error,
    },
    /// None of the forms of a set was found.
    #[error("{} holds no picture set; expected were {expected}", path.display())]
    Nothing {
        /// The archive or folder.
        path: PathBuf,
        /// The forms.
        expected: &'static str,
    },
    /// An archive entry is larger than anything a picture set holds.
    #[error("{}: entry `{entry}` has {bytes} bytes; at most {limit} were expected", path.display())]
    TooLarge {
        /// The archive or folder.
        path: PathBuf,
        /// The entry.
        entry: String,
        /// Its size.
        bytes: u64,
        /// The bound.
        limit: u64,
    },
    /// There are more pictures, or more bytes of them, than any set for this crate holds.
    #[error("{} holds more than {pictures} pictures or {bytes} bytes of them", path.display())]
    TooMany {
        /// The archive or folder.
        path: PathBuf,
        /// The bound on their number.
        pictures: usize,
        /// The bound on their bytes.
        bytes: u64,
    },
    /// Something that is named as a picture or its folder is a link, a pipe or a device.
    #[error("{} is a link or no plain file; it is not followed", path.display())]
    NotPlain {
        /// What was found.
        path: PathBuf,
    },
    /// A picture would not be read where it is, or as it is; without it the set would not be whole.
    #[error("{}: `{entry}`: {reason}", path.display())]
    Misplaced {
        /// The archive or folder.
        path: PathBuf,
        /// The picture.
        entry: String,
        /// What was expected of it.
        reason: &'static str,
    },
    /// The folder of a class holds no picture: without it the labels of the others would be other ones.
    #[error("{}: {split}/{class}/ holds no picture; .png, .jpg or .jpeg files were expected, or no such folder", path.display())]
    EmptyClass {
        /// The archive or folder.
        path: PathBuf,
        /// The folder of its set.
        split: &'static str,
        /// The class.
        class: String,
    },
    /// A folder's name cannot be a class's, which stands alone on a line.
    #[error("{}: `{}` cannot name a class: control characters and spaces at its ends are not allowed", path.display(), class.escape_debug())]
    ClassName {
        /// The archive or folder.
        path: PathBuf,
        /// The name.
        class: String,
    },
    /// The archive unpacks to more than any picture set.
    #[error("{} unpacks to more than {limit} bytes", path.display())]
    Bomb {
        /// The archive.
        path: PathBuf,
        /// The bound.
        limit: u64,
    },
    /// Two entries have one name.
    #[error("{} holds `{entry}` twice", path.display())]
    Duplicate {
        /// The archive.
        path: PathBuf,
        /// The entry.
        entry: String,
    },
    /// A picture cannot be decoded.
    #[error("{}: picture `{picture}` cannot be decoded: {source}", path.display())]
    Decode {
        /// The archive or folder.
        path: PathBuf,
        /// The picture in it.
        picture: String,
        /// Why.
        source: DecodeError,
    },
    /// A picture has another size.
    #[error("{}: picture `{picture}` is {width}×{height}; 32×32 was expected", path.display())]
    Dimensions {
        /// The archive or folder.
        path: PathBuf,
        /// The picture in it.
        picture: String,
        /// Its width.
        width: usize,
        /// Its height.
        height: usize,
    },
    /// Training and test set do not have the same classes, or there are too many.
    #[error("{}: train/ has classes [{train}] and {split}/ [{test}]; the same 1 to {most} were expected in both", path.display())]
    Classes {
        /// The archive or folder.
        path: PathBuf,
        /// Classes of the training set.
        train: String,
        /// The folder of the test set.
        split: &'static str,
        /// Classes of the test set.
        test: String,
        /// The bound on their number.
        most: usize,
    },
    /// An archive is not the published one.
    #[error("{} has MD5 {found}; {expected} was expected, that of the published archive", path.display())]
    Checksum {
        /// The archive.
        path: PathBuf,
        /// Its MD5.
        found: String,
        /// That of the published archive.
        expected: String,
    },
    /// An archive that a list leads into is another one now.
    #[error("{} has {found} bytes; an archive of {expected} was listed", path.display())]
    Archive {
        /// The archive.
        path: PathBuf,
        /// Its length.
        found: u64,
        /// The length of the archive that was listed.
        expected: u64,
    },
    /// ImageNet's development kit does not say what it should.
    #[error("{} is no development kit of ILSVRC2012: {reason}", path.display())]
    Kit {
        /// The kit.
        path: PathBuf,
        /// What was expected.
        reason: &'static str,
    },
    /// The description of a list cannot be read or written.
    #[error("{}: {source}", file.display())]
    Description {
        /// The description.
        file: PathBuf,
        /// Why.
        source: serde_json::Error,
    },
    /// A list is not what was written.
    #[error("line {line} of {} is not what was written: label, offset, bytes and name were expected, and as many lines as \
             pictures.json says", file.display())]
    List {
        /// The list.
        file: PathBuf,
        /// The line, from 1; the last one where the whole is another.
        line: usize,
    },
    /// What would be replaced holds something else.
    #[error("{} also holds {stranger}, which would be deleted; a set is replaced only where nothing else is", dir.display())]
    Foreign {
        /// The folder.
        dir: PathBuf,
        /// What else it holds.
        stranger: String,
    },
    /// A file cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// The CIFAR-10 files are wrong, or the new ones cannot be written.
    #[error(transparent)]
    Cifar(#[from] CifarError),
    /// The decoded pictures do not make a set.
    #[error("{}: {source}", path.display())]
    Set {
        /// The archive or folder.
        path: PathBuf,
        /// Why.
        source: ImageSetError,
    },
}
