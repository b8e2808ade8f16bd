//! The test error over the epochs.

use super::FigureError;
use super::epoch_curves::epoch_curves;
use crate::results::EpochRow;

/// Draws the test error over the epochs, a line for each method, and returns the SVG text. Seeds are averaged.
pub fn test_error(title: &str, rows: &[EpochRow]) -> Result<String, FigureError> {
    epoch_curves("test errors", title, rows, &[("test error (%)", |row| row.test_error)])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figures::render::{preview, sample_rows};

    #[test]
    fn every_method_is_in_the_legend() {
        let mut rows = sample_rows("SGD", 60, 1.0);
        rows.extend(sample_rows("SVRG", 60, 1.1));
        rows.extend(sample_rows("SCSG", 60, 1.2));
        let svg = test_error("Test error, made-up data", &rows).unwrap();
        for method in ["SGD", "SVRG", "SCSG"] {
            assert!(svg.contains(method));
        }
        preview("test-error", &svg);
        assert_eq!(test_error("", &[]), Err(FigureError::Empty("test errors")));
    }
}
