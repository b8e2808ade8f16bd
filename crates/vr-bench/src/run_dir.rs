//! The folder of a run: manifest, metrics, result, tensors, timing, figures, report.

use std::path::{Path, PathBuf};

use serde::de::Error;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use vr_files::write_atomic;
use vr_run::{Digests, RunError, RunFolder, run_folder};

use crate::config::TrainConfig;
use crate::data::LoadedData;
use crate::error::BenchError;
use crate::report::report_html;
use crate::results::json_table::{self, Rows};
use crate::results::tensor_table::{self, TensorTable};
use crate::results::{EpochTime, ExperimentResult};
use crate::settings::Settings;

/// A figure: file name, title, SVG.
pub type Figure = (&'static str, String, String);

/// What `run.json` says: enough to take the run up again.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Record {
    /// The experiment's name, or [`TRAIN`].
    pub experiment: String,
    /// What it was given.
    #[serde(flatten)]
    pub task: Task,
}

/// The name of a run that a configuration describes.
pub const TRAIN: &str = "train";

/// What a run was given.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Task {
    /// What an experiment is run on.
    Settings(Box<Settings>),
    /// All of a training run.
    Config(Box<TrainConfig>),
}

impl Record {
    /// The record of an experiment.
    pub fn of_experiment(name: &str, settings: &Settings) -> Self {
        Self { experiment: name.to_owned(), task: Task::Settings(Box::new(settings.clone())) }
    }

    /// The record of a training run.
    pub fn of_training(config: &TrainConfig) -> Self {
        Self { experiment: TRAIN.to_owned(), task: Task::Config(Box::new(config.clone())) }
    }

    /// What the run in the folder `out` is run on.
    pub fn settings(&self, out: &Path) -> Settings {
        match &self.task {
            Task::Settings(settings) => (**settings).clone(),
            Task::Config(config) => config.settings(out),
        }
    }

    /// The record of the run in `out`; `None` for a folder without one.
    ///
    /// # Errors
    /// When the record cannot be read, or holds what no run is given.
    pub fn read(out: &Path) -> Result<Option<Self>, BenchError> {
        Ok(run_folder::record(out, Self::parse)?)
    }

    /// The record that the text of a `run.json` is.
    ///
    /// # Errors
    /// When it is none, or holds what no run is given.
    pub fn parse(text: &[u8]) -> serde_json::Result<Self> {
        let record: Self = serde_json::from_slice(text)?;
        let checked = match &record.task {
            Task::Settings(settings) => settings.check(),
            Task::Config(config) => config.check_values(),
        };
        checked.map_err(Error::custom).map(|()| record)
    }

    /// Writes it to a run's folder; a configuration as `config.toml`, too.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, run: &RunFolder) -> Result<(), BenchError> {
        run.write_record(self)?;
        if let Task::Config(config) = &self.task {
            write_atomic(run.path().join(CONFIG), config.to_toml()?.as_bytes())?;
        }
        Ok(())
    }
}

const CONFIG: &str = "config.toml";
const MANIFEST: &str = "manifest.json";
const TIMING: &str = "timing.json";
const TENSORS: &str = "tensors.json";
/// The page of a finished run.
pub const REPORT: &str = "report.html";
/// The files of a finished run, the result first; figures are beside them.
pub const FILES: [&str; 6] = [RESULT, REPORT, TENSORS, TIMING, MANIFEST, CONFIG];

/// The numbers of a finished run.
pub const RESULT: &str = "result.json";
/// Longest `result.json` that is read, in bytes.
pub const LARGEST_RESULT: u64 = 1 << 30;
const FIGURES: &str = "figures";

/// The result of the run in `out`; `None` where there is none yet. A link is not followed.
///
/// # Errors
/// When the file cannot be read, [`BenchError::Changed`] when it is not what the run wrote, or [`RunError::Damaged`], which
/// name it.
pub fn read_result(out: &Path) -> Result<Option<ExperimentResult>, BenchError> {
    read_json(out, RESULT, |text| serde_json::from_slice(text))
}

/// What the epochs of the run in `out` took; none where that is not noted.
///
/// # Errors
/// As [`read_result`].
pub fn read_times(out: &Path) -> Result<Vec<EpochTime>, BenchError> {
    let parse = |text: &[u8]| json_table::deserialize(&mut serde_json::Deserializer::from_slice(text));
    Ok(read_json(out, TIMING, parse)?.unwrap_or_default())
}

/// The variances of single tensors of the run in `out`; none where they are not noted.
///
/// # Errors
/// As [`read_result`].
pub fn read_tensors(out: &Path) -> Result<Vec<TensorTable>, BenchError> {
    let parse = |text: &[u8]| {
        let tables: Vec<TensorTable> = serde_json::from_slice(text)?;
        let whole = tables.iter().all(TensorTable::is_whole);
        if whole { Ok(tables) } else { Err(Error::custom("a list has not one value for each tensor")) }
    };
    Ok(read_json(out, TENSORS, parse)?.unwrap_or_default())
}

