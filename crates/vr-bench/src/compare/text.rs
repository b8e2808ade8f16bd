//! A comparison as lines and as cells of tables.

use serde_json::Value;

use super::{Comparison, Difference, Interval, Measured, RunSummary, Setting, Spent};

/// A table: its headings and rows.
pub type Table = (Vec<String>, Vec<Vec<String>>);

/// What stands for nothing.
const NONE: &str = "–";

fn headings(first: &[&str], comparison: &Comparison) -> Vec<String> {
    first.iter().map(|text| (*text).to_owned()).chain(comparison.runs.iter().map(|run| run.run.clone())).collect()
}

/// The settings that differ.
pub fn settings(comparison: &Comparison) -> Table {
    keys("setting", &comparison.settings, comparison)
}

/// What the runs were made with, as far as it differs.
pub fn made_with(comparison: &Comparison) -> Table {
    keys("made with", &comparison.made_with, comparison)
}

fn keys(heading: &str, rows: &[Setting], comparison: &Comparison) -> Table {
    let value = |value: &Option<Value>| match value {
        None => NONE.to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(value) => value.to_string(),
    };
    let row = |Setting { key, values }: &Setting| [key.clone()].into_iter().chain(values.iter().map(value)).collect();
    (headings(&[heading], comparison), rows.iter().map(row).collect())
}

/// The results: each run's value, under those after the first its difference from that.
pub fn results(comparison: &Comparison) -> Table {
    let row = |measured: &Measured| {
        let Measured { quantity, unit, method, model, relative, values, differences } = measured;
        let name = if *unit == "1" { quantity.clone() } else { format!("{quantity} ({unit})") };
        let of = [model, method].into_iter().filter(|text| !text.is_empty()).cloned().collect::<Vec<_>>().join(", ");
        let cell = |(value, difference): (&Option<Interval>, &Option<Difference>)| match (value, difference) {
            (None, _) => NONE.to_owned(),
            (Some(value), None) => interval(value, *relative),
            (Some(value), Some(difference)) => {
                let mark = if difference.differs { " *" } else { "" };
                let sign = if *relative {
                    "×"
                } else if difference.of.mean < 0.0 {
                    ""
                } else {
                    "+"
                };
                format!("{}; {sign}{}{mark}", interval(value, *relative), interval(&difference.of, *relative))
            }
        };
        [name, of].into_iter().chain(values.iter().zip(differences).map(cell)).collect()
    };
    (headings(&["quantity", "of"], comparison), comparison.results.iter().map(row).collect())
}

/// What the table of results says in short forms.
pub fn legend(comparison: &Comparison) -> Option<String> {
    let first = &comparison.runs.first()?.run;
    let any = comparison.results.iter().flat_map(|row| &row.differences).flatten().next();
    any.map(|_| {
        format!(
            "Means over seeds with 95 % intervals (Student's t). After the semicolon: the difference from {first}, of ratios the \
             quotient, over the seeds that both have; * where its interval leaves out that nothing differs."
        )
    })
}

/// What each method cost in each run.
pub fn costs(comparison: &Comparison) -> Table {
    let heads = ["run", "method", "epochs", "gradients (passes)", "training (s a run)", "diverged runs"];
    let row = |run: &RunSummary, Spent { method, epochs, passes, training_s, diverged }: &Spent| {
        vec![
            run.run.clone(),
            method.clone(),
            epochs.to_string(),
            format!("{passes:.1}"),
            training_s.map_or_else(|| "not known".into(), |seconds| format!("{seconds:.1}")),
            diverged.to_string(),
        ]
    };
    let rows = comparison.runs.iter().flat_map(|run| run.costs.iter().map(move |spent| row(run, spent)));
    (heads.map(str::to_owned).to_vec(), rows.collect())
}

fn interval(Interval { n, mean, interval }: &Interval, relative: bool) -> String {
    let number = |x: f64| if relative { format!("{x:.3}") } else { format!("{x:.2}") };
    match interval {
        Some([low, high]) => format!("{}, {} to {} (n = {n})", number(*mean), number(*low), number(*high)),
        None => format!("{} (one seed)", number(*mean)),
    }
}
