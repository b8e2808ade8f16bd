//! The verdicts of many runs: one table, and whether one of them turned round.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use vr_files::write_atomic;

use crate::cost::{Cost, HEADINGS, costs};
use crate::error::BenchError;
use crate::experiments;
use crate::results::{EpochTime, ExperimentResult, Outcome, Verdict};

/// Longest file of a run that is read, in bytes.
const LARGEST: u64 = 1 << 30;

/// A finished run, judged by the rules of this version.
#[derive(Clone, Debug)]
pub struct JudgedRun {
    /// Its folder.
    pub folder: PathBuf,
    /// What it found.
    pub result: ExperimentResult,
    /// What its methods cost.
    pub costs: Vec<Cost>,
}

/// One verdict with where it comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// The experiment.
    pub experiment: String,
    /// The network.
    pub model: String,
    /// The data.
    pub data: String,
    /// The scale.
    pub scale: String,
    /// Minibatches in one epoch.
    pub minibatches: usize,
    /// The verdict.
    #[serde(flatten)]
    pub verdict: Verdict,
}

impl JudgedRun {
    /// The finished runs in a folder and its folders, or the one that the folder is, by path.
    ///
    /// # Errors
    /// When a folder or a file in it cannot be read, or a `result.json` is none.
    pub fn all(folder: &Path) -> Result<Vec<Self>, BenchError> {
        if folder.join("result.json").is_file() {
            return Ok(vec![Self::read(folder)?]);
        }
        let mut inside = vr_files::list(folder)?;
        // A run that is not finished yet holds the results of its cells.
        inside.retain(|path| path.is_dir() && !path.ends_with("cells"));
        Ok(inside.iter().map(|path| Self::all(path)).collect::<Result<Vec<_>, _>>()?.concat())
    }

    fn read(folder: &Path) -> Result<Self, BenchError> {
        let text = |name: &str| vr_files::read(folder.join(name), LARGEST);
        let mut result: ExperimentResult = serde_json::from_slice(&text("result.json")?)?;
        if let Some(experiment) = experiments::find(&result.experiment) {
            result.verdicts = (experiment.verdicts)(&result);
        }
        let times: Vec<EpochTime> = if folder.join("timing.json").is_file() {
            serde_json::from_slice(&text("timing.json")?)?
        } else {
            Vec::new()
        };
        Ok(Self { costs: costs(&result, &times), folder: folder.to_owned(), result })
    }

    /// Its verdicts.
    pub fn rows(&self) -> impl Iterator<Item = Row> {
        let ExperimentResult { experiment, model, data, scale, minibatches, verdicts, .. } = &self.result;
        verdicts.iter().map(move |verdict| Row {
            experiment: experiment.clone(),
            model: model.clone(),
            data: data.name.clone(),
            scale: scale.clone(),
            minibatches: *minibatches,
            verdict: verdict.clone(),
        })
    }
}

/// Writes `VERDICTS.md` and `verdicts.json`; returns the path of the former.
///
/// # Errors
/// When one cannot be written.
pub fn write(out: &Path, runs: &[JudgedRun]) -> Result<PathBuf, BenchError> {
    let rows: Vec<Row> = runs.iter().flat_map(JudgedRun::rows).collect();
    write_atomic(out.join("verdicts.json"), serde_json::to_string_pretty(&rows)?.as_bytes())?;
    let table = out.join("VERDICTS.md");
    write_atomic(&table, markdown(runs).as_bytes())?;
    Ok(table)
}

/// All verdicts as a table in Markdown, by claim, then what every run's methods cost.
fn markdown(runs: &[JudgedRun]) -> String {
    let mut rows: Vec<Row> = runs.iter().flat_map(JudgedRun::rows).collect();
    rows.sort_by(|a, b| (claim_number(a), &a.verdict.id, &a.model).cmp(&(claim_number(b), &b.verdict.id, &b.model)));
    let mut text = String::from("# Verdicts\n\n");
    let verdicts = rows.into_iter().map(|row| {
        let scale =
            format!("{}, {} on {}: {}, m = {}", row.experiment, row.model, row.data, row.scale, row.minibatches);
        let Verdict { id, claim, expected, measured, outcome, rule } = row.verdict;
        [id, claim, expected, measured, scale, format!("**{outcome}**"), rule]
    });
    table(&mut text, &["id", "claim", "expected", "measured", "experiment, data, scale", "verdict", "rule"], verdicts);
    text.push_str("\n## Cost\n");
    for run in runs.iter().filter(|run| run.costs.len() > 1) {
        let _ = write!(text, "\n{}, seconds on a shared machine\n\n", run.result.heading(&run.result.experiment));
        table(&mut text, &HEADINGS, run.costs.iter().map(Cost::row));
    }
    text
}

