//! The verdicts of many runs: one table, and whether one of them turned round.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use vr_files::write_atomic;

use crate::error::BenchError;
use crate::experiments;
use crate::paper::claims::CLAIMS;
use crate::results::cost::{Cost, HEADINGS, costs};
use crate::results::json_table;
use crate::results::{EpochTime, ExperimentResult};
use crate::verdict::{Outcome, Verdict};

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
    /// What an examination of a verdict came to, by its id: [`EXAMINED`] beside the result.
    pub examined: BTreeMap<String, String>,
}

/// A file that people write beside a result, with lines like `C6-drop: the data, since …`: whether a disagreement lies
/// in the implementation, the data or the scale, or is a finding.
pub const EXAMINED: &str = "examined.txt";

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
    /// What its examination came to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub examined: Option<String>,
}

impl JudgedRun {
    /// The finished runs in a folder and its folders, or the one that the folder is, by path.
    ///
    /// # Errors
    /// When a folder or a file in it cannot be read, a `result.json` is none, or an examination is of no verdict.
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
            json_table::deserialize(&mut serde_json::Deserializer::from_slice(&text("timing.json")?))?
        } else {
            Vec::new()
        };
        let examined = examinations(&folder.join(EXAMINED), &result.verdicts)?;
        Ok(Self { costs: costs(&result, &times), folder: folder.to_owned(), result, examined })
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
            examined: self.examined.get(&verdict.id).cloned(),
        })
    }
}

