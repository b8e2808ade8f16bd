//! The gradient noise scale through training.

use super::FigureError;
use super::average::Mean;
use super::axis::Axis;
use super::curves::{Plot, by_place, curves, epochs, reach};
use crate::results::Point;

/// Draws the gradient noise scale over the epochs, a line for each place within the epoch, and returns the SVG text. The
/// points are of one method on one model in minibatches of `batch_size`; seeds are averaged geometrically.
pub fn noise_scale(title: &str, points: &[Point], batch_size: usize) -> Result<String, FigureError> {
    let lines = by_place(points, Mean::Geometric, |point| point.noise_scale(batch_size));
    let batch = batch_size as f64;
    let y = Axis::fitted("noise scale (examples)", &[reach(&lines), vec![batch]].concat());
    let plot = Plot { caption: String::new(), axes: (epochs(points), y), lines, level: Some(batch) };
    curves("the gradient noise scale", title, &[plot], "the minibatch")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figures::render::{preview, sample_points};

    #[test]
    fn the_minibatch_stands_beside_it() {
        let mut points = sample_points("svrg", 240);
        let svg = noise_scale("Noise scale, made-up data", &points, 128).unwrap();
        for text in ["noise scale (examples)", "11 % of the", "the minibatch"] {
            assert!(svg.contains(text), "{text}");
        }
        preview("noise-scale", &svg);
        points.iter_mut().for_each(|point| point.squared_gradient = None);
        assert_eq!(noise_scale("", &points, 128), Err(FigureError::Empty("the gradient noise scale")));
    }
}
