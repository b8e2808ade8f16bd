//! Estimator laws, by exact enumeration over the minibatches of a small nonlinear problem.

mod toy;

use std::collections::HashSet;

use toy::{ByHand, Drawn, M, Toy, bits, training};
use vr_core::{Coefficient, FlatVector, Purpose};
use vr_optim::{
    EstimatorConfig, Locking, MegaBatchConfig, Point, SagaConfig, Sgd, SnapshotGradients, SnapshotRule, Svrg,
    SvrgConfig, Training,
};

fn svrg(gradients: SnapshotGradients, snapshot: SnapshotRule) -> Svrg<f64> {
    Svrg::new(SvrgConfig { gradients, snapshot, ..SvrgConfig::default() })
}

const AVERAGE: SnapshotRule = SnapshotRule::MovingAverage { keep: 0.9 };
const BOTH: [SnapshotGradients; 2] = [SnapshotGradients::Stored, SnapshotGradients::Recomputed];

#[test]
fn the_locked_mean_over_all_minibatches_is_the_full_gradient() {
    for gradients in BOTH {
        let mut run = training(svrg(gradients, SnapshotRule::LastIterate), Locking::Locked);
        for _ in 0..M + 2 {
            run.step().unwrap();
        }
        let total = run.variance().unwrap().total;
        assert!(total.squared_bias < 1e-28, "{total:?}");
        assert!(total.estimator_variance > 0.0 && total.ratio.unwrap() < 1.0, "{total:?}");
    }
}

#[test]
fn at_the_snapshot_every_locked_direction_is_the_mean() {
    for gradients in BOTH {
        for rule in [SnapshotRule::LastIterate, AVERAGE] {
            let mut run = training(svrg(gradients, rule), Locking::Locked);
            for _ in 0..2 * M {
                run.step().unwrap();
            }
            run.prepare().unwrap();
            assert_eq!(run.variance().unwrap().total.estimator_variance, 0.0, "{gradients:?} {rule:?}");
        }
    }
}

#[test]
fn without_locking_the_stored_estimator_has_variance_and_the_recomputed_one_bias_at_the_snapshot() {
    let at_start = |gradients| {
        let mut run = training(svrg(gradients, SnapshotRule::LastIterate), Locking::Unlocked);
        run.prepare().unwrap();
        run.variance().unwrap().total
    };
    let (stored, recomputed) = (at_start(SnapshotGradients::Stored), at_start(SnapshotGradients::Recomputed));
    assert!(stored.estimator_variance > 0.01 * stored.sgd_variance, "{stored:?}");
    assert!(recomputed.estimator_variance == 0.0 && recomputed.squared_bias > 1e-6, "{recomputed:?}");
}

#[test]
fn storage_equals_recomputation_to_the_bit() {
    for rule in [SnapshotRule::LastIterate, AVERAGE] {
        let [stored, recomputed] = BOTH.map(|gradients| {
            let mut run = training(svrg(gradients, rule), Locking::Locked);
            for _ in 0..3 * M + 2 {
                run.step().unwrap();
            }
            (bits(run.iterate()), run.counts())
        });
        assert_eq!(stored.0, recomputed.0);
        let m = M as u64;
        assert_eq!(stored.1.inner.minibatches, 3 * m + 2);
        assert_eq!(recomputed.1.inner.minibatches, 2 * (3 * m + 2));
        assert_eq!((stored.1.snapshot, recomputed.1.snapshot.minibatches), (recomputed.1.snapshot, 4 * m));
    }
}

#[test]
fn coefficient_zero_and_a_method_not_yet_switched_on_are_sgd_to_the_bit() {
    let run = |estimator: EstimatorConfig<f64>| {
        let mut run = training(estimator.build(), Locking::Locked);
        for _ in 0..3 * M {
            run.step().unwrap();
        }
        bits(run.iterate())
    };
    let sgd = run(EstimatorConfig::Sgd);
    let zero = SvrgConfig { coefficient: Coefficient::Scalar(0.0), ..SvrgConfig::default() };
    let late = SvrgConfig { start: 3 * M as u64, ..SvrgConfig::default() };
    let on = SvrgConfig { start: M as u64, ..SvrgConfig::default() };
    assert_eq!(run(EstimatorConfig::Svrg(zero)), sgd);
    assert_eq!(run(EstimatorConfig::Svrg(late)), sgd);
    assert_ne!(run(EstimatorConfig::Svrg(on)), sgd);
}

#[test]
fn the_generation_belongs_to_the_snapshot() {
    let config = SvrgConfig { interval: Some(2 * M as u64), ..SvrgConfig::default() };
    let mut run = training(Svrg::new(config), Locking::Locked);
    let mut generations = Vec::new();
    for _ in 0..4 {
        run.prepare().unwrap();
        generations.push(run.estimator().generation());
        run.epoch().unwrap();
    }
    assert_eq!(generations, [0, 0, 1, 1]);
}

