//! A comparison as one HTML page that loads nothing.

use std::path::Path;

use super::text::{Table, costs, legend, made_with, results, settings};
use super::{Comparison, RunSummary};
use crate::error::BenchError;
use crate::figures::{FigureError, beside};
use crate::markup::escape;
use crate::report::html::{self, NONE, table};

/// The page: settings, what the runs were made with, results, figures of the runs over each other, costs.
///
/// # Errors
/// When a figure cannot be drawn; one with nothing to draw is left out.
pub fn html(comparison: &Comparison) -> Result<String, FigureError> {
    let names: Vec<&str> = comparison.runs.iter().map(|run| run.run.as_str()).collect();
    let title = names.join(" · ");
    let cells = |label: &str, (heads, rows): &Table, class: &str| {
        let heads: Vec<&str> = heads.iter().map(String::as_str).collect();
        table(label, &heads, class, rows.iter().map(|row| row.iter().map(|cell| escape(cell)).collect()))
    };
    let legend = legend(comparison).map_or_else(String::new, |text| format!("<p>{}</p>", escape(&text)));
    let keys = |label: &str, rows: &Table, none: &str| match cells(label, rows, "texts") {
        nothing if nothing == NONE => format!("<p>{none}</p>"),
        table => table,
    };
    let parts = [
        ("Runs", cells("Runs", &runs(comparison), "texts")),
        ("Settings that differ", keys("Settings that differ", &settings(comparison), "All settings are the same.")),
        (
            "Made with",
            keys("Made with", &made_with(comparison), "All that was written down of how they were made is the same."),
        ),
        ("Results", cells("Results", &results(comparison), "texts") + &legend),
        ("Figures", figures(comparison)?),
        ("Cost", cells("Cost", &costs(comparison), "numbers")),
    ];
    Ok(html::page(&title, "", &parts))
}

/// Writes the page to a file, which appears whole or not at all.
///
/// # Errors
/// As [`html`]; when the file cannot be written.
pub fn write(comparison: &Comparison, file: &Path) -> Result<(), BenchError> {
    Ok(vr_files::write_atomic(file, html(comparison)?.as_bytes())?)
}

fn runs(comparison: &Comparison) -> Table {
    let heads = ["run", "experiment", "network", "data", "seeds"].map(str::to_owned).to_vec();
    let row = |RunSummary { run, experiment, model, data, seeds, .. }: &RunSummary| {
        let seeds = seeds.iter().map(u64::to_string).collect::<Vec<_>>().join(", ");
        vec![run.clone(), experiment.clone(), model.clone(), data.clone(), seeds]
    };
    (heads, comparison.runs.iter().map(row).collect())
}

fn figures(comparison: &Comparison) -> Result<String, FigureError> {
    let runs: Vec<beside::Named<'_>> =
        comparison.runs.iter().map(|run| run.run.as_str()).zip(&comparison.found).collect();
    let mut drawn = Vec::new();
    for (title, figure) in [
        ("Errors and losses", beside::epochs("Errors and losses", &runs)),
        ("Variance ratios", beside::ratios("Variance ratios", &runs)),
    ] {
        match figure {
            Ok(svg) => drawn.push((title, svg)),
            Err(FigureError::Empty(_)) => {}
            Err(error) => return Err(error),
        }
    }
    let drawn: Vec<_> = drawn.iter().map(|(title, svg)| (*title, svg.as_str())).collect();
    Ok(html::figures(&drawn))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::made_up;

    #[test]
    fn names_are_escaped_and_nothing_is_loaded() {
        let found = vec![made_up::final_errors(&[("<b>", &[10.0, 11.0])]); 2];
        let run = |run: &str| RunSummary {
            run: run.into(),
            experiment: "<i>".into(),
            model: "lenet".into(),
            data: "&".into(),
            seeds: vec![0, 1],
            costs: Vec::new(),
        };
        let results = crate::compare::measured::all(&found);
        let runs = vec![run("<script>"), run("b")];
        let page = html(&Comparison { runs, settings: Vec::new(), made_with: Vec::new(), results, found }).unwrap();
        assert!(
            !page.contains("<script>\"")
                && page.matches("<script").count() == 1
                && !page.contains("<i>")
                && page.contains("All settings are the same.")
        );
        let order = [
            "id=\"runs\"",
            "id=\"settings-that-differ\"",
            "id=\"made-with\"",
            "id=\"results\"",
            "final test error (%)",
            "<svg",
            "id=\"cost\"",
        ];
        assert!(order.map(|text| page.find(text).unwrap_or_else(|| panic!("{text}"))).is_sorted());
        let page = page.replace("xmlns=\"http://www.w3.org/2000/svg\"", "").replace("href=\"#", "");
        assert!(["http", "src=", "href=", "url("].iter().all(|text| !page.contains(text)));
    }
}
