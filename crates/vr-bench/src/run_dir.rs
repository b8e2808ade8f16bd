//! The folder of a run: manifest, metrics, result, timing, figures, report.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use serde_json::json;
use vr_files::write_atomic;

use crate::error::BenchError;
use crate::figures::render::png;
use crate::observer::Observer;
use crate::report::report_html;
use crate::results::{Divergence, EpochRow, EpochTime, ExperimentResult, Point};
use crate::settings::Settings;

/// A figure: file name, title, SVG.
pub type Figure = (&'static str, String, String);

/// Refuses a folder that holds a run, and shows that it can be written to, before any work is done.
///
/// # Errors
/// [`BenchError::Exists`], or a file error that names the folder.
pub fn prepare(out: &Path) -> Result<(), BenchError> {
    if out.join("result.json").exists() {
        return Err(BenchError::Exists(out.to_owned()));
    }
    std::fs::create_dir_all(out.join("figures")).map_err(|source| BenchError::Folder { path: out.to_owned(), source })
}

/// Appends each event to `metrics.jsonl` as it happens, and passes it on.
pub struct Recorder<'a> {
    inner: &'a dyn Observer,
    metrics: Mutex<File>,
}

impl<'a> Recorder<'a> {
    /// Begins the run folder's `metrics.jsonl`.
    ///
    /// # Errors
    /// When it cannot be created.
    pub fn new(out: &Path, inner: &'a dyn Observer) -> Result<Self, BenchError> {
        let path = out.join("metrics.jsonl");
        let metrics = File::create(&path).map_err(|source| BenchError::Folder { path, source })?;
        Ok(Self { inner, metrics: Mutex::new(metrics) })
    }

    fn line(&self, event: &serde_json::Value) {
        if let Ok(mut file) = self.metrics.lock()
            && let Err(error) = writeln!(file, "{event}")
        {
            tracing::warn!(%error, "metrics.jsonl lost an event; result.json still holds it");
        }
    }
}

impl Observer for Recorder<'_> {
    fn tick(&self, method: &str, epoch: usize, step: usize, steps: usize) {
        self.inner.tick(method, epoch, step, steps);
    }
    fn point(&self, point: &Point) {
        self.line(&json!({ "variance": point }));
        self.inner.point(point);
    }
    fn epoch(&self, row: &EpochRow, seconds: f64) {
        self.line(&json!({ "epoch": row }));
        self.inner.epoch(row, seconds);
    }
    fn diverged(&self, divergence: &Divergence) {
        self.line(&json!({ "diverged": divergence }));
        self.inner.diverged(divergence);
    }
}

/// Writes everything, `result.json` last: a folder that has it is complete.
///
/// # Errors
/// When a figure cannot be rendered or a file cannot be written.
pub fn write(
    out: &Path,
    settings: &Settings,
    result: &ExperimentResult,
    times: &[EpochTime],
    figures: &[Figure],
) -> Result<PathBuf, BenchError> {
    let manifest = serde_json::to_string_pretty(&json!({
        "version": env!("CARGO_PKG_VERSION"),
        "experiment": result.experiment,
        "settings": settings,
        "data": result.data,
        "commit": commit(),
        "threads": rayon::current_num_threads(),
        "isa": vr_kernels::Isa::detect().name(),
        "cpu": cpu(),
        "os": std::env::consts::OS,
        "arch": std::env::consts::ARCH,
    }))?;
    write_atomic(out.join("manifest.json"), manifest.as_bytes())?;
    write_atomic(out.join("timing.json"), serde_json::to_string_pretty(times)?.as_bytes())?;
    for (name, _, svg) in figures {
        write_atomic(out.join("figures").join(format!("{name}.svg")), svg.as_bytes())?;
        write_atomic(out.join("figures").join(format!("{name}.png")), &png(svg, 1.0)?)?;
    }
    let titled: Vec<(&str, &str)> = figures.iter().map(|(_, title, svg)| (title.as_str(), svg.as_str())).collect();
    let report = out.join("report.html");
    write_atomic(&report, report_html(result, &titled, &manifest).as_bytes())?;
    write_atomic(out.join("result.json"), result.to_json()?.as_bytes())?;
    Ok(report)
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