/// Between its last step and the next one's first request.
#[test]
fn a_generation_is_measured_until_the_next_begins() {
    for estimator in [
        EstimatorConfig::Sgd,
        EstimatorConfig::Svrg(SvrgConfig::default()),
        EstimatorConfig::Svrg(SvrgConfig { start: u64::MAX, ..SvrgConfig::default() }),
    ] {
        let mut run = training(estimator.build(), Locking::Locked);
        for generation in 0..3 {
            run.epoch().unwrap();
            for expected in [generation, generation + 1] {
                let full = toy::full_gradient(run.iterate(), expected);
                let found = run.full_gradient().unwrap();
                assert!(vr_core::vector::distance(&found, &full) < 1e-14, "{estimator:?} generation {expected}");
                run.prepare().unwrap();
            }
        }
    }
}

/// Generation and index of each step's minibatch, and the steps that snapshots came before. No two
/// passes draw the same unlocked transforms.
fn visits(interval: u64, steps: usize) -> (Vec<(u32, u32)>, Vec<usize>) {
    let config = SvrgConfig { interval: Some(interval), ..SvrgConfig::default() };
    let mut run = ByHand::new(Box::new(Svrg::new(config)));
    run.drive(steps, usize::MAX);
    let own = run.log.iter().filter(|(_, r)| r.purpose == Purpose::Inner && r.point == Point::Current);
    let passes: Vec<_> = run.log.iter().filter(|(_, r)| r.purpose == Purpose::Snapshot && r.index == 0).collect();
    assert!(passes.iter().map(|(step, _)| step).eq(&run.snapshots));
    let draws: HashSet<_> = passes.iter().map(|(_, r)| (r.generation, r.visit)).collect();
    assert_eq!(draws.len(), passes.len());
    (own.map(|(_, r)| (r.generation, r.index)).collect(), passes.iter().map(|(step, _)| *step).collect())
}

#[test]
fn an_epoch_visits_every_minibatch_once_whatever_the_interval() {
    let m = M as u32;
    let epochs: Vec<(u32, u32)> = (0..3 * m).map(|step| (step / m, step % m)).collect();
    for (interval, passes) in [
        (1, (0..3 * M).collect()),
        (2, vec![0, 2, 4, 5, 7, 9, 10, 12, 14]),
        (3, vec![0, 3, 5, 8, 10, 13]),
        (5, vec![0, 5, 10]),
    ] {
        assert_eq!(visits(interval, 3 * M), (epochs.clone(), passes), "{interval}");
    }
}

#[test]
fn beyond_an_epoch_the_plan_lasts_as_long_as_the_snapshot() {
    let (own, passes) = visits(7, 16);
    let expected: Vec<(u32, u32)> = (0..16).map(|step| (step / 7, step % 7 % M as u32)).collect();
    assert_eq!((own, passes), (expected, vec![0, 7, 14]));
}

#[test]
fn a_fraction_of_an_epoch_keeps_the_laws() {
    for gradients in BOTH {
        for locking in [Locking::Locked, Locking::Unlocked] {
            let config = SvrgConfig { gradients, interval: Some(2), ..SvrgConfig::default() };
            let mut run = training(Svrg::new(config), locking);
            for step in 0..2 * M {
                run.prepare().unwrap();
                let total = run.variance().unwrap().total;
                if locking == Locking::Locked {
                    assert!(total.squared_bias < 1e-28, "{total:?}");
                    assert_eq!(total.estimator_variance == 0.0, [0, 2, 4].contains(&(step % M)), "{step} {total:?}");
                }
                run.step().unwrap();
            }
            assert_eq!(run.counts().snapshot.minibatches, 6 * M as u64);
        }
    }
}

/// α is 1, ½ and 0 in the first three epochs, so that at a snapshot SGD's variance is left to the part (1 − α)².
#[test]
fn a_coefficient_falls_from_snapshot_to_snapshot() {
    for gradients in BOTH {
        let config = SvrgConfig { gradients, decay: Some(2 * M as u64), ..SvrgConfig::default() };
        let mut run = training(Svrg::new(config), Locking::Locked);
        for left in [0.0, 0.25, 1.0, 1.0] {
            for step in 0..M {
                run.prepare().unwrap();
                let total = run.variance().unwrap().total;
                assert!(total.squared_bias < 1e-28, "{total:?}");
                let ratio = total.ratio.unwrap();
                assert!(step > 0 && left < 1.0 || (ratio - left).abs() < 1e-12, "step {step}: {ratio} for {left}");
                run.step().unwrap();
            }
        }
    }
}

