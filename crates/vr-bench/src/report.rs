//! One self-contained HTML page for the result of an experiment.

use crate::cost::{HEADINGS, costs};
use crate::results::{EpochRow, EpochTime, ExperimentResult, Outcome, Point, Verdict};
use std::fmt::Write as _;

const STYLE: &str = include_str!("../assets/report.css");

/// The page: verdicts first, then the figures (title and SVG text), the cost, the tables, the setting, and the manifest of the
/// run as it was written.
///
/// The page loads nothing from anywhere. All texts are escaped; the SVG texts go in as they are, so they must come
/// from [`crate::figures`].
pub fn report_html(
    result: &ExperimentResult,
    times: &[EpochTime],
    figures: &[(&str, &str)],
    manifest_json: &str,
) -> String {
    let title = format!("{} · {}", result.experiment, result.model);
    let parts = [
        section("Verdicts", &verdicts(&result.verdicts)),
        section("Figures", &drawings(figures)),
        section("Cost", &cost(result, times)),
        section("Variance measurements", &points(&result.points)),
        section("Epochs", &epochs(&result.epochs)),
        section("Setting", &setting(result)),
        section("Run manifest", &format!("<pre>{}</pre>", escape(manifest_json))),
    ];
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n<h1>{title}</h1>\n\
         <p class=\"claim\">{claim}</p>\n{parts}</main>\n</body>\n</html>\n",
        title = escape(&title),
        claim = escape(&result.claim),
        parts = parts.concat(),
    )
}

fn section(title: &str, body: &str) -> String {
    format!("<section>\n<h2>{title}</h2>\n{body}\n</section>\n")
}

fn verdicts(verdicts: &[Verdict]) -> String {
    let rows = verdicts.iter().map(|verdict| {
        let class = match verdict.outcome {
            Outcome::Confirmed => "confirmed",
            Outcome::Contradicted => "contradicted",
            Outcome::Undecided => "undecided",
        };
        let badge = format!("<span class=\"outcome {class}\">{}</span>", verdict.outcome);
        let texts = [&verdict.claim, &verdict.expected, &verdict.measured, &verdict.rule].map(|text| escape(text));
        std::iter::once(badge).chain(texts).collect()
    });
    table(&["outcome", "claim", "expected", "measured", "rule"], "texts", rows)
}

fn drawings(figures: &[(&str, &str)]) -> String {
    if figures.is_empty() {
        return NONE.to_owned();
    }
    figures.iter().fold(String::new(), |mut html, (title, svg)| {
        // Writing to a string cannot fail.
        let _ = writeln!(html, "<figure>\n{svg}\n<figcaption>{}</figcaption>\n</figure>", escape(title));
        html
    })
}

fn cost(result: &ExperimentResult, times: &[EpochTime]) -> String {
    let rows = costs(result, times).into_iter().map(|cost| cost.row().map(|text| escape(&text)).to_vec());
    table(&HEADINGS, "numbers", rows)
}

fn points(points: &[Point]) -> String {
    let heads = [
        "model",
        "method",
        "seed",
        "epoch",
        "progress (%)",
        "plain variance",
        "reduced variance",
        "ratio",
        "squared bias",
        "correlation",
        "best coefficient",
    ];
    let rows = points.iter().map(|point| {
        vec![
            escape(&point.model),
            escape(&point.method),
            point.seed.to_string(),
            point.epoch.to_string(),
            number(point.percent),
            number(point.sgd_variance),
            number(point.vr_variance),
            optional(point.ratio),
            number(point.squared_bias),
            optional(point.correlation),
            optional(point.optimal_coefficient),
        ]
    });
    folded(points.len(), &table(&heads, "numbers", rows))
}

fn epochs(epochs: &[EpochRow]) -> String {
    let heads = ["method", "seed", "epoch", "training loss", "test loss", "test error (%)", "minibatch gradients"];
    let rows = epochs.iter().map(|row| {
        vec![
            escape(&row.method),
            row.seed.to_string(),
            row.epoch.to_string(),
            number(row.train_loss),
            number(row.test_loss),
            number(row.test_error),
            row.gradient_evaluations.to_string(),
        ]
    });
    folded(epochs.len(), &table(&heads, "numbers", rows))
}

fn setting(result: &ExperimentResult) -> String {
    let data = &result.data;
    let list = |values: Vec<String>| if values.is_empty() { "none".to_owned() } else { values.join(", ") };
    let rows = [
        ("experiment", result.experiment.clone()),
        ("model", result.model.clone()),
        ("scale", result.scale.clone()),
        ("data", data.name.clone()),
        ("training examples", data.train_size.to_string()),
        ("test examples", data.test_size.to_string()),
        ("data digest", data.digest.clone()),
        ("minibatches per epoch", result.minibatches.to_string()),
        ("examples per minibatch", result.batch_size.to_string()),
        ("epochs", result.epochs_run.to_string()),
        ("seeds", list(result.seeds.iter().map(u64::to_string).collect())),
        ("learning rate", result.schedule.base.to_string()),
        ("divided by ten after epochs", list(result.schedule.drops.iter().map(f64::to_string).collect())),
        ("followed where they differ", format!("{:?}", result.version).to_lowercase()),
    ];
    let rows = rows.into_iter().map(|(name, value)| vec![name.to_owned(), escape(&value)]);
    table(&["quantity", "value"], "texts", rows)
}

