//! The verdicts of many runs as a page in Markdown.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use vr_files::write_atomic;

use crate::error::BenchError;
use crate::figures::distinct;
use crate::paper::claims::CLAIMS;
use crate::results::cost::{Cost, HEADINGS};
use crate::verdict::Outcome;
use crate::verdict::table::{JudgedRun, Row};

/// Writes `VERDICTS.md` and `verdicts.json`; returns the path of the former.
///
/// # Errors
/// When one cannot be written.
pub fn write(out: &Path, runs: &[JudgedRun]) -> Result<PathBuf, BenchError> {
    let rows: Vec<Row> = runs.iter().flat_map(JudgedRun::rows).collect();
    write_atomic(out.join("verdicts.json"), serde_json::to_string_pretty(&rows)?.as_bytes())?;
    let page = out.join("VERDICTS.md");
    write_atomic(&page, markdown(runs).as_bytes())?;
    Ok(page)
}

/// A verdict with the run that it is of.
type Judged<'a> = (&'a JudgedRun, Row);

/// The page: an overview, then for each claim its verdicts with their rule and a table of runs, the checks of the
/// implementation, and what every run's methods cost.
pub fn markdown(runs: &[JudgedRun]) -> String {
    let mut rows: Vec<Judged<'_>> = runs.iter().flat_map(|run| run.rows().map(move |row| (run, row))).collect();
    rows.sort_by(|(_, a), (_, b)| (&a.verdict.id, &a.model).cmp(&(&b.verdict.id, &b.model)));
    let (checks, verdicts): (Vec<_>, Vec<_>) = rows.into_iter().partition(|(_, row)| is_check(row));
    let mut text = String::from("# Verdicts\n\n");
    table(&mut text, &["claim", "verdicts"], CLAIMS.iter().map(|claim| overview(claim, &verdicts, &checks)));
    for claim in CLAIMS {
        let of_claim: Vec<_> = verdicts.iter().filter(|(_, row)| claim.has(&row.verdict.id)).collect();
        if !of_claim.is_empty() {
            let _ = writeln!(text, "\n## {}: {}", claim.id, claim.text);
            groups(&mut text, &of_claim);
        }
    }
    if !checks.is_empty() {
        text.push_str(
            "\n## Checks of the implementation\n\nThey hold whatever is trained, so they confirm no claim.\n",
        );
        groups(&mut text, &checks.iter().collect::<Vec<_>>());
    }
    text.push_str("\n## Cost\n");
    for run in runs.iter().filter(|run| run.costs.len() > 1) {
        let _ = write!(text, "\n{}, seconds on a shared machine\n\n", run.result.heading(&run.result.experiment));
        table(&mut text, &HEADINGS, run.costs.iter().map(Cost::row));
    }
    text
}

fn is_check(row: &Row) -> bool {
    matches!(row.verdict.outcome, Outcome::Passed | Outcome::Failed)
}

/// A claim and the words for it, with how many runs came to each.
fn overview(claim: &crate::paper::claims::Claim, verdicts: &[Judged<'_>], checks: &[Judged<'_>]) -> [String; 2] {
    let words = |rows: &[Judged<'_>]| -> Vec<Outcome> {
        rows.iter().filter(|(_, row)| claim.has(&row.verdict.id)).map(|(_, row)| row.verdict.outcome).collect()
    };
    let all = [words(verdicts), words(checks)].concat();
    let counted = distinct(all.iter().copied()).into_iter().map(|word| {
        let count = all.iter().filter(|&&other| other == word).count();
        if count == 1 { word.to_string() } else { format!("{word} ×{count}") }
    });
    let found = counted.collect::<Vec<_>>().join("; ");
    let found = if found.is_empty() { format!("not run: `cargo xtask repro {}`", claim.experiment) } else { found };
    [format!("{}: {}", claim.id, claim.text), found]
}

const COLUMNS: [&str; 5] = ["run and scale", "expected", "measured", "verdict", "examined"];