#[test]
fn measuring_and_parallelism_do_not_change_the_course() {
    // Debug prints a number's every bit.
    type Measure = fn(&mut Training<Toy, Drawn>) -> String;
    let measures: [Measure; 2] = [
        |run| {
            let survey = run.survey().unwrap();
            assert_eq!(survey.variance.minibatches, M as u64);
            assert!(survey.within.minibatches > 0);
            assert!(survey.geometry.is_none_or(|geometry| geometry.distance >= 0.0));
            format!("{survey:?}")
        },
        |run| format!("{:?}", run.full_gradient().unwrap()),
    ];
    for estimator in [
        EstimatorConfig::Sgd,
        EstimatorConfig::Svrg(SvrgConfig { snapshot: AVERAGE, ..SvrgConfig::default() }),
        EstimatorConfig::MegaBatch(MegaBatchConfig::scsg_published(1)),
        EstimatorConfig::MegaBatch(MegaBatchConfig::scsg_released()),
        EstimatorConfig::Saga(SagaConfig::default()),
    ] {
        for measure in measures {
            let mut plain = training(estimator.build(), Locking::Unlocked);
            let mut serial = training(estimator.build(), Locking::Unlocked);
            let mut measured = training(estimator.build(), Locking::Unlocked).in_parallel();
            for _ in 0..2 * M + 1 {
                assert_eq!(measure(&mut serial), measure(&mut measured), "{estimator:?}");
                plain.step().unwrap();
                for run in [&mut serial, &mut measured] {
                    run.prepare().unwrap();
                }
                assert_eq!(measure(&mut serial), measure(&mut measured), "{estimator:?} at a step's start");
                for run in [&mut serial, &mut measured] {
                    run.step().unwrap();
                }
                assert_eq!(plain.direction(), measured.direction());
            }
            assert_eq!(bits(plain.iterate()), bits(measured.iterate()), "{estimator:?}");
            assert_eq!(plain.tracks(), measured.tracks());
            assert_eq!(plain.counts().training(), measured.counts().training());
        }
    }
}

#[test]
fn distance_and_curvature_are_those_of_the_definition() {
    let mut run = training(Svrg::recomputed(), Locking::Locked);
    assert_eq!(run.survey().unwrap().geometry, None);
    run.prepare().unwrap();
    let at_snapshot = run.survey().unwrap().geometry.unwrap();
    assert_eq!((at_snapshot.distance, at_snapshot.relative_distance), (0.0, Some(0.0)));
    assert_eq!((at_snapshot.curvature, at_snapshot.mean_square_curvature), (None, None));
    assert!(at_snapshot.gradient_distance < 1e-14, "{at_snapshot:?}");
    let snapshot = run.iterate().clone();
    for _ in 0..3 {
        run.step().unwrap();
    }
    let full = |x: &FlatVector<f64>| toy::full_gradient(x, 0);
    let way = vr_core::vector::distance(run.iterate(), &snapshot);
    let gradients = vr_core::vector::distance(&full(run.iterate()), &full(&snapshot));
    let survey = run.survey().unwrap();
    assert_eq!(survey.full_gradient, run.full_gradient().unwrap());
    let found = survey.geometry.unwrap();
    assert_eq!(found.distance, way);
    assert!((found.gradient_distance - gradients).abs() < 1e-14, "{found:?} {gradients}");
    assert_eq!(found.curvature, Some(found.gradient_distance / way));
    assert_eq!(found.relative_distance, Some(way / vr_core::vector::norm(&snapshot)));
    let changed =
        |b| vr_core::vector::squared_distance(&toy::gradient(run.iterate(), 0, b), &toy::gradient(&snapshot, 0, b));
    let expected = (0..M as u32).map(changed).sum::<f64>() / M as f64 / way.powi(2);
    assert!((found.mean_square_curvature.unwrap() - expected).abs() < 1e-12, "{found:?} {expected}");
}

#[test]
fn a_configuration_that_cannot_work_is_refused() {
    let refused = |config: SvrgConfig<f64>| {
        Training::new(Toy::new(), Drawn, toy::start(), Svrg::new(config)).err().unwrap().to_string()
    };
    let never = refused(SvrgConfig { interval: Some(0), ..SvrgConfig::default() });
    assert!(never.contains("svrg-recomputed") && never.contains("`interval` is 0"), "{never}");
    let short = SvrgConfig { coefficient: Coefficient::PerTensor(vec![1.0]), ..SvrgConfig::default() };
    assert!(refused(short).contains("coefficient"));
    for keep in [-0.1, 1.0, f64::NAN] {
        let snapshot = SnapshotRule::MovingAverage { keep };
        assert!(refused(SvrgConfig { snapshot, ..SvrgConfig::default() }).contains("moving-average.keep"), "{keep}");
    }
}

#[test]
fn an_iterate_of_the_wrong_length_is_refused() {
    let error = Training::new(Toy::new(), Drawn, FlatVector::zeros(3), Sgd::new()).err().unwrap();
    assert!(error.to_string().contains("3 elements"), "{error}");
}
