//! The schedules: PyTorch's rates, which `tests/pytorch/schedules.py` wrote, and laws that hold for any settings.

use proptest::prelude::*;
use serde::Deserialize;
use vr_optim::schedule::{ByEpoch, Constant, Cosine, Polynomial, Schedule, ScheduleConfig, StepDecay, WarmUp};

#[derive(Deserialize)]
struct Fixture {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    schedule: ScheduleConfig,
    rates: Vec<f64>,
}

#[test]
fn every_schedule_follows_pytorch() {
    let Fixture { cases } = serde_json::from_str(include_str!("pytorch/schedules.json")).unwrap();
    assert_eq!(cases.len(), 16);
    for Case { schedule, rates } in cases {
        for (step, &rate) in rates.iter().enumerate() {
            let found = schedule.at(step as u64);
            assert!((found - rate).abs() <= 1e-15, "{schedule:?}, step {step}: {found} for {rate}");
        }
    }
}

#[test]
fn after_its_length_the_last_rate_stays() {
    let (base, last, length) = (0.5, 0.125, 10);
    for step in [10, 11, 1000, u64::MAX] {
        assert_eq!(Cosine { base, last, length }.at(step), last);
        assert_eq!(Polynomial { base, last, length, power: 0.5 }.at(step), last);
    }
    assert_eq!(Cosine { base, last, length: 0 }.at(0), last);
}

#[test]
fn a_schedule_reads_as_it_is_written_and_knows_its_keys() {
    let text = r#"{"warm-up":{"first":0.0,"length":5,"then":{"by-epoch":{"steps-per-epoch":2,"schedule":{"constant":{"base":0.1}}}}}}"#;
    let config: ScheduleConfig = serde_json::from_str(text).unwrap();
    assert_eq!(serde_json::to_string(&config).unwrap(), text);
    let wrong = r#"{"cosine":{"base":0.1,"minimum":0.0,"length":3}}"#;
    let error = serde_json::from_str::<ScheduleConfig>(wrong).unwrap_err().to_string();
    assert!(error.contains("`minimum`") && error.contains("`last`"), "{error}");
}

fn shapes() -> impl Strategy<Value = ScheduleConfig> {
    let steps = (0.1..1.0, prop::collection::vec(0u64..200, 0..4));
    prop_oneof![
        (1e-3..10.0).prop_map(|base| ScheduleConfig::Constant(Constant { base })),
        (1e-3..10.0, steps).prop_map(|(base, (factor, drops))| ScheduleConfig::Steps(StepDecay {
            base,
            factor,
            drops
        })),
        (1e-3..10.0, 0.0..1.0, 0u64..200)
            .prop_map(|(base, share, length)| { ScheduleConfig::Cosine(Cosine { base, last: share * base, length }) }),
        (1e-3..10.0, 0.0..1.0, 0u64..200, 0.1..4.0).prop_map(|(base, share, length, power)| {
            ScheduleConfig::Polynomial(Polynomial { base, last: share * base, length, power })
        }),
    ]
}

proptest! {
    #[test]
    fn rates_fall_and_stay_between_first_and_last(schedule in shapes()) {
        let rates: Vec<f64> = (0..250).map(|step| schedule.at(step)).collect();
        prop_assert!(rates.windows(2).all(|pair| pair[1] <= pair[0] * (1.0 + 1e-12)));
        prop_assert!(rates.iter().all(|&rate| rate.is_finite() && rate >= 0.0));
    }

    #[test]
    fn a_warm_up_rises_evenly_to_the_first_rate(then in shapes(), first in 0.0..1.0, length in 1u64..100) {
        let schedule = WarmUp { first, length, then: then.clone() };
        prop_assert_eq!(schedule.at(length), then.at(0));
        prop_assert_eq!(schedule.at(length + 17), then.at(17));
        let height = then.at(0);
        let rise = height * (1.0 - first) / length as f64;
        for step in 0..length {
            // The last step before its end is one rise below: no jump.
            let difference = schedule.at(step + 1) - schedule.at(step);
            prop_assert!((difference - rise).abs() <= 1e-12 * height || step + 1 == length);
            prop_assert!((schedule.at(step) - height * first - rise * step as f64).abs() <= 1e-12 * height);
        }
        prop_assert!((height - schedule.at(length - 1) - rise).abs() <= 1e-12 * height);
    }

    #[test]
    fn no_warm_up_changes_nothing(then in shapes(), step in 0u64..250) {
        prop_assert_eq!(WarmUp { first: 0.3, length: 0, then: then.clone() }.at(step), then.at(step));
    }

    /// A cosine or polynomial over e epochs of s steps has, at the first step of every epoch, the same rate by epoch
    /// and by step; one-step epochs are steps.
    #[test]
    fn by_epoch_is_by_step_where_they_coincide(
        base in 1e-3..10.0, share in 0.0..1.0, epochs in 1u64..50, steps in 1u64..40, power in 0.1..4.0, at in 0u64..60,
    ) {
        let last = share * base;
        let cosine = |length| Cosine { base, last, length };
        let polynomial = |length| Polynomial { base, last, length, power };
        let decay = |unit: u64| StepDecay { base, factor: 0.1, drops: vec![unit * (epochs / 2), unit * epochs] };
        let close = |a: f64, b: f64| (a - b).abs() <= 1e-12 * base;
        let epoch = |schedule| ByEpoch { steps_per_epoch: steps, schedule };
        prop_assert!(close(epoch(cosine(epochs)).at(at * steps), cosine(epochs * steps).at(at * steps)));
        let by_epoch = ByEpoch { steps_per_epoch: steps, schedule: polynomial(epochs) };
        prop_assert!(close(by_epoch.at(at * steps), polynomial(epochs * steps).at(at * steps)));
        for step in at * steps..(at + 1) * steps {
            let by_epoch = ByEpoch { steps_per_epoch: steps, schedule: decay(1) };
            prop_assert_eq!(by_epoch.at(step), decay(steps).at(step));
        }
        prop_assert_eq!(ByEpoch { steps_per_epoch: 1, schedule: cosine(epochs) }.at(at), cosine(epochs).at(at));
    }
}
