//! Which of a result's settings is the best.

use super::ranking::{Measure, Ranked, Ranking};
use super::{ExperimentResult, Track};
use crate::verdict::estimate::Estimate;

/// The tracks of a result from the best on, by the mean of a measure over seeds. A track with a run that diverged comes after
/// all that have none: its mean is over the seeds that were lucky.
pub fn rank(result: &ExperimentResult, by: Measure) -> Ranking {
    let ranked = |track: Track<'_>| {
        let values = match by {
            Measure::ValidationError => result.final_validation_errors(track),
            Measure::ValidationLoss => result.final_validation_losses(track),
            Measure::TrainLoss => result.last_train_losses(track),
        };
        let Estimate { n, mean, error } = Estimate::of(&values.into_values().collect::<Vec<_>>());
        let finite = |number: f64| number.is_finite().then_some(number);
        Ranked {
            method: track.to_string(),
            mean: finite(mean),
            standard_error: finite(error),
            seeds: n,
            diverged: result.diverged_seeds(track.method).len(),
        }
    };
    let mut settings: Vec<Ranked> = result.tracks().into_iter().map(ranked).collect();
    let mean = |ranked: &Ranked| ranked.mean.unwrap_or(f64::INFINITY);
    settings.sort_by(|a, b| (a.diverged > 0).cmp(&(b.diverged > 0)).then(mean(a).total_cmp(&mean(b))));
    Ranking { by, settings }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::{Divergence, made_up};

    fn names(ranking: &Ranking) -> Vec<&str> {
        ranking.settings.iter().map(|row| row.method.as_str()).collect()
    }

    /// Three settings whose test errors, errors on what is held out and training losses each put them in another order.
    fn result() -> ExperimentResult {
        let mut result = made_up::final_errors(&[("a", &[20.0, 22.0]), ("b", &[10.0, 12.0]), ("c", &[1.0, 2.0])]);
        for row in &mut result.epochs {
            row.validation_error = Some(100.0 - row.test_error);
            row.validation_loss = Some(if row.method == "b" { 0.5 } else { 1.5 });
            row.train_loss = if row.method == "c" { 0.1 } else { row.test_error };
        }
        result
    }

    #[test]
    fn each_measure_has_its_own_order() {
        let result = result();
        let by_error = rank(&result, Measure::ValidationError);
        assert_eq!(names(&by_error), ["a", "b", "c"]);
        let first = by_error.best().unwrap();
        assert_eq!((first.mean, first.standard_error, first.seeds), (Some(79.0), Some(1.0), 2));
        assert_eq!(names(&rank(&result, Measure::ValidationLoss))[0], "b");
        assert_eq!(names(&rank(&result, Measure::TrainLoss)), ["c", "b", "a"]);
        let text = serde_json::to_string(&by_error).unwrap();
        assert!(text.contains(Measure::ValidationError.name()));
        assert_eq!(serde_json::from_str::<Ranking>(&text).unwrap(), by_error);
    }

    #[test]
    fn a_setting_that_diverged_with_a_seed_is_not_the_best() {
        let mut result = result();
        result.diverged.push(Divergence { method: "a".into(), seed: 1, epoch: 250 });
        let ranking = rank(&result, Measure::ValidationError);
        assert_eq!(names(&ranking), ["b", "c", "a"]);
        assert_eq!((ranking.settings[2].seeds, ranking.settings[2].diverged), (1, 1));
        for method in ["b", "c"] {
            result.diverged.push(Divergence { method: method.into(), seed: 0, epoch: 1 });
        }
        assert_eq!(rank(&result, Measure::ValidationError).best(), None);
    }
}
