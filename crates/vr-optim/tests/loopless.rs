//! Laws of loopless SVRG: its coin, and the two ends of its probability.

use vr_optim::conformance::problem::{Loss, M, Regression, Samples, start};
use vr_optim::{LooplessConfig, LooplessSvrg, StepDecay, Training};

fn run(config: LooplessConfig) -> Training<Regression, Samples> {
    let oracle = Regression::new(Loss::Logistic);
    Training::new(oracle, Samples::with_jitter(0.1), start(), LooplessSvrg::new(config))
        .unwrap()
        .with_schedule(StepDecay::constant(0.05))
}

/// Steps since the last snapshot, before each of so many steps.
fn ages(config: LooplessConfig, steps: usize) -> Vec<u64> {
    let mut run = run(config);
    let mut age = || {
        run.prepare().unwrap();
        let age = run.estimator().since_snapshot().unwrap();
        run.step().unwrap();
        age
    };
    (0..steps).map(|_| age()).collect()
}

#[test]
fn a_snapshot_before_every_step_is_the_full_gradient() {
    let mut run = run(LooplessConfig { probability: Some(1.0), seed: 0 });
    for _ in 0..2 * M {
        run.prepare().unwrap();
        let survey = run.survey().unwrap();
        assert_eq!((survey.variance.total.estimator_variance, survey.geometry.unwrap().distance), (0.0, 0.0));
        run.step().unwrap();
        assert_eq!(run.direction().unwrap(), &survey.full_gradient);
    }
}

#[test]
fn snapshots_come_as_often_as_the_coin_says() {
    let steps = 6_000;
    for (probability, p) in [(None, 1.0 / f64::from(M)), (Some(0.05), 0.05), (Some(0.7), 0.7)] {
        let ages = ages(LooplessConfig { probability, seed: 5 }, steps);
        assert_eq!(ages[0], 0, "the first step has a snapshot");
        assert!(ages.windows(2).all(|pair| pair[1] == 0 || pair[1] == pair[0] + 1), "{ages:?}");
        let tosses = (steps - 1) as f64;
        let heads = ages[1..].iter().filter(|&&age| age == 0).count() as f64;
        let deviations = (heads - tosses * p) / (tosses * p * (1.0 - p)).sqrt();
        assert!(deviations.abs() < 4.0, "p = {p}: {heads} snapshots in {tosses} tosses");
        // The coin has no memory: after a snapshot the next one comes at once as often as at any other time.
        let again = ages.windows(2).filter(|pair| pair == &[0, 0]).count() as f64;
        let deviations = (again - heads * p) / (heads * p * (1.0 - p)).sqrt();
        assert!(deviations.abs() < 4.0, "p = {p}: {again} of {heads} snapshots follow another at once");
    }
}

#[test]
fn another_seed_is_another_coin() {
    let ages = |seed| ages(LooplessConfig { probability: None, seed }, 50);
    assert_eq!(ages(1), ages(1));
    assert_ne!(ages(1), ages(2));
}

#[test]
fn a_probability_must_be_one() {
    for probability in [0.0, -0.5, 1.5, f64::NAN] {
        let config = LooplessConfig { probability: Some(probability), seed: 0 };
        let oracle = Regression::new(Loss::Logistic);
        let made = Training::new(oracle, Samples::with_jitter(0.1), start(), LooplessSvrg::new(config));
        let error = made.err().unwrap().to_string();
        assert!(error.contains("l-svrg") && error.contains("`probability`"), "{error}");
    }
}
