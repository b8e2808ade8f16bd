//! Where a run goes: into a folder that is named, or into the first that has room for it.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use vr_files::{FileError, Lock, create_folder_atomic, write_part};
use vr_run::run_folder::{RECORD, is_run};
use vr_run::{Digests, RunError, RunFolder};

use crate::error::BenchError;
use crate::run_dir::{RESULT, Record};

/// Where a run goes.
#[derive(Clone, Copy, Debug)]
pub enum Destination<'a> {
    /// This folder.
    At(&'a Path),
    /// The first of `NAME-1`, `NAME-2`, … in this folder that is free, or holds the same run, unfinished and with nobody at
    /// work on it: the same command goes on.
    FirstIn(&'a Path),
}

impl Destination<'_> {
    /// Opens the folder of a run whose cells `check` holds against what is there.
    ///
    /// # Errors
    /// As [`RunFolder::open`].
    pub(crate) fn open(
        self,
        record: &Record,
        check: impl Fn(&RunFolder) -> Result<(), BenchError>,
    ) -> Result<RunFolder, BenchError> {
        let parent = match self {
            Self::At(path) => return Ok(RunFolder::open(path, &record.experiment)?),
            Self::FirstIn(parent) => parent,
        };
        first(parent, &record.experiment, |path| {
            if !has_room(path, record) {
                return Ok(None);
            }
            let run = RunFolder::open(path, &record.experiment)?;
            // Another process may have had it meanwhile.
            if !has_room(path, record) {
                return Ok(None);
            }
            match check(&run) {
                Ok(()) => Ok(Some(run)),
                Err(BenchError::Run(RunError::OtherSettings { .. })) => Ok(None),
                Err(error) => Err(error),
            }
        })
    }
}

/// What `open` makes of the first of the folders `NAME-1`, `NAME-2`, … for which it makes something. Those that somebody
/// has, or that hold something else, are passed over.
fn first<T>(parent: &Path, name: &str, open: impl Fn(&Path) -> Result<Option<T>, BenchError>) -> Result<T, BenchError> {
    let mut number = 1_u64;
    loop {
        match open(&parent.join(format!("{name}-{number}"))) {
            Ok(Some(opened)) => return Ok(opened),
            Ok(None) => {}
            Err(BenchError::Run(RunError::Occupied { .. } | RunError::File(FileError::Locked { .. }))) => {}
            Err(BenchError::File(FileError::Locked { .. })) => {}
            Err(error) => return Err(error),
        }
        number += 1;
    }
}

/// Whether a run of this record can begin or go on at `path`.
fn has_room(path: &Path, record: &Record) -> bool {
    if is_run(path) { is_same(path, record) && !is_complete(path) } else { path.is_dir() || !path.exists() }
}

/// Whether the run at `path` is of the same record, wherever its data are.
fn is_same(path: &Path, record: &Record) -> bool {
    let ours = without_place(record);
    matches!(Record::read(path), Ok(Some(there)) if ours.is_some() && without_place(&there) == ours)
}

/// A record without the folder that its data are in: the cells hold what the data are.
fn without_place(record: &Record) -> Option<Value> {
    let mut value = serde_json::to_value(record).ok()?;
    for task in ["settings", "config"] {
        for set in ["cifar10", "pictures"] {
            if let Some(place) = value.pointer_mut(&format!("/{task}/data/{set}")) {
                *place = json!("");
            }
        }
    }
    Some(value)
}

/// Whether a run came to its end.
fn is_complete(path: &Path) -> bool {
    match Digests::read(path) {
        Ok(Some(digests)) => digests.has(RESULT),
        // An older version's.
        Ok(None) => path.join(RESULT).exists(),
        Err(_) => true,
    }
}

/// A folder of runs, each in a folder of its experiment's name, which no other process begins or goes on with while this
/// value lives.
#[derive(Debug)]
pub struct RunsFolder {
    path: PathBuf,
    _lock: Lock,
}

const NAME: &str = "all";
const LOCK: &str = "lock";

impl RunsFolder {
    /// Begins the runs of all records: their folders and records appear together or not at all, so that each of them can be
    /// gone on with whatever ends the process. Runs that are there stay.
    ///
    /// # Errors
    /// When a folder cannot be written, or holds something else.
    pub fn begin(destination: Destination<'_>, records: &[Record]) -> Result<Self, BenchError> {
        match destination {
            Destination::At(path) => {
                if !create(path, records)? {
                    for record in records {
                        let path = path.join(&record.experiment);
                        if !is_run(&path) {
                            record.write(&RunFolder::open(path, &record.experiment)?)?;
                        }
                    }
                }
                Self::lock(path)
            }
            Destination::FirstIn(parent) => first(parent, NAME, |path| {
                let same = |record: &Record| is_same(&path.join(&record.experiment), record);
                let unfinished = |record: &Record| !is_complete(&path.join(&record.experiment));
                if create(path, records)? || (records.iter().all(same) && records.iter().any(unfinished)) {
                    return Self::lock(path).map(Some);
                }
                Ok(None)
            }),
        }
    }

    fn lock(path: &Path) -> Result<Self, BenchError> {
        Ok(Self { path: path.to_owned(), _lock: Lock::acquire(path.join(LOCK))? })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// Creates a folder with the records of all runs; `false` where something is there already.
fn create(path: &Path, records: &[Record]) -> Result<bool, BenchError> {
    let created = create_folder_atomic(path, |folder| {
        for record in records {
            let run = folder.join(&record.experiment);
            vr_files::create_folder(&run)?;
            write_part(run.join(RECORD), serde_json::to_string_pretty(record)?.as_bytes())?;
        }
        Ok(())
    });
    match created {
        Err(BenchError::File(FileError::Exists { .. })) => Ok(false),
        created => created.map(|()| true),
    }
}
