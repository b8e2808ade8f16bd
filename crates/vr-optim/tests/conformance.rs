//! Every estimator with every update rule through the checks that all of them owe. A new method is one line.

use vr_core::vector::norm;
use vr_core::{FlatVector, MinibatchKey, MinibatchSource, Normalization, Oracle, Stream, TransformKey};
use vr_optim::conformance::problem::{Loss, M, P, Regression, Samples, start};
use vr_optim::conformance::{Cost, Promises, check};
use vr_optim::estimators::mars::Difference;
use vr_optim::estimators::saga::Form;
use vr_optim::estimators::self_tuning::coefficient::{CoefficientRule, Estimation, Per, Refresh};
use vr_optim::estimators::self_tuning::switch::{ByCost, SwitchRule};
use vr_optim::estimators::storm::Weight;
use vr_optim::rule::adagrad::Scale;
use vr_optim::{
    AdaGradConfig, AdamWConfig, EstimatorConfig, InnerSamples, InnerSteps, LionConfig, Locking, LooplessConfig,
    MarsConfig, MegaBatchConfig, MegaBatchSize, PageConfig, RuleConfig, SagaConfig, SarahConfig, SelfTuningConfig,
    SgdMomentumConfig, SnapshotGradients, SnapshotRule, StepDecay, StormConfig, SvrgConfig, TableStorage, Training,
    ZeroSarahConfig,
};

type Run = Training<Regression, Samples>;

/// Minibatches per epoch.
const E: u64 = M as u64;
const EPOCHS: u64 = 400;

struct Method {
    name: &'static str,
    estimator: EstimatorConfig<f64>,
    promises: Promises,
    /// Share of the first full gradient's norm that may be left after [`EPOCHS`] epochs.
    reaches: f64,
}

/// Methods whose variance vanishes at the minimum get there; the others as far as the step size, the
/// rounding of the table or the sampling of μ lets them.
const MINIMUM: f64 = 1e-12;
const ROUNDED: f64 = 1e-5;
/// SAG's steps take up a new gradient by an m-th only.
const SLOWLY: f64 = 1e-5;
const NOISE: f64 = 2e-3;
const SAMPLED: f64 = 5e-2;
/// Each coordinate of a step of Lion has the length of the rate, which is 2e-4 at the end.
const STRIDE: f64 = 2e-2;
/// So has the first step after AdaGrad began anew, as a whole.
const LEAP: f64 = 6e-2;

