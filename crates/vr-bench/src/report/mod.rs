//! One self-contained HTML page for the result of an experiment.

mod again;
pub(crate) mod html;
mod tables;
pub(crate) mod verdicts;

use serde_json::Value;

use crate::markup::escape;
use crate::results::cost::{HEADINGS, costs};
use crate::results::{EpochTime, ExperimentResult};
use html::{NONE, table};

pub use again::arguments;

/// The page: verdicts first, then the figures (title and SVG text), the cost, a table of every kind of row that there
/// is, the settings, what the run was made with and how it is made again, and its manifest as it was written.
///
/// The page loads nothing from anywhere and says everything without its script, which adds values under the pointer and lines
/// that can be switched off. All texts are escaped; the SVG texts go in as they are, so they must come from
/// [`crate::figures`]. Equal arguments give equal bytes.
pub fn report_html(
    result: &ExperimentResult,
    times: &[EpochTime],
    figures: &[(&str, &str)],
    manifest_json: &str,
) -> String {
    let manifest: Value = serde_json::from_str(manifest_json).unwrap_or_default();
    let title = format!("{} · {}", result.experiment, result.model);
    let lead = format!(
        "<p class=\"claim\">{}</p>\n{}<p class=\"facts\">{}: {}</p>\n",
        escape(&result.claim),
        verdicts::tally(&result.verdicts),
        escape(&result.data.name),
        escape(&result.scale),
    );
    let manifest_text = format!(
        "<details>\n<summary>As it was written</summary>\n<pre tabindex=\"0\">{}</pre>\n</details>",
        escape(manifest_json)
    );
    let mut sections = vec![
        ("Verdicts", verdicts::verdicts(&result.verdicts)),
        ("Figures", html::figures(figures)),
        ("Cost", cost(result, times)),
        ("Measurements", measurements(result)),
        ("Settings", setting(result)),
        ("Environment", again::environment(&manifest)),
        ("How to run it again", again::again(&manifest)),
        ("Manifest", manifest_text),
    ];
    if let Some(ranking) = &result.ranking {
        sections.insert(1, ("Ranking of the settings", tables::ranking(ranking)));
    }
    html::page(&title, &lead, &sections)
}

fn measurements(result: &ExperimentResult) -> String {
    let measured = [
        ("Mean variance ratios, after the first epoch", tables::mean_ratios(&result.points)),
        ("Variance measurements", tables::points(&result.points, result.batch_size)),
        ("Variance in each tensor, after the first epoch", tables::tensors(&result.diagnostics.tensors)),
        ("Distance from the snapshot", tables::geometry(&result.diagnostics.geometry)),
        ("Variance after a mega-batch", tables::positions(&result.diagnostics.positions)),
        ("Successive steps", tables::steps(&result.diagnostics.steps)),
        ("Epochs", tables::epochs(&result.epochs)),
    ];
    let there: Vec<_> = measured.iter().filter(|(_, body)| body != NONE).collect();
    if there.is_empty() {
        return NONE.to_owned();
    }
    there.iter().map(|(title, body)| format!("<h3>{title}</h3>\n{body}\n")).collect()
}

