//! The tables of a page that people write: between `<!-- table NAME -->` and `<!-- end -->` they are made from results.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use thiserror::Error;

use super::page::table;
use crate::paper::claims::CLAIMS;
use crate::paper::phases::{PERCENTS, PHASES, geometric_mean};
use crate::paper::published::{MODELS, published};
use crate::results::ExperimentResult;
use crate::results::cost::{Cost, HEADINGS};
use crate::verdict::estimate::Estimate;
use crate::verdict::table::{JudgedRun, Row};

const BEGIN: &str = "<!-- table ";
const CLOSE: &str = " -->";
const END: &str = "<!-- end -->";

/// Why the tables of a page cannot be made. Lines are counted from 1.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum FillError {
    /// No table has this name.
    #[error("line {line}: there is no table `{name}`; expected `verdicts`, `ratios`, `errors` or `runs`")]
    Name {
        /// The line.
        line: usize,
        /// The name.
        name: String,
    },
    /// A table has no end.
    #[error("line {line}: no `{END}` follows the table")]
    End {
        /// Where it begins.
        line: usize,
    },
}

/// A page with its tables made anew from runs:
///
/// | table | what it shows |
/// |---|---|
/// | `verdicts` | each verdict on the paper's claims, of the run with the most seeds and minibatches for each network |
/// | `ratios` | measured variance ratios beside the published ones, by phase and place |
/// | `errors` | test error and cost of each method |
/// | `runs` | every run with its scale |
///
/// # Errors
/// [`FillError`], which names the line.
pub fn fill(page: &str, runs: &[JudgedRun]) -> Result<String, FillError> {
    let mut text = String::new();
    let mut lines = page.lines().enumerate();
    while let Some((number, line)) = lines.next() {
        text.push_str(line);
        text.push('\n');
        let Some(name) = line.strip_prefix(BEGIN).and_then(|rest| rest.strip_suffix(CLOSE)) else { continue };
        let line = number + 1;
        let made = match name {
            "verdicts" => verdicts(runs),
            "ratios" => ratios(runs),
            "errors" => errors(runs),
            "runs" => all_runs(runs),
            _ => return Err(FillError::Name { line, name: name.into() }),
        };
        lines.find(|(_, line)| *line == END).ok_or(FillError::End { line })?;
        let _ = writeln!(text, "\n{}\n\n{END}", made.trim());
    }
    Ok(text)
}

/// How much a run's verdict weighs, whatever it says: one on something measured more than none, several seeds more than one, and
/// then by the minibatches that it comes from.
fn weight(run: &JudgedRun, row: &Row) -> (bool, bool, usize) {
    // What was not measured is told in words alone.
    let measured = row.verdict.measured.contains(|c: char| c.is_ascii_digit());
    let ExperimentResult { epochs_run, minibatches, seeds, .. } = &run.result;
    (measured, seeds.len() > 1, epochs_run * minibatches * seeds.len())
}

fn verdicts(runs: &[JudgedRun]) -> String {
    let mut best: BTreeMap<(String, String), (&JudgedRun, Row)> = BTreeMap::new();
    for (run, row) in runs.iter().flat_map(|run| run.rows().map(move |row| (run, row))) {
        let key = (row.verdict.id.clone(), row.model.clone());
        match best.get(&key) {
            Some((than, other)) if weight(than, other) >= weight(run, &row) => {}
            _ => {
                best.insert(key, (run, row));
            }
        }
    }
    let mut text = String::new();
    let of_claims = CLAIMS.iter().flat_map(|claim| best.values().filter(|(_, row)| claim.has(&row.verdict.id)));
    let line = |(run, row): &(&JudgedRun, Row)| {
        [
            row.verdict.claim.clone(),
            format!("{}: {}", row.model, scale(&run.result)),
            row.verdict.expected.clone(),
            row.verdict.measured.clone(),
            format!("**{}**", row.verdict.outcome),
        ]
    };
    table(
        &mut text,
        &["claim", "network and scale", "expected, or published", "measured", "verdict"],
        of_claims.map(line),
    );
    text
}

/// Epochs, schedule, minibatches and seeds of a result in a few words.
fn scale(result: &ExperimentResult) -> String {
    let ExperimentResult { epochs_run, schedule, minibatches, seeds, data, .. } = result;
    let seeds = if seeds.len() == 1 { "1 seed".into() } else { format!("{} seeds", seeds.len()) };
    format!("{}, {epochs_run} of {} epochs, m = {minibatches}, {seeds}", data.name, schedule.length)
}

/// The runs of an experiment on a network with CIFAR-10's pictures, the largest first.
fn of<'a>(runs: &'a [JudgedRun], experiment: &str, model: &str) -> Vec<&'a ExperimentResult> {
    let same = |result: &&ExperimentResult| {
        result.experiment == experiment && result.model == model && result.data.name.starts_with("CIFAR-10")
    };
    let mut found: Vec<_> = runs.iter().map(|run| &run.result).filter(same).collect();
    found.sort_by_key(|result| std::cmp::Reverse((result.minibatches, result.epochs_run)));
    found
}

