//! A run goes on from a saved state to the bit, whenever it was taken, and from no other's.

mod toy;

use toy::{ByHand, Drawn, M, Toy, bits, training};
use vr_core::state::Value;
use vr_core::{State, StateError};
use vr_optim::{
    AdamWConfig, EstimatorConfig, EstimatorError, InnerSteps, Locking, MegaBatchConfig, MegaBatchSize, NormPolicy,
    NormRule, RuleConfig, SagaConfig, SnapshotGradients, SnapshotRule, SvrgConfig, Training,
};

const AVERAGE: SnapshotRule = SnapshotRule::MovingAverage { keep: 0.9 };

fn estimators() -> Vec<EstimatorConfig<f64>> {
    let stored = || SvrgConfig { gradients: SnapshotGradients::Stored, ..SvrgConfig::default() };
    let mega = |inner, size| MegaBatchConfig { inner, size, ..MegaBatchConfig::scsg_released() };
    let growing = MegaBatchSize::Growing { first: 1, factor: 1.5, most: 4 };
    vec![
        EstimatorConfig::Sgd,
        EstimatorConfig::Svrg(SvrgConfig::default()),
        EstimatorConfig::Svrg(stored()),
        EstimatorConfig::Svrg(SvrgConfig { snapshot: AVERAGE, interval: Some(2), ..stored() }),
        EstimatorConfig::Svrg(SvrgConfig { snapshot: AVERAGE, start: 3, ..SvrgConfig::default() }),
        EstimatorConfig::Svrg(SvrgConfig { interval: Some(7), snapshot_norm: NormRule::Frozen, ..stored() }),
        EstimatorConfig::Svrg(SvrgConfig { snapshot_norm: NormRule::Current, ..stored() }),
        EstimatorConfig::MegaBatch(mega(InnerSteps::Matching, MegaBatchSize::Constant(2))),
        EstimatorConfig::MegaBatch(mega(InnerSteps::Fixed(3), growing)),
        EstimatorConfig::MegaBatch(MegaBatchConfig::streaming(growing)),
        EstimatorConfig::MegaBatch(MegaBatchConfig::scsg_published(5)),
        EstimatorConfig::Saga(SagaConfig { weight: 0.5, ..SagaConfig::default() }),
    ]
}

fn run(estimator: &EstimatorConfig<f64>, rule: RuleConfig, locking: Locking) -> Training<Toy, Drawn> {
    training(estimator.build(), locking)
        .with_rule(rule.build())
        .with_norm_policies(&[NormPolicy::Naive, NormPolicy::Reset])
}

/// A new run that goes on from what `old` saves; saved again at once, the state is the same.
fn resumed(
    old: &Training<Toy, Drawn>,
    estimator: &EstimatorConfig<f64>,
    rule: RuleConfig,
    locking: Locking,
) -> Training<Toy, Drawn> {
    let state = old.save().unwrap();
    let mut new = run(estimator, rule, locking);
    new.restore(&state).unwrap();
    assert_eq!(new.save().unwrap(), state);
    new
}

/// Stops at the n-th question whether to stop, for every n, and before every step.
#[test]
fn wherever_a_run_is_left_it_ends_as_one_that_never_was() {
    let steps = 2 * M as u64 + 3;
    let adamw = RuleConfig::AdamW(AdamWConfig { beta1: 0.9, beta2: 0.99, epsilon: 1e-8, weight_decay: 0.01 });
    for estimator in estimators() {
        for (rule, locking) in [(RuleConfig::default(), Locking::Unlocked), (adamw, Locking::Locked)] {
            let mut whole = run(&estimator, rule, locking);
            let mut questions = 0;
            while whole.steps() < steps {
                let ask = || {
                    questions += 1;
                    false
                };
                whole.step_until(ask).unwrap();
            }
            let end = whole.save().unwrap();
            for stop in 0..questions + steps {
                let mut left = run(&estimator, rule, locking);
                let mut asked = 0;
                while left.steps() < steps {
                    let ask = || {
                        asked += 1;
                        asked == stop + 1
                    };
                    let stopped = left.step_until(ask).unwrap().is_none();
                    if stopped || left.steps() + questions == stop {
                        left = resumed(&left, &estimator, rule, locking);
                    }
                }
                assert_eq!(left.save().unwrap(), end, "{estimator:?} {rule:?} {locking:?} left at {stop}");
                assert_eq!(bits(left.iterate()), bits(whole.iterate()));
                assert_eq!(left.tracks(), whole.tracks());
                assert_eq!(left.counts().training(), whole.counts().training());
            }
        }
    }
}