fn cost(result: &ExperimentResult, times: &[EpochTime]) -> String {
    let rows = costs(result, times).into_iter().map(|cost| cost.row().map(|text| escape(&text)).to_vec());
    table("Cost", &HEADINGS, "numbers", rows)
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
        ("examples held out for validation", data.validation_size.to_string()),
        ("data digest", data.digest.clone()),
        ("minibatches per epoch", result.minibatches.to_string()),
        ("examples per minibatch", result.batch_size.to_string()),
        ("epochs", result.epochs_run.to_string()),
        ("seeds", list(result.seeds.iter().map(u64::to_string).collect())),
        ("learning rate", result.schedule.base.to_string()),
        ("learning rate falls", result.schedule.fall()),
        ("followed where they differ", format!("{:?}", result.version).to_lowercase()),
    ];
    let rows = rows.into_iter().map(|(name, value)| vec![name.to_owned(), escape(&value)]);
    table("Settings", &["quantity", "value"], "texts pairs", rows)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figures::bn_reset::bn_reset;
    use crate::figures::render::{sample_points, sample_rows};
    use crate::results::diagnostics::{
        Diagnostics, Form, GeometryRow, Moment, PositionRow, StepRow, TensorRow, TensorVariance,
    };
    use crate::results::{DataInfo, made_up};
    use crate::verdict::{Outcome, Verdict};

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
            data: DataInfo {
                name: HOSTILE.to_owned(),
                train_size: 50,
                test_size: 10,
                validation_size: 0,
                digest: HOSTILE.to_owned(),
            },
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
        assert_eq!(page.matches("<script").count(), 1, "there is the page's own alone");
        assert!(!page.contains("alert('x')"));
        assert!(page.contains("&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt; &amp; &quot;y&quot;"));
    }

    #[test]
    fn nothing_is_loaded_from_elsewhere() {
        let page = page().replace("xmlns=\"http://www.w3.org/2000/svg\"", "").replace("href=\"#", "");
        for forbidden in ["http", "src=", "href=", "url(", "@import", "<link"] {
            assert!(!page.contains(forbidden), "{forbidden}");
        }
    }

    #[test]
    fn the_verdicts_come_first_and_the_parts_are_all_there() {
        let page = page();
        let place = |text: &str| page.find(text).unwrap_or_else(|| panic!("{text}"));
        let order = [
            "id=\"verdicts-title\"",
            "id=\"figures-title\"",
            "<svg",
            "id=\"cost-title\"",
            "<h3>Mean variance",
            "<h3>Variance",
            "<h3>Epochs",
            "id=\"settings-title\"",
            "id=\"environment-title\"",
            "id=\"how-to-run-it-again-title\"",
            "id=\"manifest-title\"",
        ];
        assert!(order.map(place).is_sorted());
        for text in [
            "outcome against",
            "not finite",
            "<td>–</td>",
            "rows</summary>",
            "1 × <span class=\"outcome open\">undecided",
        ] {
            assert!(page.contains(text), "{text}");
        }
        for absent in ["<h3>Distance", "<h3>Successive"] {
            assert!(!page.contains(absent), "{absent}");
        }
        if let Ok(folder) = std::env::var("VR_FIGURE_PREVIEW") {
            std::fs::write(std::path::Path::new(&folder).join("report.html"), page).unwrap();
        }
    }

    #[test]
    fn every_kind_of_row_has_its_table() {
        let at = |epoch| Moment { model: "lenet".into(), method: "svrg".into(), seed: 0, epoch, percent: 50.0 };
        let tensor = |name: &str, sgd_variance, ratio| TensorVariance {
            name: name.into(),
            sgd_variance,
            ratio: Some(ratio),
            optimal_coefficient: None,
            coefficient: None,
        };
        let diagnostics = Diagnostics {
            geometry: vec![GeometryRow {
                at: at(2),
                distance: 1.25,
                relative_distance: Some(0.5),
                gradient_distance: 2.0,
                curvature: None,
                mean_square_curvature: None,
            }],
            positions: vec![PositionRow {
                at: at(2),
                position: 3,
                form: Form::InnerBatch,
                sgd_variance: 1.0,
                estimator_error: 0.5,
                ratio: Some(0.5),
            }],
            steps: vec![StepRow { at: at(2), pairs: 4, direction_cosine: 0.75, noise_cosine: -0.125 }],
            tensors: (1..=3)
                .map(|epoch| TensorRow {
                    at: at(epoch),
                    tensors: vec![tensor("conv", 3.0, 0.25 * epoch as f64), tensor("fc", 1.0, 2.0)],
                })
                .collect(),
        };
        let page = report_html(&ExperimentResult { diagnostics, ..made_up::result("lenet") }, &[], &[], "");
        for cells in [
            "<td>1.250</td><td>0.5000</td><td>2.000</td><td>–</td><td>–</td>",
            "<td>3</td><td>the mega-batch</td><td>1.000</td><td>0.5000</td><td>0.5000</td>",
            "<td>4</td><td>0.7500</td><td>-0.1250</td>",
            // The geometric mean of epochs 2 and 3.
            "<td>conv</td><td>75.00</td><td>0.6124</td>",
            "<td>fc</td><td>25.00</td><td>2.000</td>",
        ] {
            assert!(page.contains(cells), "{cells}");
        }
    }

    #[test]
    fn an_empty_result_is_still_a_page() {
        let mut result = result();
        (result.points, result.epochs, result.verdicts) = (vec![], vec![], vec![]);
        assert_eq!(report_html(&result, &[], &[], "").matches(NONE).count(), 5);
    }
}
