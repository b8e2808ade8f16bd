//! Test errors over the learning rate.

use super::FigureError;
use super::average::{Mean, over_seeds};
use super::axis::Axis;
use super::curves::{Line, Plot, curves, reach};

/// A method's name, and pairs (multiple of the paper's rate, test error in percent) of its runs.
pub type Method = (String, Vec<(f64, f64)>);

/// Draws the test errors over the rate, a line for each method, and returns the SVG text. Seeds are averaged.
pub fn learning_rate(title: &str, methods: &[Method]) -> Result<String, FigureError> {
    // A logarithmic axis counts in exponents of two.
    let line = |(name, errors): &Method| -> Line {
        (name.clone(), over_seeds(errors.iter().map(|&(rate, error)| (rate.log2(), Some(error))), Mean::Arithmetic))
    };
    let lines: Vec<Line> = methods.iter().map(line).collect();
    let rates: Vec<f64> = methods.iter().flat_map(|(_, errors)| errors).map(|&(rate, _)| rate).collect();
    let axes = (Axis::ratio("learning rate over the paper's", &rates), Axis::fitted("test error (%)", &reach(&lines)));
    curves("learning rates", title, &[Plot { caption: String::new(), axes, lines, level: None }], "")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figures::render::preview;

    #[test]
    fn every_method_is_a_line() {
        let errors = |best: f64| -> Vec<(f64, f64)> {
            let at = |rate: f64, seed: f64| (rate, 24.0 + (rate / best).log2().powi(2) + seed);
            [0.25, 0.5, 1.0, 2.0, 4.0].iter().flat_map(|&rate| [at(rate, 0.0), at(rate, 0.4)]).collect()
        };
        let svg = learning_rate("Rates, made-up data", &[("sgd".into(), errors(1.0)), ("scsg".into(), errors(0.5))]);
        let svg = svg.unwrap();
        for text in ["sgd", "scsg", "over the paper", "test error"] {
            assert!(svg.contains(text), "{text}");
        }
        preview("learning-rate", &svg);
        assert_eq!(learning_rate("", &[]), Err(FigureError::Empty("learning rates")));
    }
}
