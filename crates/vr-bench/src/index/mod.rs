//! Many runs on one page: what each is, how far it is, what it says.

mod page;

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use vr_run::RunError;
use vr_run::run_folder::RECORD;
use vr_run::status::{CellState, RunStatus, status};

use crate::error::BenchError;
use crate::experiments;
use crate::results::{ExperimentResult, Ranking};
use crate::run_dir::{self, REPORT, RESULT, Record};
use crate::verdict::Verdict;

/// A run of the index.
#[derive(Debug)]
pub struct Listed {
    /// Its name on the page.
    pub name: String,
    /// What it is, or why that cannot be read.
    pub found: Result<Summary, BenchError>,
}

/// What the index says of a run.
#[derive(Debug)]
pub struct Summary {
    /// The experiment.
    pub experiment: String,
    /// The networks.
    pub model: String,
    /// The data.
    pub data: String,
    /// The seeds.
    pub seeds: Vec<u64>,
    /// How far it is, in words.
    pub state: String,
    /// Its verdicts, by the rules of this version.
    pub verdicts: Vec<Verdict>,
    /// When its result was written, or before there is one its record.
    pub written: Option<SystemTime>,
    /// Its report, where there is one.
    pub report: Option<PathBuf>,
}

impl Listed {
    /// Looks at the run in `path`, which is named by what comes after `runs`; writes nothing and follows no link within the folder.
    pub fn read(runs: &Path, path: &Path) -> Self {
        let name = path.strip_prefix(runs).unwrap_or(path).display().to_string();
        Self { name, found: Summary::read(path) }
    }
}

impl Summary {
    fn read(path: &Path) -> Result<Self, BenchError> {
        let report = Some(path.join(REPORT)).filter(|report| report.is_file());
        let written = |name: &str| path.join(name).symlink_metadata().and_then(|file| file.modified()).ok();
        if let Some(result) = run_dir::read_result(path)? {
            let result = experiments::judged(result);
            let diverged = match result.diverged.len() {
                0 => String::new(),
                count => format!(", {count} diverged"),
            };
            let best = result.ranking.as_ref().and_then(Ranking::best);
            let best = best.map_or(String::new(), |best| format!(", best: {}", best.method));
            let state = format!("finished{diverged}{best}");
            let ExperimentResult { experiment, model, data, seeds, verdicts, .. } = result;
            let written = written(RESULT);
            return Ok(Self { experiment, model, data: data.name, seeds, state, verdicts, written, report });
        }
        let record = Record::read(path)?.ok_or_else(|| RunError::NoRun(path.to_owned()))?;
        let settings = record.settings(path);
        Ok(Self {
            model: settings.model.to_string(),
            data: settings.data.folder().map_or("synthetic".into(), |(_, folder)| folder.display().to_string()),
            seeds: settings.seeds,
            state: state(&status(path)?),
            experiment: record.experiment,
            verdicts: Vec::new(),
            written: written(RECORD),
            report,
        })
    }
}

/// How far a run without a result is.
fn state(RunStatus { holder, cells, .. }: &RunStatus) -> String {
    let bad = |state: CellState| matches!(state, CellState::Failed | CellState::Unreadable);
    let done = cells.iter().filter(|cell| matches!(cell.state, CellState::Done | CellState::Diverged)).count();
    let word = if let Some(cell) = cells.iter().find(|cell| bad(cell.state)) {
        format!("{} {}", cell.name, cell.error.as_deref().unwrap_or("failed"))
    } else if holder.is_some() || cells.iter().any(|cell| cell.state == CellState::Running) {
        "running".to_owned()
    } else {
        "stopped".to_owned()
    };
    format!("{word}, {done} of {} cells done", cells.len())
}

/// The page of these runs under a title, to be written to a file in `folder`: links to reports below it start from there, and
/// others are whole paths. It loads nothing, and says everything without its script, which sorts.
pub fn index_html(title: &str, folder: &Path, runs: &[Listed]) -> String {
    page::html(title, folder, runs)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::{ExperimentResult, made_up};
    use crate::run_dir::Record;
    use crate::settings::Settings;

    fn write(path: &Path, text: &[u8]) {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    #[test]
    fn broken_runs_are_listed_among_the_others() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let result = ExperimentResult { experiment: "locking".into(), ..made_up::result("<lenet>") };
        write(&at("a run/result.json"), result.to_json().unwrap().as_bytes());
        write(&at("a run/report.html"), b"");
        let record = serde_json::to_vec(&Record::of_experiment("quick", &Settings::default())).unwrap();
        write(&at("begun/run.json"), &record);
        write(&at("torn/run.json"), &record[..20]);
        write(&at("other/result.json"), b"{}");
        let runs: Vec<_> =
            ["a run", "begun", "torn", "other"].iter().map(|name| Listed::read(folder.path(), &at(name))).collect();
        let html = index_html("Runs", folder.path(), &runs);
        for text in [
            "<a href=\"a%20run/report.html\">a run</a>",
            "<td>&lt;lenet&gt;</td>",
            "<td>finished</td>",
            "<td>stopped, 0 of 0 cells done</td>",
            "cannot be read: ",
            "torn/run.json` is damaged",
            "other/result.json` is damaged",
            "4 runs, 2 of them cannot be read",
        ] {
            assert!(html.contains(text), "{text}: {html}");
        }
        assert_eq!(html.matches("<tr>").count(), 5);
        assert_eq!(html, index_html("Runs", folder.path(), &runs));
    }
}
