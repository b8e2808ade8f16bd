//! The entries of a tar archive with their whole names, which are read within a bound.

use super::ImportError;
use std::{
    io::{self, Read},
    path::Path,
};
use tar::{Archive, EntryType, PaxExtensions};

/// A long name, or a header with one, takes no more bytes.
const LONGEST_HEADER: u64 = 1 << 16;

/// An entry that is a member of the archive.
pub(super) struct Entry<'a, R: Read> {
    /// Its path; lossy where it is not UTF-8.
    pub(super) name: String,
    /// Whether the path is UTF-8.
    pub(super) utf8: bool,
    pub(super) content: tar::Entry<'a, R>,
}

/// Why the members are not read to their end.
pub(super) enum Stop {
    Io(io::Error),
    Import(ImportError),
}

impl Stop {
    /// What went wrong with the archive at `path`.
    pub(super) fn at(self, path: &Path) -> ImportError {
        match self {
            Self::Io(source) => ImportError::Io { path: path.to_owned(), source },
            Self::Import(error) => error,
        }
    }
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<ImportError> for Stop {
    fn from(error: ImportError) -> Self {
        Self::Import(error)
    }
}

/// Calls `each` with every member. The tar library would read headers of any length by itself.
pub(super) fn for_each<R: Read, E: From<io::Error>>(
    archive: &mut Archive<R>,
    mut each: impl FnMut(Entry<'_, R>) -> Result<(), E>,
) -> Result<(), E> {
    let mut long_name = None;
    for entry in archive.entries()?.raw(true) {
        let mut entry = entry?;
        match entry.header().entry_type() {
            EntryType::GNULongName => {
                let mut name = header(&mut entry)?;
                name.truncate(name.iter().position(|&byte| byte == 0).unwrap_or(name.len()));
                long_name = Some(name);
            }
            EntryType::XHeader => long_name = pax_path(&header(&mut entry)?)?.or(long_name),
            EntryType::GNULongLink | EntryType::XGlobalHeader => drop(header(&mut entry)?),
            _ => {
                let name = long_name.take().unwrap_or_else(|| entry.path_bytes().into_owned());
                let utf8 = std::str::from_utf8(&name).is_ok();
                let name = String::from_utf8_lossy(&name).into_owned();
                each(Entry { name, utf8, content: entry })?;
            }
        }
    }
    match long_name {
        Some(_) => Err(invalid("a name without an entry".into()).into()),
        None => Ok(()),
    }
}

fn header(entry: &mut tar::Entry<'_, impl Read>) -> io::Result<Vec<u8>> {
    if entry.size() > LONGEST_HEADER {
        let size = entry.size();
        return Err(invalid(format!("a header of {size} bytes; at most {LONGEST_HEADER} were expected")));
    }
    let mut bytes = Vec::new();
    entry.read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The path that an extended header gives.
fn pax_path(header: &[u8]) -> io::Result<Option<Vec<u8>>> {
    let mut path = None;
    for record in PaxExtensions::new(header) {
        let record = record?;
        match record.key_bytes() {
            b"path" => path = Some(record.value_bytes().to_owned()),
            // Another size than the entry's own header gives would move all that follows.
            b"size" => return Err(invalid("an extended header with a size of its own".into())),
            _ => {}
        }
    }
    Ok(path)
}

fn invalid(what: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("the archive holds {what}"))
}
