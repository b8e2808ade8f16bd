//! The update rules against trajectories of PyTorch, which `tests/pytorch/rules.py` wrote, and of the plain equations of those that
//! PyTorch does not have (`tests/pytorch/lion.py`, `adagrad.py`).

use serde::Deserialize;
use vr_core::{FlatVector, ParameterSpace, State, StateError, TensorOptions};
use vr_optim::RuleConfig;
use vr_optim::rule::Step;

#[derive(Deserialize)]
struct Fixture {
    start: Vec<f64>,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    rule: RuleConfig,
    rates: Vec<f64>,
    gradients: Vec<Vec<f64>>,
    iterates: Vec<Vec<f64>>,
}

impl Case {
    /// Rate, direction and the reference's iterate of each step.
    fn steps(&self) -> impl Iterator<Item = (f64, FlatVector<f64>, &[f64])> {
        let steps = self.rates.iter().zip(&self.gradients).zip(&self.iterates);
        steps.map(|((&rate, gradient), iterate)| (rate, FlatVector::from(gradient.clone()), &iterate[..]))
    }
}

/// The fixtures, all from the same start.
fn fixture() -> Fixture {
    let read = |text| serde_json::from_str::<Fixture>(text).unwrap();
    let mut all = read(include_str!("pytorch/rules.json"));
    for more in [include_str!("pytorch/lion.json"), include_str!("pytorch/adagrad.json")].map(read) {
        assert_eq!(all.start, more.start);
        all.cases.extend(more.cases);
    }
    all
}

fn space() -> ParameterSpace {
    ParameterSpace::new([("a", vec![3]), ("b", vec![2, 2])])
        .unwrap()
        .with_options("b", TensorOptions { learning_rate: 0.5, weight_decay: 0.0 })
        .unwrap()
}

#[test]
fn every_rule_follows_its_reference() {
    let Fixture { start, cases } = fixture();
    assert_eq!(cases.len(), 9);
    for case in cases {
        let mut rule = case.rule.build();
        let mut x = FlatVector::from(start.clone());
        for (step, (rate, gradient, expected)) in case.steps().enumerate() {
            rule.update(&Step::new(&space(), rate, &gradient), &mut x);
            let error = x.iter().zip(expected).map(|(x, e)| (x - e).abs()).fold(0.0, f64::max);
            assert!(error < 1e-12, "{:?}, step {step}: {error}", case.rule);
        }
    }
}

#[test]
fn a_restored_rule_goes_on_to_the_bit() {
    let Fixture { start, cases } = fixture();
    for case in cases {
        for pause in [0, 7] {
            let mut rule = case.rule.build();
            let mut x = FlatVector::from(start.clone());
            for (step, (rate, gradient, _)) in case.steps().enumerate() {
                if step == pause {
                    let mut state = State::new();
                    rule.save(&mut state.writer("rule"));
                    rule = case.rule.build();
                    rule.restore(&state.reader("rule"), x.len()).unwrap();
                }
                rule.update(&Step::new(&space(), rate, &gradient), &mut x);
            }
            let mut plain = case.rule.build();
            let mut y = FlatVector::from(start.clone());
            case.steps().for_each(|(rate, gradient, _)| plain.update(&Step::new(&space(), rate, &gradient), &mut y));
            assert_eq!(x, y, "{:?}, paused before step {pause}", case.rule);
        }
    }
}

#[test]
fn a_state_of_another_rule_or_length_is_refused() {
    let [momentum, _, adamw, ..] = &fixture().cases[..] else { panic!() };
    let (mut momentum, mut adamw) = (momentum.rule.build::<f64>(), adamw.rule.build::<f64>());
    let mut x = FlatVector::zeros(7);
    adamw.update(&Step::new(&space(), 0.1, &FlatVector::zeros(7)), &mut x);
    let mut state = State::new();
    adamw.save(&mut state.writer("rule"));
    let missing = momentum.restore(&state.reader("rule"), 7).unwrap_err();
    assert!(matches!(missing, StateError::Missing { .. }), "{missing}");
    let length = adamw.restore(&state.reader("rule"), 8).unwrap_err();
    assert_eq!(length, StateError::Len { name: "rule.first".into(), found: 7, expected: 8 });
}

#[test]
fn a_rule_reads_as_it_is_written_and_knows_its_keys() {
    assert_eq!(
        serde_json::to_string(&RuleConfig::default()).unwrap(),
        r#"{"sgd-momentum":{"momentum":0.9,"weight-decay":0.0001,"nesterov":false}}"#
    );
    let wrong = r#"{"adamw":{"beta1":0.9,"beta2":0.999,"eps":1e-8,"weight-decay":0.0}}"#;
    let error = serde_json::from_str::<RuleConfig>(wrong).unwrap_err();
    assert!(error.to_string().contains("`eps`") && error.to_string().contains("`epsilon`"), "{error}");
}
