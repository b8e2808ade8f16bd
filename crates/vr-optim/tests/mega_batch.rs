//! The laws of streaming SVRG and SCSG, by exact enumeration.

mod toy;

use std::ops::Range;

use toy::{ByHand, Drawn, M, P, Toy, bits, full_gradient, mean_gradient, training};
use vr_core::vector::distance;
use vr_core::{FlatVector, Purpose};
use vr_optim::{
    Estimator, InnerSamples, InnerSteps, Locking, MegaBatch, MegaBatchConfig, MegaBatchSize, Point, SnapshotGradients,
    Svrg, Training,
};

fn same(size: u32) -> MegaBatchConfig {
    MegaBatchConfig { size: MegaBatchSize::Constant(size), ..MegaBatchConfig::scsg_released() }
}

fn locked(config: MegaBatchConfig) -> Training<Toy, Drawn> {
    training(MegaBatch::new(config), Locking::Locked)
}

/// What a run asks for: the mega-batches, each with its generation and its minibatches, and the
/// generation, index and visit of every step's own minibatch, by mega-batch.
type Course = Vec<((u32, Range<u32>), Vec<(u32, u32, u32)>)>;

fn course(config: MegaBatchConfig, steps: usize) -> Course {
    let mut run = ByHand::new(Box::new(MegaBatch::new(config)));
    run.drive(steps, usize::MAX);
    let mut course = Course::new();
    let mut within = false;
    for (_, request) in &run.log {
        let pass = request.purpose == Purpose::MegaBatch;
        if pass && !within {
            course.push(((request.generation, request.index..request.index), Vec::new()));
        }
        within = pass;
        let ((generation, minibatches), own) = course.last_mut().unwrap();
        if pass {
            assert_eq!((request.generation, request.index), (*generation, minibatches.end));
            minibatches.end += 1;
        } else if request.point == Point::Current {
            own.push((request.generation, request.index, request.visit));
        }
    }
    course
}

#[test]
fn as_released_a_mega_batch_serves_its_own_minibatches_and_the_rest_of_the_plan_is_left_out() {
    let expected: Course = vec![
        ((0, 0..2), vec![(0, 0, 0), (0, 1, 0)]),
        ((0, 2..4), vec![(0, 2, 0), (0, 3, 0)]),
        ((1, 0..2), vec![(1, 0, 0), (1, 1, 0)]),
        ((1, 2..4), vec![(1, 2, 0)]),
    ];
    assert_eq!(course(same(2), 7), expected);
}

#[test]
fn more_steps_than_minibatches_begin_again_with_the_first() {
    let config = MegaBatchConfig { inner: InnerSteps::Fixed(3), ..same(2) };
    assert_eq!(course(config, 4)[..1], [((0, 0..2), vec![(0, 0, 0), (0, 1, 0), (0, 0, 1)])]);
}

#[test]
fn fresh_samples_are_the_next_ones_of_the_plan() {
    let expected: Course = vec![((0, 0..2), vec![(0, 2, 0), (0, 3, 0)]), ((1, 0..2), vec![(1, 2, 0), (1, 3, 0)])];
    assert_eq!(course(MegaBatchConfig::streaming(MegaBatchSize::Constant(2)), 4), expected);
    // Steps go on in the next plan where a mega-batch used up its own.
    let whole = course(MegaBatchConfig::streaming(MegaBatchSize::Constant(4)), 4);
    assert_eq!(whole, [((0, 0..4), vec![(0, 4, 0), (1, 0, 0), (1, 1, 0), (1, 2, 0)])]);
}

#[test]
fn growing_mega_batches_grow_up_to_an_epoch() {
    for (most, expected) in [(4, vec![1, 1, 2, 3, 4, 4]), (100, vec![1, 1, 2, 3, 5, 5])] {
        let size = MegaBatchSize::Growing { first: 1, factor: 1.5, most };
        let sizes: Vec<usize> = course(MegaBatchConfig::streaming(size), 16)
            .iter()
            .map(|((_, minibatches), _)| minibatches.len())
            .take(6)
            .collect();
        assert_eq!(sizes, expected);
    }
}

