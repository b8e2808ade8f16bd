//! The measure of a grid's settings over each number that the grid varies.

use super::FigureError;
use super::average::Sample;
use super::axis::Axis;
use super::curves::{Line, Plot, curves, distinct, reach};
use super::palette::COLOURS;
use crate::verdict::estimate::Estimate;

/// One number of one setting.
#[derive(Clone, Debug)]
pub struct Varied {
    /// The key, such as `learning-rate`.
    pub key: String,
    /// Its value.
    pub value: f64,
    /// All else that the setting's name says: settings that share it are one line.
    pub others: String,
    /// The mean of the measure over seeds.
    pub measure: Estimate,
}

/// Draws a panel for each key with several values: the measure, whose name with its unit is `by`, over the key's values, a line for
/// each setting of the other keys, with 95 % intervals over seeds. Returns the SVG text. Where there are more lines than
/// colours, they are those that come first in `settings`. Values that span a decade are on a logarithmic axis.
pub fn grid(title: &str, by: &str, settings: &[Varied]) -> Result<String, FigureError> {
    let with = |key: &str| settings.iter().filter(|row| row.key == key).cloned().collect::<Vec<_>>();
    let several = |rows: &Vec<Varied>| distinct(rows.iter().map(|row| row.value)).len() > 1;
    let keys = distinct(settings.iter().map(|row| row.key.clone()));
    let panels: Vec<Vec<Varied>> = keys.iter().map(|key| with(key)).filter(several).take(COLOURS).collect();
    let most = COLOURS / panels.len().max(1);
    let plots: Vec<Plot> = panels.iter().map(|rows| plot(by, rows, most)).collect();
    curves("the grid", title, &plots, "")
}

fn plot(by: &str, rows: &[Varied], most: usize) -> Plot {
    let values: Vec<f64> = rows.iter().map(|row| row.value).collect();
    let x = Axis::of_values(&rows[0].key, &values);
    let names = distinct(rows.iter().map(|row| row.others.clone()));
    let line = |name: &String| -> Line {
        let of = rows.iter().filter(|row| row.others == *name);
        let mut samples: Vec<Sample> = of.map(|row| sample(&x, row)).collect();
        samples.sort_by(|a, b| a.x.total_cmp(&b.x));
        (name.clone(), samples)
    };
    let lines: Vec<Line> = names.iter().take(most).map(line).collect();
    let caption = match names.len() {
        all if all > most => format!("the best {most} of {all}"),
        _ => String::new(),
    };
    Plot { caption, axes: (x, Axis::fitted(by, &reach(&lines))), lines, level: None }
}

/// A mean with its interval; no measure lies below 0.
fn sample(x: &Axis, row: &Varied) -> Sample {
    let Estimate { n, mean, .. } = row.measure;
    let (low, high) = if n < 2 { (mean, mean) } else { (row.measure.low().max(0.0), row.measure.high()) };
    Sample { x: x.units(row.value), mean, low, high }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figures::render::preview;

    fn row(key: &str, value: f64, others: &str, mean: f64) -> Varied {
        let measure = Estimate { n: 3, mean, error: 0.5 };
        Varied { key: key.into(), value, others: others.into(), measure }
    }

    /// Five rates and three momenta: each row stands once under either key.
    fn settings() -> Vec<Varied> {
        let mut rows = Vec::new();
        for rate in [0.3, 0.1, 0.03, 0.01, 0.003_f64] {
            for momentum in [0.0, 0.5, 0.9_f64] {
                let error = 30.0 + 6.0 * (rate / (1.0 - momentum) / 0.2).log10().powi(2);
                rows.push(row("learning-rate", rate, &format!("svrg momentum={momentum}"), error));
                rows.push(row("momentum", momentum, &format!("svrg learning-rate={rate}"), error));
            }
        }
        rows
    }

    #[test]
    fn every_key_has_a_panel_and_every_setting_of_the_others_a_line() {
        let svg = grid("Grid, made-up data", "final validation error (%)", &settings()).unwrap();
        for text in [
            "final validation error (%)",
            "learning-rate (log scale)",
            ">\nmomentum\n</text>",
            ">\n0.003\n</text>",
            "data-name=\"svrg momentum=0.9\"",
            "data-name=\"svrg learning-rate=0.03\"",
            "the best 3 of 5",
        ] {
            assert!(svg.contains(text), "{text}");
        }
        assert!(!svg.contains("data-name=\"svrg learning-rate=0.01\""), "a line for which there is no colour");
        // Student's factor for three seeds is 4.303.
        assert!(svg.contains("(27.85 to 32.15)"), "{svg}");
        preview("grid", &svg);
    }

    #[test]
    fn one_seed_has_no_interval_and_one_value_no_panel() {
        let one = |value: f64| Varied {
            measure: Estimate { n: 1, mean: value, error: f64::NAN },
            ..row("epochs", value, "sgd", 0.0)
        };
        let svg = grid("", "loss", &[one(1.0), one(2.0)]).unwrap();
        assert!(svg.contains(">\nepochs\n</text>") && !svg.contains(" to 1.000)"), "{svg}");
        assert_eq!(grid("", "loss", &[one(1.0)]), Err(FigureError::Empty("the grid")));
        assert_eq!(grid("", "loss", &[]), Err(FigureError::Empty("the grid")));
    }
}