/// A new estimator by hand that goes on from the old one's state, with the state.
fn by_hand_again(old: &ByHand, config: &EstimatorConfig<f64>) -> (ByHand, State) {
    let mut state = State::new();
    old.estimator.save(&mut state.writer("estimator")).unwrap();
    let mut new = ByHand::new(config.build());
    new.estimator.restore(&state.reader("estimator")).unwrap();
    (new.x, new.steps) = (old.x.clone(), old.steps);
    (new, state)
}

/// The same for every single answer, x̃'s within a step included.
#[test]
fn an_estimator_may_be_left_after_any_answer() {
    let steps = 2 * M + 3;
    for config in estimators() {
        let mut whole = ByHand::new(config.build());
        let answers = whole.drive(steps, usize::MAX);
        for stop in 0..answers {
            let mut old = ByHand::new(config.build());
            old.drive(steps, stop);
            let (mut new, state) = by_hand_again(&old, &config);
            let mut again = State::new();
            new.estimator.save(&mut again.writer("estimator")).unwrap();
            assert_eq!(again, state, "{config:?} left at {stop}");
            new.drive(steps, usize::MAX);
            assert_eq!(bits(&new.x), bits(&whole.x), "{config:?} left at {stop}");
        }
    }
}

#[test]
fn measurements_after_a_resumption_are_those_of_before() {
    for estimator in estimators() {
        for locking in [Locking::Locked, Locking::Unlocked] {
            let mut old = run(&estimator, RuleConfig::default(), locking);
            for _ in 0..2 * M {
                old.step().unwrap();
                let mut new = resumed(&old, &estimator, RuleConfig::default(), locking);
                assert_eq!(new.direction(), old.direction());
                assert_eq!(new.survey().unwrap(), old.survey().unwrap(), "{estimator:?}");
            }
        }
    }
}

/// An epoch's end is where most checkpoints are taken: the old table is not filled for nothing. Within
/// a pass only the rows that it had are.
#[test]
fn no_row_is_evaluated_again_for_nothing() {
    let estimator = EstimatorConfig::Svrg(SvrgConfig { gradients: SnapshotGradients::Stored, ..SvrgConfig::default() });
    for (steps, restored) in [(M, 0), (M + 1, M as u64)] {
        let mut old = run(&estimator, RuleConfig::default(), Locking::Locked);
        for _ in 0..steps {
            old.step().unwrap();
        }
        let mut new = resumed(&old, &estimator, RuleConfig::default(), Locking::Locked);
        new.step().unwrap();
        assert_eq!(new.counts().restore.minibatches, restored);
    }
    for rows in 0..=M {
        let mut old = ByHand::new(estimator.build());
        old.drive(1, rows);
        let missing = by_hand_again(&old, &estimator).0.estimator.missing();
        assert_eq!(missing.iter().map(|r| r.index as usize).collect::<Vec<_>>(), (0..rows).collect::<Vec<_>>());
    }
}

fn saved() -> (EstimatorConfig<f64>, State) {
    let estimator = EstimatorConfig::Svrg(SvrgConfig { snapshot: AVERAGE, ..SvrgConfig::default() });
    let mut run = run(&estimator, RuleConfig::default(), Locking::Locked);
    for _ in 0..M + 2 {
        run.step().unwrap();
    }
    (estimator, run.save().unwrap())
}

/// The value at fault when a run of that estimator and rule restores the state.
fn refused(estimator: &EstimatorConfig<f64>, rule: RuleConfig, state: &State) -> String {
    match run(estimator, rule, Locking::Locked).restore(state) {
        Err(EstimatorError::State(
            StateError::Missing { name, .. }
            | StateError::Kind { name, .. }
            | StateError::Len { name, .. }
            | StateError::Value { name, .. },
        )) => name,
        other => panic!("{other:?}"),
    }
}

/// The state with one value replaced, or taken out.
fn changed(state: &State, at: &str, to: Option<Value>) -> State {
    let mut changed = State::new();
    for (name, value) in state.iter().filter(|(name, _)| *name != at) {
        changed.insert(name, value.clone());
    }
    if let Some(value) = to {
        changed.insert(at, value);
    }
    changed
}

#[test]
fn every_value_is_needed_and_named_when_it_does_not_fit() {
    let (estimator, state) = saved();
    for (name, value) in state.iter() {
        let longer = match value {
            Value::F64(x) => Value::F64([&x[..], &[0.0]].concat()),
            Value::F32(_) | Value::Integer(_) => Value::F32(vec![0.0]),
        };
        for to in [None, Some(longer)] {
            assert_eq!(refused(&estimator, RuleConfig::default(), &changed(&state, name, to)), name);
        }
    }
}