const NONE: &str = "<p>None.</p>";
/// Longer tables are folded until the reader opens them.
const LONG: usize = 40;

fn folded(rows: usize, table: &str) -> String {
    if rows <= LONG {
        table.to_owned()
    } else {
        format!("<details>\n<summary>{rows} rows</summary>\n{table}\n</details>")
    }
}

/// A table of cells that are already escaped.
fn table(heads: &[&str], class: &str, rows: impl Iterator<Item = Vec<String>>) -> String {
    let cells = |tag: &str, cells: &[String]| {
        let cells: String = cells.iter().map(|cell| format!("<{tag}>{cell}</{tag}>")).collect();
        format!("<tr>{cells}</tr>\n")
    };
    let body: String = rows.map(|row| cells("td", &row)).collect();
    if body.is_empty() {
        return NONE.to_owned();
    }
    let heads: Vec<String> = heads.iter().map(|head| escape(head)).collect();
    let head = cells("th", &heads);
    format!(
        "<div class=\"wide\"><table class=\"{class}\">\n<thead>{head}</thead>\n<tbody>\n{body}</tbody>\n</table></div>"
    )
}

fn optional(value: Option<f64>) -> String {
    value.map_or_else(|| "–".to_owned(), number)
}

/// Four significant digits, or the text of what is not finite.
fn number(value: f64) -> String {
    if !value.is_finite() {
        return "not finite".to_owned();
    }
    if value == 0.0 {
        return "0".to_owned();
    }
    match value.abs() {
        1e-3..1e6 => {
            let digits = [1.0, 10.0, 100.0, 1000.0].iter().filter(|&&bound| value.abs() >= bound).count();
            format!("{value:.*}", 4 - digits)
        }
        _ => format!("{value:.3e}"),
    }
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figures::bn_reset::bn_reset;
    use crate::figures::render::{sample_points, sample_rows};
    use crate::results::{DataInfo, made_up};

    const HOSTILE: &str = "<script>alert('x')</script> & \"y\"";

    fn result() -> ExperimentResult {
        let mut points = sample_points(HOSTILE, 100);
        points[0].ratio = None;
        let mut epochs = sample_rows(HOSTILE, 5, 1.0);
        epochs[0].test_loss = f64::NAN;
        let verdict = |outcome| Verdict {
            id: HOSTILE.to_owned(),
            claim: HOSTILE.to_owned(),
            expected: HOSTILE.to_owned(),
            measured: HOSTILE.to_owned(),
            outcome,
            rule: HOSTILE.to_owned(),
        };
        ExperimentResult {
            experiment: HOSTILE.to_owned(),
            claim: HOSTILE.to_owned(),
            data: DataInfo { name: HOSTILE.to_owned(), train_size: 50, test_size: 10, digest: HOSTILE.to_owned() },
            scale: HOSTILE.to_owned(),
            points,
            epochs,
            verdicts: [Outcome::Confirmed, Outcome::Contradicted, Outcome::Undecided].map(verdict).to_vec(),
            ..made_up::result(HOSTILE)
        }
    }

    fn page() -> String {
        let result = result();
        let svg = bn_reset(HOSTILE, &result.epochs).unwrap();
        report_html(&result, &[], &[(HOSTILE, &svg)], "{\"machine\": \"<script>\"}")
    }

    #[test]
    fn everything_is_escaped() {
        let page = page();
        assert!(!page.contains("<script") && !page.contains("alert('x')"));
        assert!(page.contains("&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt; &amp; &quot;y&quot;"));
    }

    #[test]
    fn nothing_is_loaded_from_elsewhere() {
        let page = page().replace("xmlns=\"http://www.w3.org/2000/svg\"", "");
        for forbidden in ["http", "src=", "href=", "url(", "@import", "<link"] {
            assert!(!page.contains(forbidden), "{forbidden}");
        }
    }

    #[test]
    fn the_verdicts_come_first_and_the_parts_are_all_there() {
        let page = page();
        let place = |text: &str| page.find(text).unwrap_or_else(|| panic!("{text}"));
        let order = [
            "<h2>Verdicts",
            "<h2>Figures",
            "<svg",
            "<h2>Cost",
            "<h2>Variance",
            "<h2>Epochs",
            "<h2>Setting",
            "<h2>Run manifest",
        ];
        assert!(order.map(place).is_sorted());
        for text in ["outcome contradicted", "not finite", "<td>–</td>", "rows</summary>"] {
            assert!(page.contains(text), "{text}");
        }
        if let Ok(folder) = std::env::var("VR_FIGURE_PREVIEW") {
            std::fs::write(std::path::Path::new(&folder).join("report.html"), page).unwrap();
        }
    }

    #[test]
    fn numbers_keep_four_digits() {
        let texts = [0.0, 12.3456, 0.012_345, 123_456.7, 1e-12, -2.5, f64::INFINITY].map(number);
        assert_eq!(texts, ["0", "12.35", "0.0123", "123457", "1.000e-12", "-2.500", "not finite"]);
    }

    #[test]
    fn an_empty_result_is_still_a_page() {
        let mut result = result();
        (result.points, result.epochs, result.verdicts) = (vec![], vec![], vec![]);
        assert_eq!(report_html(&result, &[], &[], "").matches(NONE).count(), 5);
    }
}
