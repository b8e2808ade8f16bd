//! Bringing ImageNet, or any set in folders of classes, in as a list of where its pictures lie.

mod archives;
mod kit;
mod mat;
mod packed;

pub use archives::{KIT, TRAIN, VALIDATION};

use super::{
    ImportError, Imported, folder,
    pictures::{Bounds, Pictures, Sorted},
    place::Splits,
};
use crate::{
    files::{LARGEST, Span},
    picture_list::{self, Listing, Source},
};
use std::path::Path;

/// How a set is brought in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ImagenetOptions {
    /// Whether a list that is there already gives way.
    pub replace: bool,
    /// Whether the official archives may be others than the published ones, such as a part of them.
    pub unchecked: bool,
}

/// What a folder or archive may hold.
const BOUNDS: Bounds = Bounds { largest: LARGEST, pictures: u32::MAX as usize, bytes: u64::MAX, classes: 1 << 16 };

/// The forms of a source.
const EXPECTED: &str = "ILSVRC2012_img_train.tar, ILSVRC2012_img_val.tar and ILSVRC2012_devkit_t12.tar.gz, or \
                        train/<class>/ and val/<class>/ (or test/<class>/) with .JPEG, .jpg or .png files";

/// Lists the pictures of a source in the new folder `dest`; what they lie in stays where it is and is read there.
///
/// `from` is one of: a folder with the official archives [`TRAIN`], [`VALIDATION`] and [`KIT`], whose MD5s are compared with
/// the published ones; a folder with `train/<class>/*.JPEG` and `val/<class>/*.JPEG` (or `test/`), read where it lies; a
/// `.tar` of such a folder, read where it lies as well; or a `.tar.gz` or `.tgz` of one, which is unpacked to one archive in
/// `dest`. A picture's label is the rank of its class's name. Classes of validation pictures come from the kit.
///
/// Names in an archive are only ever compared, links, pipes and devices are not followed, and sizes are bounded before
/// anything is read: 64 KiB a name, 64 MiB a picture, four times its own size for what an archive unpacks to. Pictures are
/// not decoded; [`verify`](picture_list::verify) does that.
///
/// `progress` is told how many bytes of how many have been read. `dest` appears whole or not at all. An import that was interrupted
/// begins anew: only lists are written, at the end, and the reading that takes the time cannot be taken up in the middle, since an MD5
/// goes from the first byte to the last.
///
/// # Errors
/// [`ImportError`]; `dest` then holds what it held or the whole new list, and never a part.
pub fn import_imagenet(
    from: impl AsRef<Path>,
    dest: impl AsRef<Path>,
    options: ImagenetOptions,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Imported, ImportError> {
    import_named(None, from.as_ref(), dest.as_ref(), options, progress)
}

/// As [`import_imagenet`], of a set whose name is known.
pub(crate) fn import_named(
    known: Option<&str>,
    from: &Path,
    dest: &Path,
    options: ImagenetOptions,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Imported, ImportError> {
    let from = std::path::absolute(from).map_err(|source| ImportError::Io { path: from.to_owned(), source })?;
    let passed_over = picture_list::write(dest, options.replace, |folder| {
        let (mut listing, sources) = find(&from, folder, options, progress)?;
        let passed_over = std::mem::take(&mut listing.tally).finish();
        let name = known.map_or_else(|| name(&from, &listing.classes), str::to_owned);
        Ok((Listing { name, sorted: listing, sources }, passed_over))
    })?;
    let info = picture_list::open(dest)?.info();
    tracing::info!(from = %from.display(), to = %dest.display(), train = info.train.pictures, test = info.test.pictures, "listed");
    Ok(Imported { info, passed_over })
}

type Found = (Sorted<Span>, [Source; 2]);

fn find(
    from: &Path,
    folder: &Path,
    options: ImagenetOptions,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Found, ImportError> {
    if !from.is_dir() {
        return packed::find(from, folder, progress);
    }
    if [TRAIN, VALIDATION, KIT].iter().any(|archive| from.join(archive).exists()) {
        return archives::find(from, options.unchecked, progress);
    }
    let splits = if from.join("val").is_dir() { &Splits::VAL } else { &Splits::TEST };
    let mut found = Pictures::new(BOUNDS, splits);
    folder::find(from, &mut found, &mut |_, bytes| Ok(Span { offset: 0, bytes: bytes as u32 })).map_err(|error| {
        match error {
            ImportError::Nothing { path, .. } => ImportError::Nothing { path, expected: EXPECTED },
            error => error,
        }
    })?;
    let sources = splits.names.map(|split| Source::Folder(from.join(split)));
    Ok((sorted(from, found)?, sources))
}

fn sorted(from: &Path, found: Pictures<Span>) -> Result<Sorted<Span>, ImportError> {
    if found.is_empty() {
        return Err(ImportError::Nothing { path: from.to_owned(), expected: EXPECTED });
    }
    Sorted::new(from, found)
}

/// ImageNet is told by the number of its classes and their names.
fn name(from: &Path, classes: &[String]) -> String {
    if classes.len() == 1000 && classes.iter().all(|class| kit::is_synset(class)) {
        return "ImageNet".into();
    }
    let name = from.file_name().unwrap_or(from.as_os_str()).to_string_lossy();
    let name = [".tar.gz", ".tgz", ".tar"].iter().find_map(|ending| name.strip_suffix(ending)).unwrap_or(&name);
    name.to_owned()
}

#[cfg(test)]
mod tests;
