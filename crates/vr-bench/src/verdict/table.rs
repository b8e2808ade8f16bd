//! The verdicts of many runs: as rows, and whether one of them turned round.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use vr_run::RunError;

use crate::error::BenchError;
use crate::experiments;
use crate::results::ExperimentResult;
use crate::results::cost::{Cost, costs};
use crate::run_dir;
use crate::verdict::Verdict;

/// Longest file of examinations that is read, in bytes.
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
    /// When a folder or a file in it cannot be read, a `result.json` is none or not the one that the run wrote, or an
    /// examination is of no verdict.
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
        let result = run_dir::read_result(folder)?.ok_or_else(|| RunError::NoRun(folder.to_owned()))?;
        let result = experiments::judged(result);
        let times = run_dir::read_times(folder)?;
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
    use crate::paper::claims::CLAIMS;
    use crate::results::made_up::{self, point};
    use crate::verdict::Outcome;

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
    }

    #[test]
    fn an_examination_is_of_a_verdict_that_there_is() {
        let folder = folder_of(&[("locking", locking(1.4))]);
        let file = folder.path().join("locking").join(EXAMINED);
        std::fs::write(&file, "C2-throughout: made up\n\n").unwrap();
        let examined = rows(folder.path()).into_iter().find_map(|row| row.examined);
        assert_eq!(examined.as_deref(), Some("made up"));
        std::fs::write(&file, "C3-reset: another's").unwrap();
        let error = JudgedRun::all(folder.path()).unwrap_err().to_string();
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