fn methods() -> Vec<Method> {
    let method = |name, estimator, promises, reaches| Method { name, estimator, promises, reaches };
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
    let saga =
        |weight, storage| EstimatorConfig::Saga(SagaConfig { weight, storage, seed: 3, ..SagaConfig::default() });
    let sag = EstimatorConfig::Saga(SagaConfig { form: Form::Sag, seed: 3, ..SagaConfig::default() });
    let loopless = |probability| EstimatorConfig::Loopless(LooplessConfig { probability, seed: 3 });
    let exact = |cost: fn(u64) -> Cost| Promises { cost: Some(cost), ..Promises::exact() };
    let unbiased = |cost: fn(u64) -> Cost| Promises { exact_at_snapshot: false, ..exact(cost) };
    let sampled = |cost: Option<fn(u64) -> Cost>| Promises { unbiased: false, exact_at_snapshot: true, cost };
    let plain = unbiased(|e| Cost { inner: e * E, ..Cost::default() });
    let tuned = |change: fn(&mut SelfTuningConfig)| {
        let (gradients, switch) = (SnapshotGradients::Stored, SwitchRule::Never);
        let mut config = SelfTuningConfig { gradients, switch, ..SelfTuningConfig::default() };
        change(&mut config);
        EstimatorConfig::SelfTuning(config)
    };
    let unbiased_at_some_cost = Promises { unbiased: true, exact_at_snapshot: false, cost: None };
    let whole = |c: &mut MegaBatchConfig| c.size = MegaBatchSize::Constant(M);
    vec![
        method("sgd", EstimatorConfig::Sgd, plain, NOISE),
        method("svrg stored", svrg(|_| ()), exact(stored_cost), MINIMUM),
        method("svrg in a file", svrg(|c| c.storage = in_file()), exact(stored_cost), MINIMUM),
        method("svrg in bf16", svrg(|c| c.storage = TableStorage::Bf16), unbiased(stored_cost), ROUNDED),
        method("svrg at an average", svrg(average), exact(stored_cost), MINIMUM),
        method("svrg recomputed", svrg(recomputed), exact(|e| Cost { inner: 2 * e * E, ..stored_cost(e) }), MINIMUM),
        method(
            "svrg twice an epoch",
            svrg(|c| c.interval = Some(E / 2)),
            exact(|e| Cost { snapshot: 2 * e * E, ..stored_cost(e) }),
            MINIMUM,
        ),
        method(
            "svrg from epoch 2",
            svrg(|c| c.start = E),
            exact(|e| Cost { snapshot: (e - 1) * E, ..stored_cost(e) }),
            MINIMUM,
        ),
        method("alpha-svrg", svrg(|c| c.decay = Some(EPOCHS * E)), unbiased(stored_cost), NOISE),
        method("l-svrg", loopless(None), Promises::exact(), MINIMUM),
        method(
            "l-svrg with a coin of two heads",
            loopless(Some(1.0)),
            exact(|e| Cost { inner: 2 * e * E, snapshot: e * E * E, ..Cost::default() }),
            MINIMUM,
        ),
        method("scsg", mega(|_| ()), sampled(Some(same_cost)), NOISE),
        method("scsg over all is svrg", mega(whole), exact(same_cost), MINIMUM),
        method("streaming svrg", mega(fresh), sampled(Some(|e| Cost { inner: 2 * e * E, ..same_cost(e) })), SAMPLED),
        method("scsg published", mega(geometric), sampled(None), SAMPLED),
        method(
            "sarah",
            EstimatorConfig::Sarah(SarahConfig::default()),
            biased(Some(|e| Cost { inner: 2 * e * (E - 1), snapshot: e * E, ..Cost::default() })),
            MINIMUM,
        ),
        method("page", EstimatorConfig::Page(PageConfig { probability: Some(0.3), seed: 3 }), biased(None), MINIMUM),
        method("zero-sarah", EstimatorConfig::ZeroSarah(ZeroSarahConfig::default()), biased(Some(two_points)), MINIMUM),
        method("storm", storm(Weight::Constant(0.2)), biased(Some(two_points)), NOISE),
        method("storm adaptive", storm(ADAPTIVE), biased(Some(two_points)), NOISE),
        method("mars", mars(Difference::Exact), biased(Some(two_points)), NOISE),
        method("mars approximate", mars(Difference::Approximate), Promises { unbiased: false, ..plain }, NOISE),
        method("tuned stored", tuned(|_| ()), exact(stored_cost), MINIMUM),
        method(
            "tuned recomputed",
            tuned(|c| c.gradients = SnapshotGradients::Recomputed),
            exact(|e| Cost { inner: 2 * e * E, ..stored_cost(e) }),
            MINIMUM,
        ),
        method("tuned as a whole", tuned(|c| c.coefficient = of_the_network()), exact(stored_cost), MINIMUM),
        method("tuned at snapshots", tuned(|c| c.coefficient = at_snapshots()), unbiased(stored_cost), MINIMUM),
        method("tuned on mega-batches", tuned(|c| c.mega_batch = Some(3)), sampled(Some(same_cost)), NOISE),
        method("switched", tuned(switched), unbiased_at_some_cost, MINIMUM),
        method("self-tuning", tuned(|c| c.switch = trials()), unbiased_at_some_cost, MINIMUM),
        method("self-tuning recomputed", tuned(self_tuning_recomputed), unbiased_at_some_cost, MINIMUM),
        method("self-tuning on mega-batches", tuned(self_tuning_on_mega_batches), biased(None), NOISE),
        method("saga", saga(1.0, TableStorage::Memory), plain, MINIMUM),
        method("sag", sag, Promises { unbiased: false, ..plain }, SLOWLY),
        method("ema table", saga(0.5, TableStorage::Memory), plain, MINIMUM),
        method("ema table in a file", saga(0.5, in_file()), plain, MINIMUM),
    ]
}

const ADAPTIVE: Weight = Weight::Adaptive { c: 100.0, k: 0.1, w: 0.1 };

fn storm(weight: Weight) -> EstimatorConfig<f64> {
    EstimatorConfig::Storm(StormConfig { weight })
}

fn mars(difference: Difference) -> EstimatorConfig<f64> {
    EstimatorConfig::Mars(MarsConfig { difference, ..MarsConfig::default() })
}