#[test]
fn geometric_numbers_of_steps_have_their_mean_and_none_is_zero() {
    let config = MegaBatchConfig { inner: InnerSteps::Geometric { mean: 4.0 }, seed: 7, ..same(1) };
    let steps = 20_000;
    let course = course(config.clone(), steps);
    let shares = |k: usize| course.iter().filter(|(_, own)| own.len() == k).count() as f64 / course.len() as f64;
    assert!(course.iter().all(|(_, own)| !own.is_empty()));
    // Given that there are steps: P(N = k) = (1 − γ)·γ^(k−1), the mean 1 + 4; γ = 4/5.
    let mean = steps as f64 / course.len() as f64;
    assert!((mean - 5.0).abs() < 0.3, "{mean}");
    for k in 1..6 {
        let expected = 0.2 * 0.8_f64.powi(k as i32 - 1);
        assert!((shares(k) - expected).abs() < 0.025, "{k}: {} {expected}", shares(k));
    }
    let other = MegaBatchConfig { seed: 8, ..config.clone() };
    assert_ne!(self::course(config, 50), self::course(other, 50));
}

#[test]
fn over_all_minibatches_it_is_stored_svrg_to_the_bit() {
    for size in [M as u32, 100] {
        for locking in [Locking::Locked, Locking::Unlocked] {
            let mut mega = training(MegaBatch::new(same(size)), locking);
            let mut svrg = training(Svrg::stored(), locking);
            for _ in 0..3 * M + 2 {
                mega.step().unwrap();
                svrg.step().unwrap();
                assert_eq!(bits(mega.iterate()), bits(svrg.iterate()));
                assert_eq!(mega.variance().unwrap(), svrg.variance().unwrap());
            }
            assert_eq!(mega.tracks(), svrg.tracks());
            assert_eq!(mega.counts().mega_batch, svrg.counts().snapshot);
            assert_eq!(mega.counts().inner, svrg.counts().inner);
        }
    }
}

#[test]
fn storage_equals_recomputation_to_the_bit() {
    let [stored, recomputed] = [SnapshotGradients::Stored, SnapshotGradients::Recomputed].map(|gradients| {
        let mut run = locked(MegaBatchConfig { gradients, inner: InnerSteps::Fixed(3), ..same(2) });
        for _ in 0..2 * M {
            run.step().unwrap();
        }
        (bits(run.iterate()), run.survey().unwrap())
    });
    assert_eq!(stored, recomputed);
}

/// Of the mega-batch that the third step of mega-batches of 2 belongs to: the run after `steps` steps of
/// it, the snapshot and the minibatches.
fn second(config: MegaBatchConfig, steps: usize) -> (Training<Toy, Drawn>, FlatVector<f64>, Range<u32>) {
    let mut run = locked(config);
    for _ in 0..2 {
        run.step().unwrap();
    }
    run.prepare().unwrap();
    let snapshot = run.iterate().clone();
    for _ in 0..steps {
        run.step().unwrap();
    }
    assert_eq!(run.estimator().point(Point::Snapshot), Some(&snapshot));
    (run, snapshot, 2..4)
}

#[test]
fn over_all_minibatches_its_bias_is_the_error_of_the_mega_batch() {
    for steps in [0, 1, 2] {
        let (mut run, snapshot, minibatches) = second(same(2), steps);
        let error = distance(&mean_gradient(&snapshot, 0, minibatches), &full_gradient(&snapshot, 0)).powi(2);
        let total = run.variance().unwrap().total;
        assert!(error > 1e-3, "{error}");
        assert!((total.squared_bias - error).abs() < 1e-12, "{total:?} {error}");
        assert_eq!(total.estimator_variance == 0.0, steps == 0, "{total:?}");
    }
}

#[test]
fn over_its_own_minibatches_it_is_the_mega_batchs_gradient() {
    for steps in [0, 1, 2] {
        let (mut run, _, minibatches) = second(same(2), steps);
        let x = run.iterate().clone();
        let full = full_gradient(&x, 0);
        let report = run.survey().unwrap().within;
        assert_eq!(report.minibatches, 2);
        let own = distance(&mean_gradient(&x, 0, minibatches.clone()), &full).powi(2);
        assert!((report.total.squared_bias - own).abs() < 1e-12, "{report:?} {own}");
        assert_eq!(report.total.estimator_variance == 0.0, steps == 0);
        let second_moment = minibatches.map(|b| distance(&toy::gradient(&x, 0, b), &full).powi(2)).sum::<f64>() / 2.0;
        assert!((report.total.sgd_variance - second_moment).abs() < 1e-12, "{report:?} {second_moment}");
    }
}

