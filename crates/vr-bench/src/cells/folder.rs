//! The folder of one cell: `settings.json`, `metrics.jsonl`, `timing.jsonl`, `checkpoints/` and, once
//! it is finished, `result.json`.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use vr_files::write_atomic;

use super::events::Event;
use crate::cell::{Cell, CellResult};
use crate::checkpoint::{CheckpointPolicy, Checkpoints};
use crate::error::BenchError;
use crate::log::{self, LogError};
use crate::results::EpochTime;
use crate::settings::{LoadedData, Settings};

/// Version of what a cell's settings mean; a change makes finished cells run again.
const SCHEMA: u64 = 1;

/// Longest `settings.json` or `result.json` that is read, in bytes.
const LARGEST: u64 = 1 << 28;

/// What `result.json` of a cell holds. There is no time in it and nothing that depends on
/// interruptions, so that equal cells have equal bytes.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CellReport {
    /// BLAKE3 digest of `settings.json`.
    pub settings: String,
    /// BLAKE3 digest of `metrics.jsonl`.
    pub metrics: String,
    /// BLAKE3 digest of the final weights and running statistics.
    pub weights: String,
    /// What was measured.
    #[serde(flatten)]
    pub result: CellResult,
}

/// The folder of one cell.
#[derive(Clone, Debug)]
pub struct CellFolder {
    path: PathBuf,
}

impl CellFolder {
    /// The folder of a cell in a run's folder, settled with the cell's settings if it is new.
    ///
    /// # Errors
    /// [`BenchError::OtherSettings`] when it belongs to a cell with other settings.
    pub fn claim(out: &Path, settings: &Settings, data: &LoadedData, cell: &Cell) -> Result<Self, BenchError> {
        let folder = Self { path: out.join(CELLS).join(name(cell)) };
        let ours = json!({
            "schema": SCHEMA,
            "engine": settings.engine.to_string(),
            "batch_size": settings.batch_size,
            "data": data.info,
            "cell": cell,
        });
        match folder.read("settings.json") {
            Ok(found) => folder.check(&serde_json::from_slice(&found)?, &ours)?,
            Err(error) if error.is_not_found() => {
                write_atomic(folder.path.join("settings.json"), serde_json::to_string_pretty(&ours)?.as_bytes())?;
            }
            Err(error) => return Err(error.into()),
        }
        vr_files::create_folder(folder.path.join("checkpoints"))?;
        Ok(folder)
    }

    /// The folders of all cells of a run, by name.
    ///
    /// # Errors
    /// When the run's folder cannot be listed.
    pub fn all(out: &Path) -> Result<Vec<Self>, BenchError> {
        let paths = vr_files::list(out.join(CELLS))?;
        Ok(paths.into_iter().filter(|path| path.join("settings.json").is_file()).map(|path| Self { path }).collect())
    }

    /// The cell's name.
    pub fn name(&self) -> String {
        self.path.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }
    /// The events.
    pub fn metrics(&self) -> PathBuf {
        self.path.join("metrics.jsonl")
    }
    /// The times of the epochs.
    pub fn timing(&self) -> PathBuf {
        self.path.join("timing.jsonl")
    }
    /// The saved states.
    pub fn checkpoints(&self, policy: CheckpointPolicy) -> Checkpoints {
        Checkpoints::new(self.path.join("checkpoints"), policy)
    }

