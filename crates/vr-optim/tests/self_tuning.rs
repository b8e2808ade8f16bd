//! Laws of self-tuning SVRG: its two ends, what it learns, and what its switch costs.

mod in_order;
mod quadratic;

use in_order::InOrder;
use quadratic::{Minibatch, Quadratic};
use serde::Deserialize;
use vr_core::state::Value;
use vr_core::vector::squared_distance;
use vr_core::{FlatVector, State};
use vr_optim::conformance::problem::{Loss, Regression, Samples, start};
use vr_optim::estimators::self_tuning::coefficient::{CoefficientRule, Estimation};
use vr_optim::estimators::self_tuning::switch::{ByCost, SwitchRule};
use vr_optim::{
    Estimator, EstimatorConfig, Locking, MegaBatch, MegaBatchConfig, MegaBatchSize, RuleConfig, SelfTuning,
    SelfTuningConfig, Sgd, SgdMomentumConfig, SnapshotGradients, StepDecay, Svrg, SvrgConfig, Training,
};

type Run = Training<Regression, Samples>;

const BOTH: [SnapshotGradients; 2] = [SnapshotGradients::Stored, SnapshotGradients::Recomputed];
/// Minibatches of a plan.
const M: u32 = 40;
const EPOCH: u64 = M as u64;

/// Momentum on a logistic regression whose transforms jitter, at a rate that is multiplied by `factor` from epoch 8 on.
fn run(estimator: impl Estimator<f64> + 'static, locking: Locking, factor: f64) -> Run {
    let samples = Samples { jitter: 0.3, minibatches: M };
    Training::new(Regression::new(Loss::Logistic), samples, start(), estimator)
        .unwrap()
        .with_locking(locking)
        .with_schedule(StepDecay { base: 0.02, factor, drops: vec![8 * EPOCH] })
}

fn fixed(alpha: f64, gradients: SnapshotGradients, switch: SwitchRule) -> SelfTuningConfig {
    SelfTuningConfig { coefficient: CoefficientRule::Fixed(alpha), switch, gradients, ..SelfTuningConfig::default() }
}

fn estimated(gradients: SnapshotGradients, switch: SwitchRule) -> SelfTuningConfig {
    SelfTuningConfig { switch, gradients, ..SelfTuningConfig::default() }
}

fn bits(run: &Run) -> Vec<u64> {
    run.iterate().iter().map(|x| x.to_bits()).collect()
}

fn assert_same_course(mut a: Run, mut b: Run, steps: u64, what: &str) {
    for step in 0..steps {
        a.step().unwrap();
        b.step().unwrap();
        assert_eq!(bits(&a), bits(&b), "{what}, step {step}");
    }
    assert_eq!(a.counts().training(), b.counts().training(), "{what}");
}

#[test]
fn at_its_ends_it_is_sgd_and_svrg_and_scsg_to_the_bit() {
    let never = SwitchRule::Never;
    for locking in [Locking::Locked, Locking::Unlocked] {
        for gradients in BOTH {
            let tuned = |alpha| run(SelfTuning::new(fixed(alpha, gradients, never)), locking, 1.0);
            let what = format!("{locking:?}, {gradients:?}");
            let svrg = Svrg::new(SvrgConfig { gradients, ..SvrgConfig::default() });
            assert_same_course(tuned(1.0), run(svrg, locking, 1.0), 3 * EPOCH + 2, &what);
            let (mut zero, mut sgd) = (tuned(0.0), run(Sgd::new(), locking, 1.0));
            for _ in 0..2 * EPOCH {
                zero.step().unwrap();
                sgd.step().unwrap();
            }
            assert_eq!(bits(&zero), bits(&sgd), "{what}");
            let config = SelfTuningConfig { mega_batch: Some(10), ..fixed(1.0, gradients, never) };
            let scsg =
                MegaBatchConfig { size: MegaBatchSize::Constant(10), gradients, ..MegaBatchConfig::scsg_released() };
            let (tuned, scsg) = (SelfTuning::new(config), MegaBatch::new(scsg));
            assert_same_course(run(tuned, locking, 1.0), run(scsg, locking, 1.0), 2 * EPOCH + 3, &what);
        }
    }
}

