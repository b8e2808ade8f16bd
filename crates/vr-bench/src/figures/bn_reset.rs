//! Test loss and error with and without care for the batch-normalisation statistics.

use super::FigureError;
use super::epoch_curves::epoch_curves;
use crate::results::EpochRow;

/// Draws test loss and test error over the epochs, a line for each method, and returns the SVG text.
///
/// Seeds are averaged; what is not finite, as after divergence, is left out.
pub fn bn_reset(title: &str, rows: &[EpochRow]) -> Result<String, FigureError> {
    epoch_curves(
        "the batch-normalisation reset",
        title,
        rows,
        &[("test loss (nats per example)", |row| row.test_loss), ("test error (%)", |row| row.test_error)],
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figures::render::{preview, sample_rows};

    #[test]
    fn a_diverged_method_keeps_the_other_readable() {
        let mut rows = sample_rows("reset of statistics", 12, 1.0);
        rows.extend(sample_rows("naive", 12, 1.6).into_iter().map(|mut row| {
            row.test_loss = if row.epoch > 10 { f64::NAN } else { row.test_loss.exp().powf(1.5) };
            row
        }));
        let svg = bn_reset("Batch normalisation, made-up data", &rows).unwrap();
        assert!(svg.contains("test loss (nats per example)") && svg.contains("test error (%)"));
        assert!(!svg.contains("NaN"));
        preview("bn-reset", &svg);
    }
}