/// Of methods that go on from the previous iterate.
fn biased(cost: Option<fn(u64) -> Cost>) -> Promises {
    Promises { unbiased: false, exact_at_snapshot: false, cost }
}

/// Two gradients a step, but for the first.
fn two_points(epochs: u64) -> Cost {
    Cost { inner: 2 * epochs * E - 1, ..Cost::default() }
}

fn stored_cost(epochs: u64) -> Cost {
    Cost { inner: epochs * E, snapshot: epochs * E, ..Cost::default() }
}

fn same_cost(epochs: u64) -> Cost {
    Cost { inner: epochs * E, mega_batch: epochs * E, ..Cost::default() }
}

fn average(config: &mut SvrgConfig<f64>) {
    config.snapshot = SnapshotRule::MovingAverage { keep: 0.5 };
}

fn recomputed(config: &mut SvrgConfig<f64>) {
    config.gradients = SnapshotGradients::Recomputed;
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

fn of_the_network() -> CoefficientRule {
    CoefficientRule::Estimated(Estimation { per: Per::Network, ..Estimation::default() })
}

fn at_snapshots() -> CoefficientRule {
    CoefficientRule::Estimated(Estimation { refresh: Refresh::Snapshots, ..Estimation::default() })
}

/// Trials that come as soon as they may, of every other minibatch.
fn trials() -> SwitchRule {
    SwitchRule::ByCost(ByCost { share: 1.0, trial: Some(3), ..ByCost::default() })
}

fn switched(config: &mut SelfTuningConfig) {
    (config.coefficient, config.switch) = (CoefficientRule::Fixed(1.0), trials());
}

fn self_tuning_recomputed(config: &mut SelfTuningConfig) {
    (config.gradients, config.switch) = (SnapshotGradients::Recomputed, trials());
}

fn self_tuning_on_mega_batches(config: &mut SelfTuningConfig) {
    (config.mega_batch, config.switch) = (Some(3), trials());
}

/// Each rule, and how far it gets by itself: the steps of Adam, of Lion and of an AdaGrad that begins anew do not shrink with the gradient.
fn rules() -> Vec<(RuleConfig, f64)> {
    let sgd = |nesterov| RuleConfig::SgdMomentum(SgdMomentumConfig { momentum: 0.9, weight_decay: 0.0, nesterov });
    let adamw = RuleConfig::AdamW(AdamWConfig { beta1: 0.9, beta2: 0.99, epsilon: 1e-8, weight_decay: 0.0 });
    let lion = RuleConfig::Lion(LionConfig::default());
    let adagrad = |per| RuleConfig::AdaGrad(AdaGradConfig { per, restart: Some(E), ..AdaGradConfig::default() });
    vec![(sgd(false), 0.0), (sgd(true), 0.0), (adamw, NOISE), (lion, STRIDE), (adagrad(Scale::Network), LEAP)]
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

fn run(method: &Method, rule: &RuleConfig, loss: Loss, jitter: f64) -> Run {
    let locking = if jitter > 0.0 { Locking::Unlocked } else { Locking::Locked };
    Training::new(Regression::new(loss), Samples::with_jitter(jitter), start(), method.estimator.build())
        .unwrap()
        .with_rule(rule.build())
        .with_locking(locking)
        .with_schedule(StepDecay { base: 0.02, factor: 0.1, drops: vec![EPOCHS / 2 * E, EPOCHS * 3 / 4 * E] })
}

/// Norm of the gradient over all samples.
fn full_gradient(loss: Loss, x: &FlatVector<f64>) -> f64 {
    let transform = TransformKey { stream: Stream::LockedTransform, generation: 0, visit: 0 };
    let minibatch =
        |index| Samples::with_jitter(0.0).minibatch(MinibatchKey { generation: 0, index, transform }).unwrap();
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
fn keeps_its_promises() {
    for method in methods() {
        check(|| method.estimator.build(), &method.promises)
            .unwrap_or_else(|broken| panic!("{}: {broken}", method.name));
    }
}

#[test]
fn options_are_checked_and_sized() {
    for method in methods() {
        let mut config = method.estimator.clone();
        config.check().unwrap();
        let stored = config.table(M as usize).is_some();
        let vectors = config.method().vectors();
        assert!(vectors.numbers >= 1 && (vectors.numbers > 1 || !stored), "{}: {vectors:?}", method.name);
    }
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