/// Where a coefficient of the wrong sign makes the variance larger, every trial says no.
#[test]
fn what_never_pays_is_sgd_to_the_bit_and_costs_no_more_than_its_trials() {
    for gradients in BOTH {
        for (share, mega_batch) in [(0.05, None), (0.1, None), (0.5, Some(10)), (0.0, None)] {
            let switch = SwitchRule::ByCost(ByCost { share, longest_pause: 2, ..ByCost::default() });
            let config = SelfTuningConfig { mega_batch, ..fixed(-1.0, gradients, switch) };
            let mut wrong = run(SelfTuning::new(config), Locking::Locked, 1.0);
            let mut sgd = run(Sgd::new(), Locking::Locked, 1.0);
            let (mut steps, mut trials) = (0, 0);
            while steps < 60 * EPOCH {
                let mut windows = 0..;
                let progress = wrong.step_until(|| windows.next() >= Some(1)).unwrap();
                steps += u64::from(progress.is_some());
                let all = wrong.counts().training().minibatches;
                trials = all - steps;
                assert!(trials as f64 <= share * all as f64, "{share}: {trials} of {all} in step {steps}");
                if progress.is_some() {
                    sgd.step().unwrap();
                    assert_eq!(bits(&wrong), bits(&sgd), "{gradients:?}, {share}, step {steps}");
                }
            }
            assert_eq!(trials > 0, share > 0.0, "{gradients:?}, {share}");
        }
    }
}

/// From a state of `run` on, as SGD would go on from it.
fn sgd_from(run: &Run, locking: Locking, factor: f64) -> Run {
    let mut state = State::new();
    for (name, value) in run.save().unwrap().iter().filter(|(name, _)| !name.starts_with("estimator")) {
        state.insert(name, value.clone());
    }
    state.insert("estimator.sgd.step", Value::Integer(run.steps()));
    state.insert("estimator.sgd.ready", Value::Integer(0));
    let mut sgd = self::run(Sgd::new(), locking, factor);
    sgd.restore(&state).unwrap();
    sgd
}

/// At a rate that suits it, it pays; at thirty times that it no longer does.
#[test]
fn it_goes_on_where_it_pays_and_is_sgd_to_the_bit_once_it_is_off() {
    for gradients in BOTH {
        for coefficient in [CoefficientRule::Fixed(1.0), CoefficientRule::default()] {
            let switch = SwitchRule::ByCost(ByCost { share: 0.2, longest_pause: 64, ..ByCost::default() });
            let config = SelfTuningConfig { coefficient, ..estimated(gradients, switch) };
            let mut tuning = run(SelfTuning::new(config), Locking::Locked, 30.0);
            let reduces = |run: &Run| run.estimator().since_snapshot().is_some();
            let mut on = 0;
            for _ in 0..8 * EPOCH {
                tuning.step().unwrap();
                on += u64::from(reduces(&tuning));
            }
            assert!(on >= 4 * EPOCH, "{gradients:?}, {coefficient:?}: on in {on} steps");
            let mut epochs = 0;
            while reduces(&tuning) {
                epochs += 1;
                assert!(epochs < 20, "{gradients:?}, {coefficient:?}: it stays on");
                (0..EPOCH).for_each(|_| _ = tuning.step().unwrap());
                tuning.prepare().unwrap();
            }
            let mut sgd = sgd_from(&tuning, Locking::Locked, 30.0);
            for step in 0..2 * EPOCH {
                tuning.step().unwrap();
                sgd.step().unwrap();
                assert_eq!(bits(&tuning), bits(&sgd), "{gradients:?}, {coefficient:?}, step {step}");
            }
        }
    }
}

/// In the first epoch, with a small share of SGD's variance at a low rate and as much at a high one: the estimate leaves less of it than
/// SVRG does, and never more than SGD has.
#[test]
fn the_estimate_leaves_less_variance_than_svrg_and_no_more_than_sgd() {
    for (rate, share_of_svrg) in [(0.02, 0.5), (0.1, 0.8), (0.3, 0.7), (1.0, 1.05), (3.0, 1.05)] {
        let ratio = |coefficient| {
            let config = SelfTuningConfig { coefficient, ..estimated(SnapshotGradients::Stored, SwitchRule::Never) };
            let mut run = run(SelfTuning::new(config), Locking::Locked, 1.0).with_schedule(StepDecay::constant(rate));
            let (mut found, mut sgd) = (0.0, 0.0);
            for _ in 0..EPOCH {
                run.step().unwrap();
                let total = run.variance().unwrap().total;
                found += total.estimator_variance;
                sgd += total.sgd_variance;
            }
            found / sgd
        };
        let (svrg, tuned) = (ratio(CoefficientRule::Fixed(1.0)), ratio(CoefficientRule::default()));
        assert!(tuned < share_of_svrg * svrg && tuned < 1.05, "rate {rate}: {tuned} where SVRG has {svrg}");
    }
}