fn ratios(runs: &[JudgedRun]) -> String {
    let mut rows = Vec::new();
    for (model, result) in
        MODELS.iter().flat_map(|model| of(runs, "variance-ratio", model).into_iter().map(move |r| (model, r)))
    {
        let theirs = published(model);
        let points: Vec<_> = result.points.iter().filter(|point| point.method == "svrg-locked").cloned().collect();
        for phase in PHASES {
            let cell = |percent: f64| {
                let there = phase.points(&points, &result.schedule).filter(|(point, _)| point.percent == percent);
                let ours = Estimate::of_runs(&there.map(|(point, ratio)| (point.seed, ratio.ln())).collect::<Vec<_>>());
                let theirs = phase.published_beside(&theirs, percent, &points, &result.schedule);
                let theirs = geometric_mean(&theirs.into_values().collect::<Vec<_>>());
                (ours.n > 0).then(|| match theirs {
                    Some(theirs) => format!("{} ({theirs:.3})", ours.exponential()),
                    None => format!("{} (–)", ours.exponential()),
                })
            };
            let cells = PERCENTS.map(cell);
            if cells.iter().any(Option::is_some) {
                let [a, b, c, d] = cells.map(|cell| cell.unwrap_or_else(|| "–".into()));
                rows.push([format!("{model}: {}", scale(result)), format!("{} of 250", phase.name), a, b, c, d]);
            }
        }
    }
    let mut text = String::new();
    let heads = ["network and scale", "phase", "2 %", "11 %", "33 %", "100 %"];
    table(&mut text, &heads, rows.into_iter());
    text
}

fn errors(runs: &[JudgedRun]) -> String {
    let mut text = String::new();
    for run in runs.iter().filter(|run| run.result.experiment == "test-error") {
        let _ = writeln!(text, "\n{}, {}:\n", run.result.model, scale(&run.result));
        table(&mut text, &HEADINGS, run.costs.iter().map(Cost::row));
    }
    text
}

fn all_runs(runs: &[JudgedRun]) -> String {
    let line = |run: &JudgedRun| {
        let folder = run.folder.file_name().unwrap_or_default().to_string_lossy();
        [
            format!("[{folder}](results/{folder})"),
            run.result.experiment.clone(),
            run.result.model.clone(),
            scale(&run.result),
        ]
    };
    let mut text = String::new();
    table(&mut text, &["run", "experiment", "network", "scale"], runs.iter().map(line));
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::made_up::{self, point};
    use crate::verdict::Outcome;
    use crate::verdict::Verdict;

    fn judged(folder: &str, epochs_run: usize, seeds: u64, outcome: Outcome) -> JudgedRun {
        let verdict = Verdict {
            id: "C2-throughout".into(),
            claim: "C2: it is below".into(),
            expected: "below".into(),
            measured: format!("0.5 in {folder}"),
            outcome,
            rule: String::new(),
        };
        let result = ExperimentResult {
            experiment: "variance-ratio".into(),
            epochs_run,
            seeds: (0..seeds).collect(),
            verdicts: vec![verdict],
            points: vec![crate::results::Point { percent: 33.0, ..point("svrg-locked", 20, 0.5) }],
            ..made_up::result("lenet")
        };
        JudgedRun { folder: folder.into(), result, costs: Vec::new(), examined: BTreeMap::new() }
    }

    #[test]
    fn tables_are_made_anew_and_the_rest_stays() {
        let page =
            "# A page\n\n<!-- table verdicts -->\nold\n<!-- end -->\n\nprose\n\n<!-- table ratios -->\n<!-- end -->\n";
        let runs = [
            judged("one", 250, 1, Outcome::OneRunFor),
            judged("small", 20, 3, Outcome::Confirmed),
            judged("large", 30, 3, Outcome::Undecided),
        ];
        let filled = fill(page, &runs).unwrap();
        assert!(filled.starts_with("# A page\n\n<!-- table verdicts -->\n\n| claim |"), "{filled}");
        // More seeds and epochs weigh more, not the kinder word.
        assert!(filled.contains("| 0.5 in large | **undecided** |") && !filled.contains("in small"), "{filled}");
        assert!(filled.contains("\n\nprose\n\n") && !filled.contains("old"), "{filled}");
        // The published ratio of the epoch that was measured beside it; the longest run first.
        assert!(filled.contains("lenet: CIFAR-10, 250 of 250 epochs"), "{filled}");
        assert!(filled.contains("| – | – | 0.500 (one run) (0.502) | – |"), "{filled}");
        assert_eq!(fill(&filled, &runs).unwrap(), filled);
    }

    #[test]
    fn what_is_wrong_with_a_page_is_named_by_its_line() {
        let name = FillError::Name { line: 2, name: "verdict".into() };
        assert_eq!(fill("\n<!-- table verdict -->\n<!-- end -->", &[]), Err(name));
        assert_eq!(fill("<!-- table runs -->\n", &[]), Err(FillError::End { line: 1 }));
    }
}