/// The lines of a file of examinations, which need not be there.
fn examinations(path: &Path, verdicts: &[Verdict]) -> Result<BTreeMap<String, String>, BenchError> {
    let text = match vr_files::read(path, LARGEST) {
        Ok(text) => String::from_utf8_lossy(&text).into_owned(),
        Err(error) if error.is_not_found() => return Ok(BTreeMap::new()),
        Err(error) => return Err(error.into()),
    };
    let line = |line: &str| match line.split_once(':') {
        Some((id, said)) if verdicts.iter().any(|verdict| verdict.id == id) => {
            Ok((id.to_owned(), said.trim().to_owned()))
        }
        _ => Err(BenchError::Examination {
            path: path.to_owned(),
            line: line.to_owned(),
            ids: verdicts.iter().map(|verdict| verdict.id.as_str()).collect::<Vec<_>>().join(", "),
        }),
    };
    text.lines().filter(|text| !text.trim().is_empty()).map(line).collect()
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

/// All verdicts as tables in Markdown, one for each claim, then the checks of the implementation and what every run's
/// methods cost.
pub fn markdown(runs: &[JudgedRun]) -> String {
    let rows: Vec<(&JudgedRun, Row)> = runs.iter().flat_map(|run| run.rows().map(move |row| (run, row))).collect();
    let mut text = String::from("# Verdicts\n");
    let is_check = |row: &Row| matches!(row.verdict.outcome, Outcome::Passed | Outcome::Failed);
    for claim in CLAIMS {
        let of_claim = || rows.iter().filter(|(_, row)| claim.has(&row.verdict.id));
        let mut found: Vec<_> = of_claim().filter(|(_, row)| !is_check(row)).collect();
        found.sort_by_key(|(_, row)| (&row.verdict.id, &row.model));
        // Writing to a string cannot fail.
        let _ = write!(text, "\n## {}: {}\n\n", claim.id, claim.text);
        if found.is_empty() && of_claim().next().is_some() {
            text.push_str("See the checks below.\n");
            continue;
        }
        if found.is_empty() {
            let _ = writeln!(text, "**not run**: `cargo xtask repro {}`", claim.experiment);
            continue;
        }
        table(&mut text, &COLUMNS, found.into_iter().map(|(run, row)| line(run, row)));
    }
    let checks: Vec<_> = rows.iter().filter(|(_, row)| is_check(row)).collect();
    if !checks.is_empty() {
        text.push_str(
            "\n## Checks of the implementation\n\nThey hold whatever is trained, so they confirm no claim.\n\n",
        );
        table(&mut text, &COLUMNS, checks.into_iter().map(|(run, row)| line(run, row)));
    }
    text.push_str("\n## Cost\n");
    for run in runs.iter().filter(|run| run.costs.len() > 1) {
        let _ = write!(text, "\n{}, seconds on a shared machine\n\n", run.result.heading(&run.result.experiment));
        table(&mut text, &HEADINGS, run.costs.iter().map(Cost::row));
    }
    text
}

const COLUMNS: [&str; 7] = ["claim", "expected", "measured", "run and scale", "verdict", "rule", "examined"];

fn line(run: &JudgedRun, row: &Row) -> [String; 7] {
    let Row { model, data, scale, minibatches, verdict, examined, .. } = row;
    let folder = run.folder.file_name().unwrap_or_default().to_string_lossy();
    let none = if verdict.outcome.direction() == Some(false) { "not yet" } else { "" };
    [
        format!("{} ({})", verdict.claim, verdict.id),
        verdict.expected.clone(),
        verdict.measured.clone(),
        format!("`{folder}`: {model} on {data}, {scale}, m = {minibatches}"),
        format!("**{}**", verdict.outcome),
        verdict.rule.clone(),
        examined.clone().unwrap_or_else(|| none.to_owned()),
    ]
}

fn table<const N: usize>(text: &mut String, heads: &[&str; N], rows: impl Iterator<Item = [String; N]>) {
    let _ = writeln!(text, "| {} |\n|{}", heads.join(" | "), "---|".repeat(N));
    for row in rows {
        let _ = writeln!(text, "| {} |", row.map(|cell| cell.replace('|', "\\|")).join(" | "));
    }
}

/// What a set of verdicts says against an earlier one: those that turned from one direction to the other, and those that
/// are no longer given. Undecided ones say nothing.
pub fn turned(expected: &[Row], found: &[Row]) -> Vec<String> {
    let key = |row: &Row| (row.experiment.clone(), row.model.clone(), row.verdict.id.clone());
    let found: BTreeMap<_, _> = found.iter().map(|row| (key(row), &row.verdict)).collect();
    let mut said = Vec::new();
    for row in expected {
        let name = format!("{}, {}, {}", row.experiment, row.model, row.verdict.id);
        let was = row.verdict.outcome;
        match found.get(&key(row)) {
            None => said.push(format!("{name}: was {was}, is not given")),
            Some(now) if was.direction().zip(now.outcome.direction()).is_some_and(|(was, now)| was != now) => {
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
        let at = |method, percent, epoch, ratio| crate::results::Point { percent, ..point(method, epoch, ratio) };
        let of_seed = |seed: u64| {
            let wave = 1.0 + 0.01 * seed as f64;
            [
                at("svrg-locked", 0.0, 2, 0.0),
                at("svrg-unlocked", 0.0, 2, 0.8 * wave),
                at("svrg-locked", 50.0, 2, locked * wave),
                at("svrg-unlocked", 50.0, 2, 1.0),
            ]
            .map(|point| crate::results::Point { seed, ..point })
        };
        let points = (0..3).flat_map(of_seed).collect();
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
        let expected =
            [("C2-start", Outcome::Passed), ("C2-growth", Outcome::Undecided), ("C2-throughout", Outcome::Confirmed)];
        assert_eq!(found, expected);
        let text = markdown(&JudgedRun::all(&folder.path().join("all/locking")).unwrap());
        for part in [
            "(C2-throughout) |",
            "**confirmed**",
            "## Checks of the implementation",
            "**check passed**",
            "lenet on CIFAR-10",
            "m = 391",
            "**not run**: `cargo xtask repro dropout`",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
    }

    #[test]
    fn an_examination_stands_beside_its_verdict() {
        let folder = folder_of(&[("locking", locking(1.4))]);
        let table = || JudgedRun::all(folder.path()).map(|runs| markdown(&runs));
        assert!(table().unwrap().contains("| not yet |"));
        let file = folder.path().join("locking").join(EXAMINED);
        std::fs::write(&file, "C2-throughout: made up\n\n").unwrap();
        assert!(table().unwrap().contains("| made up |"));
        std::fs::write(&file, "C3-reset: another's").unwrap();
        let error = table().unwrap_err().to_string();
        assert!(error.contains("C3-reset") && error.contains("C2-throughout"), "{error}");
    }

    #[test]
    fn every_verdict_belongs_to_a_claim_and_every_claim_to_an_experiment() {
        for claim in CLAIMS {
            assert!(experiments::find(claim.experiment).is_some(), "{}", claim.id);
        }
        for experiment in experiments::ALL {
            for model in ["lenet", "resnet110"] {
                for verdict in (experiment.verdicts)(&made_up::result(model)) {
                    assert_eq!(CLAIMS.iter().filter(|claim| claim.has(&verdict.id)).count(), 1, "{}", verdict.id);
                }
            }
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