/// What is judged by one rule together, under its claim.
fn groups(text: &mut String, rows: &[&Judged<'_>]) {
    let key = |row: &Row| (row.verdict.id.clone(), row.verdict.claim.clone(), row.verdict.rule.clone());
    for (id, claim, rule) in distinct(rows.iter().map(|(_, row)| key(row))) {
        // Writing to a string cannot fail.
        let _ = write!(text, "\n### {id}\n\n{claim}.\n\n*Rule:* {rule}.\n\n");
        let same = rows.iter().filter(|(_, row)| key(row) == (id.clone(), claim.clone(), rule.clone()));
        table(text, &COLUMNS, same.map(|(run, row)| line(run, row)));
    }
}

fn line(run: &JudgedRun, row: &Row) -> [String; 5] {
    let Row { model, data, scale, minibatches, verdict, examined, .. } = row;
    let folder = run.folder.file_name().unwrap_or_default().to_string_lossy();
    let none = if verdict.outcome.direction() == Some(false) { "not yet" } else { "" };
    [
        format!("`{folder}`: {model} on {data}, {scale}, m = {minibatches}"),
        verdict.expected.clone(),
        verdict.measured.clone(),
        format!("**{}**", verdict.outcome),
        examined.clone().unwrap_or_else(|| none.to_owned()),
    ]
}

pub(crate) fn table<const N: usize>(text: &mut String, heads: &[&str; N], rows: impl Iterator<Item = [String; N]>) {
    let _ = writeln!(text, "| {} |\n|{}", heads.join(" | "), "---|".repeat(N));
    for row in rows {
        let _ = writeln!(text, "| {} |", row.map(|cell| cell.replace('|', "\\|")).join(" | "));
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::results::{ExperimentResult, made_up};
    use crate::verdict::Verdict;

    fn judged(model: &str, outcomes: [Outcome; 2], examined: &str) -> JudgedRun {
        let verdict = |id: &str, claim: &str, outcome| Verdict {
            id: id.into(),
            claim: claim.into(),
            expected: "below 1".into(),
            measured: "|0.5|".into(),
            outcome,
            rule: "by its side".into(),
        };
        let verdicts = vec![
            verdict("C2-start", "check: it is zero", outcomes[0]),
            verdict("C2-throughout", "C2: it is below", outcomes[1]),
        ];
        let examined: BTreeMap<_, _> = [("C2-throughout".to_owned(), examined.to_owned())]
            .into_iter()
            .filter(|(_, text)| !text.is_empty())
            .collect();
        let result = ExperimentResult { verdicts, ..made_up::result(model) };
        JudgedRun { folder: format!("runs/{model}").into(), result, costs: Vec::new(), examined }
    }

    #[test]
    fn a_rule_stands_once_above_the_runs_that_it_judges() {
        let runs = [
            judged("resnet110", [Outcome::Passed, Outcome::Contradicted], ""),
            judged("lenet", [Outcome::Passed, Outcome::Confirmed], ""),
        ];
        let text = markdown(&runs);
        assert_eq!(text.matches("*Rule:* by its side.").count(), 2, "one for the claim, one for the check: {text}");
        for part in [
            "| C2: With transform locking the variance starts at zero; without, it is uniformly worse | confirmed; contradicted; check passed ×2 |",
            "### C2-throughout\n\nC2: it is below.",
            "## Checks of the implementation",
            "`lenet`: lenet on CIFAR-10, ",
            "m = 391 | below 1 | \\|0.5\\| | **confirmed** |  |",
            "**contradicted** | not yet |",
            "not run: `cargo xtask repro dropout`",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
        let place = |text_of: &str| text.find(text_of).unwrap();
        assert!(place("`lenet`") < place("`resnet110`"));
    }

    #[test]
    fn an_examination_stands_beside_its_verdict() {
        let text = markdown(&[judged("lenet", [Outcome::Passed, Outcome::Contradicted], "made up")]);
        assert!(text.contains("**contradicted** | made up |") && !text.contains("not yet"), "{text}");
    }
}
