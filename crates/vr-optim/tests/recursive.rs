//! Laws of the methods that go on from the previous iterate: SARAH, PAGE, ZeroSARAH, STORM and MARS.

mod in_order;
mod quadratic;

use in_order::InOrder;
use quadratic::{Minibatch, Quadratic};
use serde::Deserialize;
use vr_core::FlatVector;
use vr_core::vector::squared_distance;
use vr_optim::conformance::problem::{Loss, M, Regression, Samples, start};
use vr_optim::estimators::mars::{Difference, Mars, MarsConfig};
use vr_optim::estimators::page::{Page, PageConfig};
use vr_optim::estimators::sarah::{Sarah, SarahConfig};
use vr_optim::estimators::storm::{Storm, StormConfig, Weight};
use vr_optim::{
    Estimator, EstimatorConfig, RuleConfig, Sgd, SgdMomentumConfig, StepDecay, Training, ZeroSarah, ZeroSarahConfig,
};

type Run = Training<Regression, Samples>;

/// Plain steps on a logistic regression, whose transforms jitter where that is asked for.
fn run(estimator: impl Estimator<f64> + 'static, jitter: f64) -> Run {
    Training::new(Regression::new(Loss::Logistic), Samples::with_jitter(jitter), start(), estimator)
        .unwrap()
        .with_rule(RuleConfig::SgdMomentum(PLAIN).build())
        .with_schedule(StepDecay::constant(0.1))
}

const PLAIN: SgdMomentumConfig = SgdMomentumConfig { momentum: 0.0, weight_decay: 0.0, nesterov: false };

fn storm(a: f64) -> Storm<f64> {
    Storm::new(StormConfig { weight: Weight::Constant(a) })
}

/// Enumerated over the minibatches, the bias of a step is the error of the step before, as far as it is kept.
#[test]
fn the_bias_is_the_old_error() {
    type Make = fn() -> Box<dyn Estimator<f64>>;
    let methods: [(Make, f64); 4] = [
        (|| Box::new(Sarah::new(SarahConfig { interval: Some(3 * u64::from(M)) })), 1.0),
        (|| Box::new(Page::new(PageConfig { probability: Some(1e-9), seed: 0 })), 1.0),
        (|| Box::new(storm(0.4)), 0.6),
        (|| Box::new(ZeroSarah::new(ZeroSarahConfig { lambda: Some(0.25), ..ZeroSarahConfig::default() })), 0.75),
    ];
    for (make, keep) in methods {
        let mut run = run(make(), 0.0);
        let mut biased = 0;
        for step in 0..2 * M {
            run.prepare().unwrap();
            let full = run.full_gradient().unwrap();
            run.step().unwrap();
            let error = squared_distance(run.direction().unwrap(), &full);
            // At the next iterate, before the next step.
            let total = run.variance().unwrap().total;
            let expected = keep * keep * error;
            assert!((total.squared_bias - expected).abs() < 1e-14, "step {step}: {total:?}, {expected}");
            biased += u32::from(expected > 1e-6);
        }
        assert!(biased > M, "the error is hardly ever there");
    }
}

#[test]
fn a_restart_at_every_step_is_the_full_gradient() {
    let estimators: [Box<dyn Estimator<f64>>; 2] = [
        Box::new(Sarah::new(SarahConfig { interval: Some(1) })),
        Box::new(Page::new(PageConfig { probability: Some(1.0), seed: 0 })),
    ];
    for estimator in estimators {
        let mut run = run(estimator, 0.3);
        for _ in 0..2 * M {
            run.prepare().unwrap();
            let survey = run.survey().unwrap();
            assert_eq!(survey.variance.total.estimator_variance, 0.0);
            assert!(survey.variance.total.squared_bias < 1e-28);
            run.step().unwrap();
            assert_eq!(run.direction().unwrap(), &survey.full_gradient);
        }
    }
}