#[test]
fn the_inner_form_over_all_minibatches_is_the_full_pass() {
    let mut run = training(Svrg::stored(), Locking::Locked);
    run.step().unwrap();
    run.step().unwrap();
    let survey = run.survey().unwrap();
    let (full, within) = (survey.variance.total, survey.within.total);
    assert!((full.estimator_error - within.estimator_error).abs() < 1e-14);
    assert!((full.sgd_variance - within.sgd_variance).abs() < 1e-14);
}

#[test]
fn distance_and_curvature_are_over_all_minibatches() {
    let (mut run, snapshot, _) = second(same(2), 2);
    let gradients = distance(&full_gradient(run.iterate(), 0), &full_gradient(&snapshot, 0));
    let geometry = run.survey().unwrap().geometry.unwrap();
    assert_eq!(geometry.distance, distance(run.iterate(), &snapshot));
    assert!((geometry.gradient_distance - gradients).abs() < 1e-14);
}

/// An estimator over the 391 minibatches of CIFAR-10, answered with zeros for an epoch: evaluations
/// of each purpose.
fn cifar_epoch(config: MegaBatchConfig) -> [usize; 2] {
    let mut run = ByHand::over(Box::new(MegaBatch::new(config)), 391);
    run.gradient = |_, _| FlatVector::zeros(P);
    run.drive(run.estimator.steps_per_epoch(391) as usize, usize::MAX);
    [Purpose::Inner, Purpose::MegaBatch].map(|p| run.log.iter().filter(|(_, request)| request.purpose == p).count())
}

#[test]
fn an_epoch_costs_two_evaluations_a_step_as_released_and_about_three_on_fresh_samples() {
    assert_eq!(cifar_epoch(MegaBatchConfig::scsg_released()), [390, 390]);
    assert_eq!(cifar_epoch(MegaBatchConfig::streaming(MegaBatchSize::Constant(10))), [2 * 391, 400]);
    let [inner, mega_batch] = cifar_epoch(MegaBatchConfig::scsg_published(0));
    assert_eq!(inner, 2 * 391);
    assert!((200..600).contains(&mega_batch), "{mega_batch}");
}

#[test]
fn names_follow_the_configuration() {
    let name = |config| Estimator::<f64>::name(&MegaBatch::new(config));
    assert_eq!(name(MegaBatchConfig::scsg_released()), "scsg");
    assert_eq!(name(MegaBatchConfig::scsg_published(0)), "scsg-published");
    assert_eq!(name(MegaBatchConfig::streaming(MegaBatchSize::Constant(3))), "streaming-svrg");
}

#[test]
fn a_configuration_that_cannot_work_is_refused() {
    let base = MegaBatchConfig::scsg_released;
    let growing =
        |first, factor, most| MegaBatchConfig { size: MegaBatchSize::Growing { first, factor, most }, ..base() };
    let inner = |inner| MegaBatchConfig { inner, ..base() };
    for (config, word) in [
        (same(0), "size.constant"),
        (growing(0, 2.0, 4), "size.growing.first"),
        (growing(4, 2.0, 3), "size.growing.most"),
        (growing(1, 1.0, 3), "size.growing.factor"),
        (growing(1, f64::NAN, 3), "size.growing.factor"),
        (inner(InnerSteps::Fixed(0)), "inner.fixed"),
        (inner(InnerSteps::Geometric { mean: 0.5 }), "mean"),
        (inner(InnerSteps::Geometric { mean: f64::INFINITY }), "mean"),
        (inner(InnerSteps::Geometric { mean: 1e18 }), "mean"),
        (MegaBatchConfig { samples: InnerSamples::Fresh, ..base() }, "fresh"),
    ] {
        let error = MegaBatch::<f64>::new(config.clone()).begin(&std::sync::Arc::default(), 5).unwrap_err().to_string();
        assert!(error.contains(word), "{config:?}: {error}");
    }
}