/// What the run in `out` was asked for, with all defaults: its record, or of older results their manifest; `null` where
/// nothing says it. A record that this version would not run is given as it was written.
///
/// # Errors
/// As [`read_result`].
pub fn read_record(out: &Path) -> Result<Value, BenchError> {
    let parse = |text: &[u8]| match Record::parse(text) {
        Ok(record) => serde_json::to_value(record),
        Err(_) => serde_json::from_slice(text),
    };
    match read_json(out, run_folder::RECORD, parse)? {
        Some(record) => Ok(record),
        None => Ok(read_json(out, MANIFEST, parse)?.unwrap_or_default()),
    }
}

/// The manifest of the run in `out` as it was written; before there is one, its record, and an empty text without either.
///
/// # Errors
/// As [`read_result`].
pub fn read_manifest(out: &Path) -> Result<String, BenchError> {
    let parse = |text: &[u8]| serde_json::from_slice(text).map(|_: Value| String::from_utf8_lossy(text).into_owned());
    match read_json(out, MANIFEST, parse)? {
        Some(manifest) => Ok(manifest),
        None => Ok(read_json(out, run_folder::RECORD, parse)?.unwrap_or_default()),
    }
}

fn read_json<T>(
    out: &Path,
    name: &str,
    parse: impl FnOnce(&[u8]) -> serde_json::Result<T>,
) -> Result<Option<T>, BenchError> {
    let path = out.join(name);
    match vr_files::read_nofollow(&path, LARGEST_RESULT) {
        Ok(text) if Digests::read(out)?.unwrap_or_default().is_other(name, &text) => Err(BenchError::Changed { path }),
        Ok(text) => Ok(Some(parse(&text).map_err(|source| RunError::Damaged { path, source })?)),
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Writes everything, at last `result.json` and the digests of all: a folder that has both is complete.
///
/// # Errors
/// When a figure cannot be rendered or a file cannot be written.
pub fn write(
    run: &RunFolder,
    record: &Record,
    data: &LoadedData,
    result: &ExperimentResult,
    times: &[EpochTime],
    figures: &[Figure],
) -> Result<PathBuf, BenchError> {
    let mut digests = Digests::default();
    let mut put = |name: &str, content: &[u8]| {
        digests.note(name, content);
        write_atomic(run.path().join(name), content)
    };
    let manifest = serde_json::to_string_pretty(&Manifest { record, machine: machine(data) })?;
    if let Task::Config(config) = &record.task {
        put(CONFIG, config.to_toml()?.as_bytes())?;
    }
    put(MANIFEST, manifest.as_bytes())?;
    put(TIMING, json_table::to_json(&Rows(times), 2)?.as_bytes())?;
    let tensors = tensor_table::of(&result.diagnostics.tensors);
    if !tensors.is_empty() {
        put(TENSORS, json_table::to_json(&tensors, 4)?.as_bytes())?;
    }
    if vr_files::is_folder(run.path().join(FIGURES))? {
        vr_files::sweep(run.path().join(FIGURES))?;
    }
    for (name, _, svg) in figures {
        put(&format!("{FIGURES}/{name}.svg"), svg.as_bytes())?;
        #[cfg(feature = "png")]
        put(&format!("{FIGURES}/{name}.png"), &crate::figures::png::png(svg, 1.0)?)?;
    }
    let titled: Vec<(&str, &str)> = figures.iter().map(|(_, title, svg)| (title.as_str(), svg.as_str())).collect();
    put(REPORT, report_html(result, times, &titled, &manifest).as_bytes())?;
    put(RESULT, result.to_json()?.as_bytes())?;
    run.seal(digests)?;
    Ok(run.path().join(REPORT))
}

/// What a run was made with.
fn machine(data: &LoadedData) -> Value {
    let mut machine = json!({
        "version": env!("CARGO_PKG_VERSION"),
        "data": data.info,
        "commit": commit(),
        "threads": rayon::current_num_threads(),
        "isa": vr_kernels::Isa::detect().name(),
        "cpu": cpu(),
        "os": std::env::consts::OS,
        "arch": std::env::consts::ARCH,
    });
    if !data.problems.is_empty() {
        machine["data_problems"] = json!(data.problems);
    }
    machine
}

#[derive(Serialize)]
struct Manifest<'a> {
    #[serde(flatten)]
    record: &'a Record,
    #[serde(flatten)]
    machine: Value,
}

/// The git commit of the working folder, if git and a repository are there.
fn commit() -> Option<String> {
    let output = std::process::Command::new("git").args(["rev-parse", "HEAD"]).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// The processor's name, where the system tells it.
fn cpu() -> Option<String> {
    let info = std::fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = info.lines().find(|line| line.starts_with("model name"))?;
    line.split_once(':').map(|(_, name)| name.trim().to_owned())
}