const PLAIN: SgdMomentumConfig = SgdMomentumConfig { momentum: 0.0, weight_decay: 0.0, nesterov: false };

#[derive(Deserialize)]
struct Fixture {
    minibatches: Vec<Minibatch>,
    start: Vec<f64>,
    rate: f64,
    factor: f64,
    rise: u64,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    estimator: EstimatorConfig<f64>,
    /// What is done in each plan: plain steps, a trial, or steps of reduced variance.
    phases: String,
    iterates: Vec<Vec<f64>>,
}

/// `tests/pytorch/self_tuning.py` wrote the law out.
#[test]
fn it_follows_its_law() {
    let fixture: Fixture = serde_json::from_str(include_str!("pytorch/self_tuning.json")).unwrap();
    let m = fixture.minibatches.len();
    assert_eq!(fixture.cases.len(), 7);
    for case in fixture.cases {
        let source = InOrder(fixture.minibatches.clone());
        let mut run =
            Training::new(Quadratic::new(), source, FlatVector::from(fixture.start.clone()), case.estimator.build())
                .unwrap()
                .with_rule(RuleConfig::SgdMomentum(PLAIN).build())
                .with_schedule(StepDecay { base: fixture.rate, factor: fixture.factor, drops: vec![fixture.rise] });
        for (step, expected) in case.iterates.iter().enumerate() {
            run.step().unwrap();
            let reduces = case.phases.as_bytes()[step / m] == b'#';
            assert_eq!(run.estimator().since_snapshot().is_some(), reduces, "{:?}, step {step}", case.estimator);
            let error = squared_distance(run.iterate(), expected).sqrt();
            let scale = expected.iter().fold(1.0_f64, |most, x| most.max(x.abs()));
            assert!(error < 1e-9 * scale, "{:?}, step {step}: {error}", case.estimator);
        }
    }
}

#[test]
fn a_table_has_the_rows_of_a_snapshot_or_of_a_trial() {
    let rows = |config: SelfTuningConfig| EstimatorConfig::<f64>::SelfTuning(config).table(391).map(|(_, rows)| rows);
    let stored = estimated(SnapshotGradients::Stored, SwitchRule::default());
    assert_eq!(rows(stored.clone()), Some(391));
    // A twentieth of the plan.
    assert_eq!(rows(SelfTuningConfig { mega_batch: Some(10), ..stored.clone() }), Some(19));
    assert_eq!(rows(SelfTuningConfig { mega_batch: Some(10), switch: SwitchRule::Never, ..stored }), Some(10));
    assert_eq!(rows(estimated(SnapshotGradients::Recomputed, SwitchRule::default())), None);
}

#[test]
fn options_out_of_their_bounds_are_named() {
    let by_cost = |change: fn(&mut ByCost)| {
        let mut by_cost = ByCost::default();
        change(&mut by_cost);
        SelfTuningConfig { switch: SwitchRule::ByCost(by_cost), ..SelfTuningConfig::default() }
    };
    let estimation = |change: fn(&mut Estimation)| {
        let mut estimation = Estimation::default();
        change(&mut estimation);
        SelfTuningConfig { coefficient: CoefficientRule::Estimated(estimation), ..SelfTuningConfig::default() }
    };
    for (config, key) in [
        (SelfTuningConfig { mega_batch: Some(0), ..SelfTuningConfig::default() }, "mega-batch"),
        (fixed(f64::NAN, SnapshotGradients::Stored, SwitchRule::Never), "coefficient.fixed"),
        (estimation(|of| of.window = 0), "coefficient.estimated.window"),
        (estimation(|of| of.caution = -0.5), "coefficient.estimated.caution"),
        (estimation(|of| of.most = 0.0), "coefficient.estimated.most"),
        (by_cost(|of| of.share = 1.5), "switch.by-cost.share"),
        (by_cost(|of| of.trial = Some(1)), "switch.by-cost.trial"),
        (by_cost(|of| of.patience = 0), "switch.by-cost.patience"),
        (by_cost(|of| of.longest_pause = 0), "switch.by-cost.longest-pause"),
    ] {
        let fault = EstimatorConfig::<f64>::SelfTuning(config).check().unwrap_err();
        assert_eq!(fault.key, format!("self-tuning.{key}"), "{fault}");
    }
}