#[test]
fn states_of_other_runs_are_refused() {
    let (estimator, state) = saved();
    let stored = EstimatorConfig::Svrg(SvrgConfig { gradients: SnapshotGradients::Stored, ..SvrgConfig::default() });
    assert!(refused(&stored, RuleConfig::default(), &state).starts_with("estimator.svrg-stored."));
    let scsg = EstimatorConfig::MegaBatch(MegaBatchConfig::scsg_released());
    assert!(refused(&scsg, RuleConfig::default(), &state).starts_with("estimator.scsg."));
    let adamw = RuleConfig::AdamW(AdamWConfig { beta1: 0.9, beta2: 0.99, epsilon: 1e-8, weight_decay: 0.01 });
    assert!(refused(&estimator, adamw, &state).starts_with("rule.adamw."));
    let fewer = changed(&state, "training.minibatches", Some(Value::Integer(4)));
    assert_eq!(refused(&estimator, RuleConfig::default(), &fewer), "training.minibatches");
    // A sum over other gradients than those of the pass so far.
    let mut pass = ByHand::new(estimator.build());
    pass.drive(1, 2);
    let mut state = State::new();
    pass.estimator.save(&mut state.writer("estimator")).unwrap();
    let state = changed(&state, "estimator.sum.count", Some(Value::Integer(3)));
    let mut other = ByHand::new(estimator.build());
    let error = other.estimator.restore(&state.reader("estimator")).unwrap_err().to_string();
    assert_eq!(error, "`estimator.sum.count` of the state is 3; expected 2");
    // A mega-batch larger than the table of this configuration.
    let scsg = |size| {
        let size = MegaBatchSize::Constant(size);
        EstimatorConfig::MegaBatch(MegaBatchConfig { size, ..MegaBatchConfig::scsg_released() })
    };
    let mut large = run(&scsg(4), RuleConfig::default(), Locking::Locked);
    large.step().unwrap();
    assert_eq!(refused(&scsg(2), RuleConfig::default(), &large.save().unwrap()), "estimator.scsg.end");
}

/// Whatever integers stand in a state, it is refused or the run goes on: no panic.
#[test]
fn odd_integers_do_no_harm() {
    for estimator in estimators() {
        let mut whole = run(&estimator, RuleConfig::default(), Locking::Locked);
        for _ in 0..M + 2 {
            whole.step().unwrap();
        }
        let state = whole.save().unwrap();
        for (name, _) in state.iter().filter(|(_, value)| matches!(value, Value::Integer(_))) {
            for integer in [0, 1, 2, 3, 4, 5, 6, 7, 100, u64::from(u32::MAX)] {
                let mut run = run(&estimator, RuleConfig::default(), Locking::Locked);
                if run.restore(&changed(&state, name, Some(Value::Integer(integer)))).is_ok() {
                    for _ in 0..M + 2 {
                        let _ = run.step();
                    }
                    let _ = run.variance();
                }
            }
        }
    }
}

/// A method that is SGD at first goes on from SGD's own run to the bit, and from no place where it would not be SGD.
#[test]
fn a_late_method_goes_on_from_sgd() {
    let late = |start| SvrgConfig { start, ..SvrgConfig::default() };
    let m = M as u64;
    let after = |estimator: &EstimatorConfig<f64>, steps: u64| {
        let mut run = run(estimator, RuleConfig::default(), Locking::Locked);
        for _ in 0..steps {
            run.step().unwrap();
        }
        run
    };
    let follow = |estimator: &EstimatorConfig<f64>, steps: u64| {
        let state = after(&EstimatorConfig::Sgd, steps).save().unwrap();
        let mut follower = run(estimator, RuleConfig::default(), Locking::Locked);
        follower.follow_sgd(&state).map(|()| follower)
    };
    for start in [2 * m, 2 * m + 1] {
        let estimator = EstimatorConfig::Svrg(late(start));
        for epochs in [1, 2] {
            let mut follower = follow(&estimator, epochs * m).unwrap();
            for _ in epochs * m..4 * m + 1 {
                follower.step().unwrap();
            }
            let whole = after(&estimator, 4 * m + 1);
            assert_eq!(follower.save().unwrap(), whole.save().unwrap(), "from step {start}, SGD's to {epochs}");
        }
    }
    let average = SvrgConfig { snapshot: AVERAGE, ..late(2 * m) };
    for (estimator, steps) in [
        (EstimatorConfig::Svrg(late(m)), 2 * m),
        (EstimatorConfig::Svrg(late(2 * m)), m + 1),
        (EstimatorConfig::Svrg(average), m),
        (EstimatorConfig::Saga(SagaConfig::default()), m),
    ] {
        let error = follow(&estimator, steps).err().unwrap().to_string();
        assert!(error.contains("`training.step`") && error.contains("plain SGD"), "{error}");
    }
}