#[test]
fn full_gradients_come_as_often_as_the_coin_says() {
    let (steps, p) = (4_000, 0.2);
    let mut run = run(Page::new(PageConfig { probability: Some(p), seed: 5 }), 0.0);
    (0..steps).for_each(|_| _ = run.step().unwrap());
    let passes = (run.counts().snapshot.minibatches / u64::from(M)) as f64;
    let tosses = f64::from(steps - 1);
    let deviations = (passes - 1.0 - tosses * p) / (tosses * p * (1.0 - p)).sqrt();
    assert!(deviations.abs() < 4.0, "{passes} full gradients in {steps} steps");
}

fn course(estimator: impl Estimator<f64> + 'static) -> FlatVector<f64> {
    let mut run = run(estimator, 0.3);
    (0..3 * M).for_each(|_| _ = run.step().unwrap());
    run.iterate().clone()
}

#[test]
fn at_their_ends_they_are_sgd_to_the_bit() {
    let sgd = course(Sgd::new());
    assert_eq!(course(storm(1.0)), sgd);
    let none = MarsConfig { gamma: 0.0, clip: false, ..MarsConfig::default() };
    for difference in [Difference::Exact, Difference::Approximate] {
        assert_eq!(course(Mars::new(MarsConfig { difference, ..none })), sgd);
    }
    assert_ne!(course(storm(0.9)), sgd);
}

#[derive(Deserialize)]
struct Fixture {
    minibatches: Vec<Minibatch>,
    start: Vec<f64>,
    rate: f64,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    estimator: EstimatorConfig<f64>,
    iterates: Vec<Vec<f64>>,
}

/// `tests/pytorch/recursive.py` wrote the papers' equations out.
#[test]
fn they_follow_their_papers() {
    let fixture: Fixture = serde_json::from_str(include_str!("pytorch/recursive.json")).unwrap();
    assert_eq!(fixture.cases.len(), 9);
    for case in fixture.cases {
        let source = InOrder(fixture.minibatches.clone());
        let mut run =
            Training::new(Quadratic::new(), source, FlatVector::from(fixture.start.clone()), case.estimator.build())
                .unwrap()
                .with_rule(RuleConfig::SgdMomentum(PLAIN).build())
                .with_schedule(StepDecay::constant(fixture.rate));
        for (step, expected) in case.iterates.iter().enumerate() {
            run.step().unwrap();
            let error = squared_distance(run.iterate(), expected).sqrt();
            assert!(error < 1e-13, "{:?}, step {step}: {error}", case.estimator);
        }
    }
}

#[test]
fn options_out_of_their_bounds_are_named() {
    let refused = |estimator: Box<dyn Estimator<f64>>| {
        let oracle = Regression::new(Loss::Logistic);
        Training::new(oracle, Samples::with_jitter(0.0), start(), estimator).err().unwrap().to_string()
    };
    let adaptive = Weight::Adaptive { c: 1.0, k: 1.0, w: 0.0 };
    for (estimator, key) in [
        (EstimatorConfig::Sarah(SarahConfig { interval: Some(0) }), "`interval`"),
        (EstimatorConfig::Page(PageConfig { probability: Some(0.0), seed: 0 }), "`probability`"),
        (EstimatorConfig::ZeroSarah(ZeroSarahConfig { lambda: Some(0.0), ..ZeroSarahConfig::default() }), "`lambda`"),
        (EstimatorConfig::Storm(StormConfig { weight: Weight::Constant(1.5) }), "`weight.constant`"),
        (EstimatorConfig::Storm(StormConfig { weight: adaptive }), "`weight.adaptive.w`"),
        (EstimatorConfig::Mars(MarsConfig { beta: 1.0, ..MarsConfig::default() }), "`beta`"),
    ] {
        let said = refused(estimator.build());
        assert!(said.contains(estimator.key()) && said.contains(key), "{said}");
    }
}
