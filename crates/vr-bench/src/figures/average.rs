//! One value for each place on the x axis, from several seeds.

/// Which mean to take over the seeds.
#[derive(Clone, Copy)]
pub enum Mean {
    Arithmetic,
    Geometric,
}

/// The mean over the seeds at one place, and how far they spread.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sample {
    pub x: f64,
    pub mean: f64,
    pub low: f64,
    pub high: f64,
}

/// Averages what shares an `x`; whatever is missing or not finite is left out. Sorted by `x`.
pub fn over_seeds(values: impl IntoIterator<Item = (f64, Option<f64>)>, mean: Mean) -> Vec<Sample> {
    let mut values: Vec<(f64, f64)> =
        values.into_iter().filter_map(|(x, y)| y.filter(|y| y.is_finite()).map(|y| (x, y))).collect();
    values.sort_by(|a, b| a.0.total_cmp(&b.0));
    values.chunk_by(|a, b| a.0 == b.0).map(|same| sample(same, mean)).collect()
}

#[allow(clippy::cast_precision_loss, reason = "a handful of seeds")]
fn sample(same: &[(f64, f64)], mean: Mean) -> Sample {
    let count = same.len() as f64;
    let ys = || same.iter().map(|&(_, y)| y);
    Sample {
        x: same[0].0,
        mean: match mean {
            Mean::Arithmetic => ys().sum::<f64>() / count,
            Mean::Geometric => (ys().map(|y| y.max(0.0).ln()).sum::<f64>() / count).exp(),
        },
        low: ys().fold(f64::INFINITY, f64::min),
        high: ys().fold(f64::NEG_INFINITY, f64::max),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_are_averaged_and_gaps_left_out() {
        let values = [(2.0, Some(8.0)), (1.0, None), (2.0, Some(2.0)), (3.0, Some(f64::NAN))];
        let geometric = over_seeds(values, Mean::Geometric);
        assert_eq!(geometric.len(), 1);
        assert!((geometric[0].mean - 4.0).abs() < 1e-12);
        assert_eq!((geometric[0].low, geometric[0].high), (2.0, 8.0));
        assert_eq!(over_seeds(values, Mean::Arithmetic)[0].mean, 5.0);
    }

    #[test]
    fn a_zero_makes_the_geometric_mean_zero() {
        assert_eq!(over_seeds([(1.0, Some(0.0)), (1.0, Some(3.0))], Mean::Geometric)[0].mean, 0.0);
    }
}
