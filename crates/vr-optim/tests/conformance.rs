//! Every estimator with every update rule through the checks that all of them owe. A new method is one line.

mod problem;

use vr_core::vector::norm;
use vr_core::{FlatVector, MinibatchKey, MinibatchSource, Normalization, Oracle, Stream, TransformKey};
use vr_optim::{
    EstimatorConfig, InnerSamples, InnerSteps, Locking, MegaBatchConfig, MegaBatchSize, RuleConfig, SagaConfig,
    SnapshotGradients, SnapshotRule, StepDecay, SvrgConfig, TableStorage, Training,
};

use problem::{Loss, M, P, Regression, Samples};

type Run = Training<Regression, Samples>;

/// Minibatches per epoch.
const E: u64 = M as u64;
const EPOCHS: u64 = 400;

/// A number of evaluations that chance governs.
const DRAWN: u64 = u64::MAX;

struct Method {
    name: &'static str,
    estimator: EstimatorConfig<f64>,
    /// Minibatch gradients that a number of epochs costs: inner, in snapshot passes, in mega-batches.
    cost: fn(epochs: u64) -> [u64; 3],
    /// Share of the first full gradient's norm that may be left after [`EPOCHS`] epochs.
    reaches: f64,
}

/// Methods whose variance vanishes at the minimum get there; the others as far as the step size, the
/// rounding of the table or the sampling of μ lets them.
const MINIMUM: f64 = 1e-12;
const ROUNDED: f64 = 1e-5;
const NOISE: f64 = 2e-3;
const SAMPLED: f64 = 5e-2;

fn methods() -> Vec<Method> {
    let method = |name, estimator, cost, reaches| Method { name, estimator, cost, reaches };
    let svrg = |change: fn(&mut SvrgConfig<f64>)| {
        let mut config = SvrgConfig { gradients: SnapshotGradients::Stored, ..SvrgConfig::default() };
        change(&mut config);
        EstimatorConfig::Svrg(config)
    };
    let mega = |change: fn(&mut MegaBatchConfig)| {
        let mut config = MegaBatchConfig { size: MegaBatchSize::Constant(3), ..MegaBatchConfig::scsg_released() };
        change(&mut config);
        EstimatorConfig::MegaBatch(config)
    };
    let saga = |weight, storage| EstimatorConfig::Saga(SagaConfig { weight, storage, seed: 3 });
    let stored = |e| [e * E, e * E, 0];
    let recomputed = |e| [2 * e * E, e * E, 0];
    vec![
        method("sgd", EstimatorConfig::Sgd, |e| [e * E, 0, 0], NOISE),
        method("svrg stored", svrg(|_| ()), stored, MINIMUM),
        method("svrg in a file", svrg(|c| c.storage = in_file()), stored, MINIMUM),
        method("svrg in bf16", svrg(|c| c.storage = TableStorage::Bf16), stored, ROUNDED),
        method("svrg at an average", svrg(|c| c.snapshot = SnapshotRule::MovingAverage { keep: 0.5 }), stored, MINIMUM),
        method("svrg recomputed", svrg(|c| c.gradients = SnapshotGradients::Recomputed), recomputed, MINIMUM),
        method("svrg twice an epoch", svrg(|c| c.interval = Some(E / 2)), |e| [e * E, 2 * e * E, 0], MINIMUM),
        method("svrg from epoch 2", svrg(|c| c.start = E), |e| [e * E, (e - 1) * E, 0], MINIMUM),
        method("scsg", mega(|_| ()), |e| [e * E, 0, e * E], NOISE),
        method("scsg over all is svrg", mega(|c| c.size = MegaBatchSize::Constant(M)), |e| [e * E, 0, e * E], MINIMUM),
        method("streaming svrg", mega(fresh), |e| [2 * e * E, 0, e * E], SAMPLED),
        method("scsg published", mega(geometric), |e| [2 * e * E, 0, DRAWN], SAMPLED),
        method("saga", saga(1.0, TableStorage::Memory), |e| [e * E, 0, 0], MINIMUM),
        method("ema table", saga(0.5, TableStorage::Memory), |e| [e * E, 0, 0], MINIMUM),
        method("ema table in a file", saga(0.5, in_file()), |e| [e * E, 0, 0], MINIMUM),
    ]
}

fn in_file() -> TableStorage {
    TableStorage::File { folder: std::env::temp_dir() }
}

fn fresh(config: &mut MegaBatchConfig) {
    (config.samples, config.gradients) = (InnerSamples::Fresh, SnapshotGradients::Recomputed);
}

fn geometric(config: &mut MegaBatchConfig) {
    fresh(config);
    config.inner = InnerSteps::Geometric { mean: 3.0 };
}