    /// The whole log of a finished cell.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn log(&self) -> Result<Vec<u8>, BenchError> {
        Ok(self.read("metrics.jsonl")?)
    }

    /// What a finished cell found; `None` for one that is not.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn finished(&self) -> Result<Option<CellReport>, BenchError> {
        let text = match self.read("result.json") {
            Ok(text) => text,
            Err(error) if error.is_not_found() => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let path = self.path.join("result.json");
        match serde_json::from_slice::<CellReport>(&text) {
            Ok(mut report) if report.settings == self.digest("settings.json")? => {
                report.result.times = self.times()?;
                Ok(Some(report))
            }
            Ok(_) => {
                Err(BenchError::OtherSettings { path, difference: "its digest is not that of settings.json".into() })
            }
            Err(error) => {
                tracing::warn!(file = %path.display(), %error, "damaged; the cell is finished again");
                Ok(None)
            }
        }
    }

    /// Removes what killed processes left half built. Only while nobody else works on the run.
    ///
    /// # Errors
    /// When something cannot be removed.
    pub fn sweep(&self) -> Result<(), BenchError> {
        vr_files::sweep(&self.path)?;
        Ok(vr_files::sweep(self.path.join("checkpoints"))?)
    }

    /// Writes `result.json` from the log, which is complete.
    ///
    /// # Errors
    /// When a file cannot be read or written.
    pub fn finish(&self, weights: String) -> Result<CellReport, BenchError> {
        let metrics = self.log()?;
        let (events, len) = log::sound::<Event>(&metrics);
        if len != metrics.len() as u64 {
            let expected = metrics.len() as u64;
            return Err(LogError::Short { path: self.metrics(), found: len, expected }.into());
        }
        let mut report = CellReport {
            settings: self.digest("settings.json")?,
            metrics: digest(&metrics),
            weights,
            result: events.into_iter().collect(),
        };
        write_atomic(self.path.join("result.json"), serde_json::to_string_pretty(&report)?.as_bytes())?;
        report.result.times = self.times()?;
        Ok(report)
    }

    /// Times are worth having and not worth failing for.
    fn times(&self) -> Result<Vec<EpochTime>, BenchError> {
        match self.read("timing.jsonl") {
            Ok(bytes) => Ok(log::sound(&bytes).0),
            Err(error) if error.is_not_found() => Ok(Vec::new()),
            Err(error) => Err(error.into()),
        }
    }

    fn read(&self, name: &str) -> Result<Vec<u8>, vr_files::FileError> {
        vr_files::read(self.path.join(name), LARGEST)
    }

    fn digest(&self, name: &str) -> Result<String, BenchError> {
        Ok(digest(&self.read(name)?))
    }

    fn check(&self, found: &Value, ours: &Value) -> Result<(), BenchError> {
        match difference("", found, ours) {
            None => Ok(()),
            Some(difference) => Err(BenchError::OtherSettings { path: self.path.clone(), difference }),
        }
    }
}

/// The run's folder of cells.
pub const CELLS: &str = "cells";

/// A cell's folder name: model, method and seed, in characters that every system allows.
pub fn name(cell: &Cell) -> String {
    let name = format!("{}-{}-seed-{}", cell.model, cell.method, cell.seed);
    name.chars().map(|c| if c.is_ascii_alphanumeric() || "-._=".contains(c) { c } else { '_' }).collect()
}

fn digest(bytes: &[u8]) -> String {
    blake3::hash(bytes).to_hex().to_string()
}

/// The first key at which two settings differ, with both values.
fn difference(key: &str, found: &Value, ours: &Value) -> Option<String> {
    match (found, ours) {
        (Value::Object(found), Value::Object(ours)) => {
            let keys: std::collections::BTreeSet<&String> = found.keys().chain(ours.keys()).collect();
            keys.into_iter().find_map(|name| {
                let inner = if key.is_empty() { name.clone() } else { format!("{key}.{name}") };
                let value = |of: &serde_json::Map<String, Value>| of.get(name).cloned().unwrap_or(Value::Null);
                difference(&inner, &value(found), &value(ours))
            })
        }
        _ if found == ours => None,
        _ => Some(format!("{key} is {found} there and {ours} here")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_difference_is_named() {
        let a = json!({"cell": {"epochs": 3, "method": "sgd"}, "batch_size": 128});
        assert_eq!(difference("", &a, &a), None);
        let b = json!({"cell": {"epochs": 4, "method": "sgd"}, "batch_size": 128});
        assert_eq!(difference("", &a, &b).unwrap(), "cell.epochs is 3 there and 4 here");
        let c = json!({"cell": {"epochs": 3, "method": "sgd", "rule": "adamw"}, "batch_size": 128});
        assert_eq!(difference("", &a, &c).unwrap(), "cell.rule is null there and \"adamw\" here");
    }
}