/// 10 of `C10-svrg`.
fn claim_number(row: &Row) -> usize {
    let digits: String = row.verdict.id.chars().skip(1).take_while(char::is_ascii_digit).collect();
    digits.parse().unwrap_or(usize::MAX)
}

fn table<const N: usize>(text: &mut String, heads: &[&str; N], rows: impl Iterator<Item = [String; N]>) {
    // Writing to a string cannot fail.
    let _ = writeln!(text, "| {} |\n|{}", heads.join(" | "), "---|".repeat(N));
    for row in rows {
        let _ = writeln!(text, "| {} |", row.map(|cell| cell.replace('|', "\\|")).join(" | "));
    }
}

/// What a set of verdicts says against an earlier one: those that turned from confirmed to contradicted or back, and
/// those that are no longer given. Undecided ones say nothing.
pub fn turned(expected: &[Row], found: &[Row]) -> Vec<String> {
    let key = |row: &Row| (row.experiment.clone(), row.model.clone(), row.verdict.id.clone());
    let found: BTreeMap<_, _> = found.iter().map(|row| (key(row), &row.verdict)).collect();
    let mut said = Vec::new();
    for row in expected {
        let name = format!("{}, {}, {}", row.experiment, row.model, row.verdict.id);
        let was = row.verdict.outcome;
        match found.get(&key(row)) {
            None => said.push(format!("{name}: was {was}, is not given")),
            Some(now) if was != now.outcome && ![was, now.outcome].contains(&Outcome::Undecided) => {
                said.push(format!(
                    "{name}: was {was} ({}), is {} ({})",
                    row.verdict.measured, now.outcome, now.measured
                ));
            }
            Some(_) => {}
        }
    }
    said
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::made_up::{self, point};

    fn locking(locked: f64) -> ExperimentResult {
        let at = |method, percent, ratio| crate::results::Point { percent, ..point(method, 2, ratio) };
        let points = vec![
            at("svrg-locked", 0.0, 0.0),
            at("svrg-unlocked", 0.0, 0.8),
            at("svrg-locked", 50.0, locked),
            at("svrg-unlocked", 50.0, 1.0),
        ];
        ExperimentResult { experiment: "locking".into(), points, ..made_up::result("lenet") }
    }

    fn folder_of(results: &[(&str, ExperimentResult)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, result) in results {
            std::fs::create_dir_all(folder.path().join(name)).unwrap();
            std::fs::write(folder.path().join(name).join("result.json"), result.to_json().unwrap()).unwrap();
        }
        folder
    }

    fn rows(folder: &Path) -> Vec<Row> {
        JudgedRun::all(folder).unwrap().iter().flat_map(JudgedRun::rows).collect()
    }

    #[test]
    fn runs_are_found_and_judged_anew() {
        let mut stale = locking(0.4);
        stale.verdicts.clear();
        let folder = folder_of(&[("all/locking", stale), ("unfinished/cells/one", locking(0.4))]);
        let rows = rows(folder.path());
        let found: Vec<_> = rows.iter().map(|row| (row.verdict.id.as_str(), row.verdict.outcome)).collect();
        assert_eq!(found, [("C2-start", Outcome::Confirmed), ("C2-throughout", Outcome::Confirmed)]);
        let text = markdown(&JudgedRun::all(&folder.path().join("all/locking")).unwrap());
        for part in ["| C2-start |", "**confirmed**", "lenet on CIFAR-10", "m = 391"] {
            assert!(text.contains(part), "{part}: {text}");
        }
    }

    #[test]
    fn a_verdict_that_turns_is_named() {
        let [before, after] = [0.4, 1.4].map(|locked| rows(folder_of(&[("locking", locking(locked))]).path()));
        assert!(turned(&before, &before).is_empty());
        for (expected, found) in [(&before, &after), (&after, &before)] {
            let said = turned(expected, found);
            assert!(said.len() == 1 && said[0].contains("locking, lenet, C2-throughout"), "{said:?}");
        }
    }

    #[test]
    fn undecided_says_nothing_and_missing_does() {
        let before = rows(folder_of(&[("locking", locking(0.4))]).path());
        let none = ExperimentResult { points: vec![], ..locking(0.4) };
        let undecided = rows(folder_of(&[("locking", none)]).path());
        assert!(undecided.iter().all(|row| row.verdict.outcome == Outcome::Undecided));
        assert!(turned(&before, &undecided).is_empty() && turned(&undecided, &before).is_empty());
        assert_eq!(turned(&before, &before[1..]).len(), 1);
    }
}