/// Each rule, and how far it gets by itself: Adam's steps do not shrink with the gradient.
fn rules() -> Vec<(RuleConfig, f64)> {
    let sgd = |nesterov| RuleConfig::SgdMomentum { momentum: 0.9, weight_decay: 0.0, nesterov };
    let adamw = RuleConfig::AdamW { beta1: 0.9, beta2: 0.99, epsilon: 1e-8, weight_decay: 0.0 };
    vec![(sgd(false), 0.0), (sgd(true), 0.0), (adamw, NOISE)]
}

/// Calls `check` with every pair, its name, and the share that it may leave of the gradient.
fn for_every_pair(check: impl Fn(&str, &Method, &RuleConfig, f64)) {
    for method in methods() {
        for (rule, reaches) in rules() {
            let name = format!("{} with {}", method.name, rule.build::<f64>().name());
            check(&name, &method, &rule, method.reaches.max(reaches));
        }
    }
}

fn start() -> FlatVector<f64> {
    FlatVector::from(vec![0.5, -1.0, 0.25, 0.0, 2.0])
}

fn run(method: &Method, rule: &RuleConfig, loss: Loss, jitter: f64) -> Run {
    let locking = if jitter > 0.0 { Locking::Unlocked } else { Locking::Locked };
    Training::new(Regression::new(loss), Samples { jitter }, start(), method.estimator.build())
        .unwrap()
        .with_rule(rule.build())
        .with_locking(locking)
        .with_schedule(StepDecay { base: 0.02, factor: 0.1, drops: vec![EPOCHS / 2 * E, EPOCHS * 3 / 4 * E] })
}

/// Norm of the gradient over all samples.
fn full_gradient(loss: Loss, x: &FlatVector<f64>) -> f64 {
    let transform = TransformKey { stream: Stream::LockedTransform, generation: 0, visit: 0 };
    let minibatch =
        |index| Samples { jitter: 0.0 }.minibatch(MinibatchKey { generation: 0, index, transform }).unwrap();
    let all = (0..M).flat_map(minibatch).collect();
    let mut gradient = FlatVector::zeros(P);
    Regression::new(loss).gradient(x, Normalization::Batch, &all, &mut gradient).unwrap();
    norm(&gradient)
}

#[test]
fn converges_on_a_quadratic_and_a_logistic_problem() {
    for loss in [Loss::Squares, Loss::Logistic] {
        let first = full_gradient(loss, &start());
        for_every_pair(|name, method, rule, reaches| {
            let mut run = run(method, rule, loss, 0.0);
            for _ in 0..EPOCHS {
                run.epoch().unwrap();
            }
            let left = full_gradient(loss, run.iterate()) / first;
            assert!(left <= reaches, "{name}, {loss:?}: {left:e} of the gradient is left");
        });
    }
}

#[test]
fn costs_what_it_says() {
    for_every_pair(|name, method, rule, _| {
        let mut run = run(method, rule, Loss::Logistic, 0.3);
        for epochs in 1..=3 {
            run.epoch().unwrap();
            run.variance().unwrap();
            let counts = run.counts();
            let cost = [counts.inner, counts.snapshot, counts.mega_batch].map(|count| count.minibatches);
            for (found, expected) in cost.into_iter().zip((method.cost)(epochs)) {
                assert!(found == expected || expected == DRAWN, "{name}, {epochs} epochs: {cost:?}");
            }
        }
    });
}

#[test]
fn repeats_to_the_bit_in_parallel_too() {
    for_every_pair(|name, method, rule, _| {
        let course = |mut run: Run| {
            for _ in 0..3 * E + 2 {
                run.step().unwrap();
            }
            (run.iterate().clone(), run.counts())
        };
        let serial = course(run(method, rule, Loss::Logistic, 0.3));
        assert_eq!(serial, course(run(method, rule, Loss::Logistic, 0.3)), "{name}");
        assert_eq!(serial, course(run(method, rule, Loss::Logistic, 0.3).in_parallel()), "{name} in parallel");
    });
}

/// The run is left after every step and after every window of a pass, saved, and taken up by a new
/// one. An attempt goes one window further than the last, since a new run may first have to fill a
/// table again.
#[test]
fn goes_on_from_a_saved_state_to_the_bit() {
    for_every_pair(|name, method, rule, _| {
        let mut plain = run(method, rule, Loss::Logistic, 0.3);
        let mut resumed = run(method, rule, Loss::Logistic, 0.3);
        for step in 0..3 * E + 2 {
            plain.step().unwrap();
            for attempt in 1.. {
                let mut windows = 0..;
                let progress = resumed.step_until(|| windows.next() >= Some(attempt)).unwrap();
                let state = resumed.save().unwrap();
                resumed = run(method, rule, Loss::Logistic, 0.3);
                resumed.restore(&state).unwrap();
                if progress.is_some() {
                    break;
                }
            }
            assert_eq!(plain.iterate(), resumed.iterate(), "{name}, step {step}");
        }
        assert_eq!(plain.counts().training(), resumed.counts().training(), "{name}");
        assert_eq!(plain.save().unwrap(), resumed.save().unwrap(), "{name}");
    });
}
