//! A log that survives: one JSON object a line, with a checksum, only ever appended to.

use std::marker::PhantomData;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;
use vr_files::{AppendFile, FileError};

/// Longest log that is read, in bytes.
const LARGEST: u64 = 1 << 28;

/// Why a log cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The file cannot be written or read.
    #[error(transparent)]
    File(#[from] FileError),
    /// An event cannot be written as JSON.
    #[error("JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// The file ends before a length that was certain.
    #[error("`{}` has {found} sound bytes; at least {expected} were expected", path.display())]
    Short {
        /// The log.
        path: PathBuf,
        /// Bytes in lines whose checksums hold.
        found: u64,
        /// Bytes that should be there.
        expected: u64,
    },
}

impl LogError {
    /// Whether it says that a log, or a part of it that was certain, is gone or damaged: not that it
    /// could not be read or written just now.
    #[must_use]
    pub fn is_loss(&self) -> bool {
        match self {
            Self::Short { .. } => true,
            Self::File(error) => error.is_not_found(),
            Self::Json(_) => false,
        }
    }
}

/// A log of events of one type, open for appending.
#[derive(Debug)]
pub struct Log<T> {
    file: AppendFile,
    events: PhantomData<fn(T)>,
}

impl<T: Serialize + DeserializeOwned> Log<T> {
    /// Opens a log and cuts it to its first `len` bytes, which must be sound lines.
    ///
    /// # Errors
    /// [`LogError::Short`] when they are not; a [`FileError`] when the system refuses.
    pub fn open(path: impl Into<PathBuf>, len: u64) -> Result<Self, LogError> {
        let mut file = AppendFile::open(path)?;
        if len > 0 {
            read::<T>(file.path(), len)?;
        }
        if file.len() != len {
            file.truncate(len)?;
        }
        Ok(Self { file, events: PhantomData })
    }

    /// Adds an event. It is durable after [`sync`](Self::sync).
    ///
    /// # Errors
    /// When it cannot be written; the log is then as before.
    pub fn append(&mut self, event: &T) -> Result<(), LogError> {
        Ok(self.file.append(line(event)?.as_bytes())?)
    }

    /// Makes the events durable.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn sync(&self) -> Result<(), LogError> {
        Ok(self.file.sync()?)
    }

    /// Length in bytes.
    pub fn len(&self) -> u64 {
        self.file.len()
    }

    /// Whether no event is in it.
    pub fn is_empty(&self) -> bool {
        self.file.is_empty()
    }
}

/// The events in the first `len` bytes of a log.
///
/// # Errors
/// [`LogError::Short`] when these bytes are not whole, sound lines.
pub fn read<T: DeserializeOwned>(path: &Path, len: u64) -> Result<Vec<T>, LogError> {
    let bytes = vr_files::read_nofollow(path, LARGEST)?;
    let expected = usize::try_from(len).unwrap_or(usize::MAX);
    let (events, found) = sound(bytes.get(..expected).unwrap_or(&bytes));
    if found != len {
        return Err(LogError::Short { path: path.to_owned(), found, expected: len });
    }
    Ok(events)
}

/// The events of all sound lines from the beginning, up to the first that is torn or damaged, and how
/// many bytes they take.
pub fn sound<T: DeserializeOwned>(bytes: &[u8]) -> (Vec<T>, u64) {
    let mut events = Vec::new();
    let mut len = 0;
    for line in bytes.split_inclusive(|&byte| byte == b'\n') {
        let Some(event) = line.strip_suffix(b"\n").and_then(event) else { break };
        events.push(event);
        len += line.len() as u64;
    }
    (events, len)
}

const CHECK: &str = ",\"check\":\"";

fn checksum(json: &[u8]) -> String {
    blake3::hash(json).to_hex()[..16].to_owned()
}

/// `{"kind":…}` becomes `{"kind":…,"check":"…"}`, the checksum being that of the first form.
fn line<T: Serialize>(event: &T) -> Result<String, serde_json::Error> {
    let json = serde_json::to_string(event)?;
    let open = json.strip_suffix('}').unwrap_or(&json);
    Ok(format!("{open}{CHECK}{}\"}}\n", checksum(json.as_bytes())))
}

fn event<T: DeserializeOwned>(line: &[u8]) -> Option<T> {
    let line = line.strip_suffix(b"\"}")?;
    let (open, check) = line.split_at_checked(line.len().checked_sub(16)?)?;
    let json = [open.strip_suffix(CHECK.as_bytes())?, b"}"].concat();
    (checksum(&json).as_bytes() == check).then(|| serde_json::from_slice(&json).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    type Row = std::collections::BTreeMap<String, f64>;

    fn row(i: usize) -> Row {
        [("loss".into(), 1.0 / (i as f64 + 3.0))].into()
    }

    fn log(path: &Path, rows: usize) -> Log<Row> {
        let mut log = Log::open(path, 0).unwrap();
        for i in 0..rows {
            log.append(&row(i)).unwrap();
        }
        log.sync().unwrap();
        log
    }

    #[test]
    fn lines_are_json_and_numbers_come_back_to_the_bit() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let len = log(&path, 100).len();
        let events: Vec<Row> = read(&path, len).unwrap();
        for (i, event) in events.iter().enumerate() {
            assert_eq!(event["loss"].to_bits(), row(i)["loss"].to_bits());
        }
        for line in std::fs::read_to_string(&path).unwrap().lines() {
            let json: serde_json::Value = serde_json::from_str(line).unwrap();
            assert_eq!(json["check"].as_str().unwrap().len(), 16);
        }
    }

    #[test]
    fn a_torn_or_damaged_line_ends_what_is_sound() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        log(&path, 3);
        let whole = std::fs::read(&path).unwrap();
        let lines: Vec<usize> = whole.split_inclusive(|&byte| byte == b'\n').map(<[u8]>::len).collect();
        let starts = [0, lines[0], lines[0] + lines[1], whole.len()];
        let sound_len = |bytes: &[u8]| sound::<Row>(bytes).1 as usize;
        for cut in 0..=whole.len() {
            let expected = starts.iter().rev().find(|&&start| start <= cut).unwrap();
            assert_eq!(sound_len(&whole[..cut]), *expected, "cut at {cut}");
        }
        for i in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[i] ^= 1;
            let expected = starts.iter().rev().find(|&&start| start <= i).unwrap();
            assert_eq!(sound_len(&damaged), *expected, "flipped at {i}");
        }
    }

    #[test]
    fn opening_cuts_to_the_length_that_is_certain() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let first = log(&path, 1).len();
        let mut whole = log(&path, 3);
        let len = whole.len();
        whole.file.append(b"{\"torn").unwrap();
        let cut: Log<Row> = Log::open(&path, first).unwrap();
        assert_eq!((cut.len(), std::fs::metadata(&path).unwrap().len()), (first, first));
        let short = Log::<Row>::open(&path, len).unwrap_err();
        assert!(matches!(short, LogError::Short { found, expected, .. } if (found, expected) == (first, len)));
    }
}
